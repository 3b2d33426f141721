//! The transactions this program sends, as requests: one function per intent, no I/O.

use piecework_chain::{AccountId, Gas, NearToken, PublicKey, TxRequest};
use piecework_interface::{
    call::{
        self, BatchArgs, BatchCreateArgs, BatchSpec, DepositMessage, IntentKeyAddArgs, IntentKeyRemoveArgs,
        NodeRegisterArgs, StakeRemoveArgs, TokenListArgs, WithdrawArgs,
    },
    config::Config,
    ids::{BatchId, ClassId, NEAR, TokenId},
    intent::{self, SignedIntent},
    key::{Kind, Kinds},
};
use serde::Serialize;
use serde_json::json;

/// Gas for `new` and other calls outside the coordinator's catalogue.
const PLAIN_GAS: Gas = Gas::from_teragas(20);

/// Gas for deploying a coordinator and its first call.
const UPGRADE_GAS: Gas = Gas::from_teragas(250);

/// Methods that a machine's key may call: none of them moves value or rights.
pub const MACHINE_METHODS: [&str; 7] =
    ["work", "poke", "heartbeat", "node_pause", "node_resume", "epoch_settle", "intents_execute"];

mod case;

pub use case::{adjudicator_accept, challenge, gold_open, verdict};

type Request = Result<TxRequest, serde_json::Error>;

/// What a reward token is made of.
#[derive(Clone, Debug, Serialize)]
pub struct TokenSpec {
    /// Name.
    pub name: String,
    /// Symbol.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: u8,
}

/// Creates `account_id` with a full-access key and a balance in yoctoNEAR.
#[must_use]
pub fn account_create(account_id: AccountId, public_key: PublicKey, yoctonear: u128) -> TxRequest {
    TxRequest::to(account_id).create_account().transfer(near(yoctonear)).add_full_access_key(public_key)
}

/// Adds the deployment and initialization of a reward token to a request to its account.
///
/// # Errors
/// If the arguments cannot be written as JSON; so for all requests here.
pub fn add_token(request: TxRequest, wasm: Vec<u8>, owner_id: &AccountId, cap: u128, spec: &TokenSpec) -> Request {
    let metadata = json!({ "spec": "ft-1.0.0", "name": spec.name, "symbol": spec.symbol, "decimals": spec.decimals });
    let args = json!({ "owner_id": owner_id, "total_supply_cap": cap.to_string(), "metadata": metadata });
    request.deploy(wasm).call_json("new", &args, PLAIN_GAS, near(0))
}

/// Mints tokens to an account that is registered with the token.
///
/// # Errors
/// As [`add_token`].
pub fn token_mint(token: AccountId, account_id: &AccountId, amount: u128) -> Request {
    let args = json!({ "account_id": account_id, "amount": amount.to_string() });
    TxRequest::to(token).call_json("mint", &args, PLAIN_GAS, near(1))
}

/// Lists a reward token with the coordinator.
///
/// # Errors
/// As [`add_token`].
pub fn token_list(contract: AccountId, args: &TokenListArgs) -> Request {
    TxRequest::to(contract).call_json("token_list", args, plain(), near(1))
}

/// Adds the coordinator's initialization to a request, so that deployment and initialization can be one transaction.
///
/// # Errors
/// As [`add_token`].
pub fn add_contract_init(request: TxRequest, owner_id: &AccountId, config: &Config) -> Request {
    request.call_json("new", &json!({ "owner_id": owner_id, "config": config }), PLAIN_GAS, near(0))
}

/// NEP-145 deposit for an account, with the coordinator or a token.
///
/// # Errors
/// As [`add_token`].
pub fn storage_deposit(contract: AccountId, account_id: &AccountId, yoctonear: u128) -> Request {
    add_storage_deposit(TxRequest::to(contract), account_id, yoctonear)
}

/// Adds a NEP-145 deposit to a request, so that it and what follows take effect together.
///
/// # Errors
/// As [`add_token`].
pub fn add_storage_deposit(request: TxRequest, account_id: &AccountId, yoctonear: u128) -> Request {
    request.call_json("storage_deposit", &json!({ "account_id": account_id }), plain(), near(yoctonear))
}

/// Credits tokens to the sender's internal balance.
///
/// # Errors
/// As [`add_token`].
pub fn deposit(token: AccountId, contract: &AccountId, amount: u128) -> Request {
    transfer_call(token, contract, amount, &DepositMessage::Deposit {})
}

/// Pays for a batch and creates it in one call.
///
/// # Errors
/// As [`add_token`].
pub fn batch_create_paid(token: AccountId, contract: &AccountId, escrow: u128, batch: BatchSpec) -> Request {
    transfer_call(token, contract, escrow, &DepositMessage::CreateBatch(batch))
}

/// Creates a batch from the internal balance.
///
/// # Errors
/// As [`add_token`].
pub fn batch_create(contract: AccountId, token: TokenId, batch: BatchSpec) -> Request {
    TxRequest::to(contract).call_json("batch_create", &BatchCreateArgs { token, batch }, plain(), near(1))
}

/// Cancels a batch.
///
/// # Errors
/// As [`add_token`].
pub fn batch_cancel(contract: AccountId, batch: BatchId) -> Request {
    TxRequest::to(contract).call_json("batch_cancel", &BatchArgs { batch }, plain(), near(1))
}

/// Withdraws an internal balance; all of it without an amount.
///
/// # Errors
/// As [`add_token`].
pub fn withdraw(contract: AccountId, token: TokenId, amount: Option<u128>) -> Request {
    let args = WithdrawArgs { token, amount: amount.map(Into::into) };
    TxRequest::to(contract).call_json("withdraw", &args, Gas::from_gas(call::WITHDRAW_GAS), near(1))
}

/// Adds the registration of a node with its first stake.
///
/// # Errors
/// As [`add_token`].
pub fn add_node_register(request: TxRequest, classes: Vec<ClassId>, stake: u128) -> Request {
    request.call_json("node_register", &NodeRegisterArgs { classes }, plain(), near(stake))
}

/// Adds stake to a node.
///
/// # Errors
/// As [`add_token`].
pub fn stake_add(contract: AccountId, yoctonear: u128) -> Request {
    TxRequest::to(contract).call_json("stake_add", &json!({}), plain(), near(yoctonear))
}

/// Starts to unbond stake; all that is free without an amount.
///
/// # Errors
/// As [`add_token`].
pub fn stake_remove(contract: AccountId, yoctonear: Option<u128>) -> Request {
    let args = StakeRemoveArgs { amount: yoctonear.map(Into::into) };
    TxRequest::to(contract).call_json("stake_remove", &args, plain(), near(1))
}

/// Credits unbonded stake to the node's NEAR balance.
///
/// # Errors
/// As [`add_token`].
pub fn stake_claim(contract: AccountId) -> Request {
    TxRequest::to(contract).call_json("stake_claim", &json!({}), plain(), near(1))
}

/// Pauses the node, or resumes it.
///
/// # Errors
/// As [`add_token`].
pub fn node_pause(contract: AccountId, pause: bool) -> Request {
    let method = if pause { "node_pause" } else { "node_resume" };
    TxRequest::to(contract).call_json(method, &json!({}), plain(), near(0))
}

/// Gives a machine of the node's operator its own key.
#[must_use]
pub fn machine_key(account_id: AccountId, public_key: PublicKey, contract: &AccountId) -> TxRequest {
    let methods = MACHINE_METHODS.map(str::to_owned).to_vec();
    TxRequest::to(account_id).add_function_call_key(public_key, None, contract, methods)
}

/// A step of governance, with one yoctoNEAR.
///
/// # Errors
/// As [`add_token`].
pub fn govern(contract: AccountId, method: &str, args: &impl Serialize) -> Request {
    TxRequest::to(contract).call_json(method, args, plain(), near(1))
}

/// Applies a proposal whose time has come.
///
/// # Errors
/// As [`add_token`].
pub fn apply(contract: AccountId, number: u32) -> Request {
    TxRequest::to(contract).call_json("apply", &json!({ "number": number }), plain(), near(0))
}

/// Deploys code that was proposed.
#[must_use]
pub fn upgrade(contract: AccountId, wasm: Vec<u8>) -> TxRequest {
    TxRequest::to(contract).call("upgrade", wasm, UPGRADE_GAS, near(1))
}

/// Ends an epoch.
///
/// # Errors
/// As [`add_token`].
pub fn epoch_settle(contract: AccountId) -> Request {
    TxRequest::to(contract).call_json("epoch_settle", &json!({}), plain(), near(0))
}

/// Credits the node with what the epoch before pays it.
///
/// # Errors
/// As [`add_token`].
pub fn revenue_collect(contract: AccountId) -> Request {
    TxRequest::to(contract).call_json("revenue_collect", &json!({}), plain(), near(1))
}

/// Lets a key sign intents.
///
/// # Errors
/// As [`add_token`].
pub fn intent_key_add(contract: AccountId, args: &IntentKeyAddArgs) -> Request {
    TxRequest::to(contract).call_json("intent_key_add", args, plain(), near(1))
}

/// Adds the right of a machine's key to collect its node's revenue, which moves nothing out of the account.
///
/// # Errors
/// As [`add_token`].
pub fn add_revenue_key(request: TxRequest, public_key: intent::PublicKey) -> Request {
    let kinds = Kinds::of(&[Kind::CollectRevenue]);
    let args = IntentKeyAddArgs { public_key, kinds, token: NEAR, daily_cap: 0.into() };
    request.call_json("intent_key_add", &args, plain(), near(1))
}

/// Takes every right from a key.
///
/// # Errors
/// As [`add_token`].
pub fn intent_key_remove(contract: AccountId, public_key: intent::PublicKey) -> Request {
    let args = IntentKeyRemoveArgs { public_key };
    TxRequest::to(contract).call_json("intent_key_remove", &args, plain(), near(1))
}

/// Relays signed intents, so many of them withdrawals.
///
/// # Errors
/// If they cannot be written as Borsh.
pub fn intents_execute(
    contract: AccountId,
    intents: &[SignedIntent],
    withdrawals: usize,
) -> Result<TxRequest, std::io::Error> {
    let gas = Gas::from_gas(call::intents_gas(intents.len(), withdrawals));
    Ok(TxRequest::to(contract).call(call::INTENTS_EXECUTE, borsh::to_vec(intents)?, gas, near(0)))
}

fn transfer_call(token: AccountId, contract: &AccountId, amount: u128, message: &DepositMessage) -> Request {
    let msg = serde_json::to_string(message)?;
    let args = json!({ "receiver_id": contract, "amount": amount.to_string(), "msg": msg });
    TxRequest::to(token).call_json("ft_transfer_call", &args, Gas::from_gas(call::TRANSFER_CALL_GAS), near(1))
}

const fn plain() -> Gas {
    Gas::from_gas(call::CALL_GAS)
}

const fn near(yoctonear: u128) -> NearToken {
    NearToken::from_yoctonear(yoctonear)
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use piecework_chain::{Action, KeyFile};

    use super::*;

    #[test]
    fn machine_key__should_only_call_methods_without_deposit() {
        let key = KeyFile::generate("n.test".parse().unwrap());
        let request = machine_key(key.account_id, key.public_key, &"c.test".parse().unwrap());
        let Action::AddKey(action) = &request.actions[0] else { panic!("not an AddKey action") };
        let text = format!("{:?}", action.access_key.permission);
        assert!(text.contains("FunctionCall"), "{text}");
        assert!(!text.contains("withdraw"), "{text}");
    }

    #[test]
    fn batch_create_paid__should_carry_the_batch_in_the_message() {
        let spec: BatchSpec = serde_json::from_value(json!({
            "terms": { "class": 1, "reward": "5", "lot_size": 2, "answer_width": 1, "start": 3, "max": 6, "quorum_pct": 60,
                "claim_ttl_s": 60, "reveal_window_s": 300, "challenge_window_s": 0, "slice_s": 3, "bond_pct": 100,
                "dissent_slash_pct": 10, "abandon_slash_pct": 10, "min_reputation": 0, "expires_at": 9 },
            "items": 2, "manifest": "00".repeat(32), "uri": "blob:00"
        }))
        .unwrap();
        let request =
            batch_create_paid("t.test".parse().unwrap(), &"c.test".parse().unwrap(), 7, spec.clone()).unwrap();
        let Action::FunctionCall(call) = &request.actions[0] else { panic!("not a call") };
        let args: serde_json::Value = serde_json::from_slice(&call.args).unwrap();
        assert_eq!((args["amount"].as_str(), args["receiver_id"].as_str()), (Some("7"), Some("c.test")));
        let message: DepositMessage = serde_json::from_str(args["msg"].as_str().unwrap()).unwrap();
        assert_eq!(message, DepositMessage::CreateBatch(spec));
    }
}
