//! Calls of the coordinator. `account` spares it a look-up by name: the number of the calling account.

use piecework_interface::{
    call::{
        BatchArgs, BatchCreateArgs, BatchSkipLotsArgs, BatchSpec, CALL_GAS, ChallengeArgs, EPOCH_SETTLE, GoldOpenArgs,
        HEARTBEAT, INTENTS_EXECUTE, IntentKeyAddArgs, IntentKeyRemoveArgs, NodeRegisterArgs, POKE, StakeRemoveArgs,
        TokenListArgs, VerdictArgs, WITHDRAW_GAS, WORK, WithdrawArgs, intents_gas, poke_gas, work_gas,
    },
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, NEAR, TokenId},
    intent::SignedIntent,
    key::{Kind, Kinds, PublicKey},
    op::{Op, Target, Work},
};
use serde::Serialize;
use serde_json::json;

use crate::{Call, borsh};

const TGAS: u64 = 1_000_000_000_000;
/// Gas of `new`.
const NEW_GAS: u64 = 20 * TGAS;
/// Gas for deploying code and its migration.
const UPGRADE_GAS: u64 = 250 * TGAS;
/// Gas for each opening: its proof has up to 32 hashes.
const OPENING_GAS: u64 = 3 * TGAS;

/// Methods that the key of a node's machine may call: none of them moves value or rights.
pub const MACHINE_METHODS: [&str; 7] =
    [WORK, POKE, HEARTBEAT, "node_pause", "node_resume", EPOCH_SETTLE, INTENTS_EXECUTE];

/// A call with JSON arguments and the usual gas.
fn plain(method: &'static str, args: &(impl Serialize + ?Sized), deposit: u128) -> Call {
    Call { method, args: crate::json(args), gas: CALL_GAS, deposit }
}

/// A call that only a full-access key can make: one yoctoNEAR is attached.
fn secured(method: &'static str, args: &(impl Serialize + ?Sized)) -> Call {
    plain(method, args, 1)
}

/// Initializes the contract.
#[must_use]
pub fn new(owner_id: &str, config: &Config) -> Call {
    Call { gas: NEW_GAS, ..plain("new", &json!({ "owner_id": owner_id, "config": config }), 0) }
}

/// NEP-145: registers an account with this deposit, or adds it.
#[must_use]
pub fn storage_deposit(account_id: &str, yoctonear: u128) -> Call {
    plain("storage_deposit", &json!({ "account_id": account_id }), yoctonear)
}

/// NEP-145: takes free storage deposit back; all of it without an amount.
#[must_use]
pub fn storage_withdraw(yoctonear: Option<u128>) -> Call {
    secured("storage_withdraw", &json!({ "amount": yoctonear.map(|amount| amount.to_string()) }))
}

/// NEP-145: closes the account.
#[must_use]
pub fn storage_unregister() -> Call {
    secured("storage_unregister", &json!({}))
}

/// Lists a reward token.
#[must_use]
pub fn token_list(args: &TokenListArgs) -> Call {
    secured("token_list", args)
}

/// Offers ownership to an account, or takes the offer back.
#[must_use]
pub fn owner_propose(account_id: Option<&str>) -> Call {
    secured("owner_propose", &json!({ "account_id": account_id }))
}

/// Accepts ownership.
#[must_use]
pub fn owner_accept() -> Call {
    secured("owner_accept", &json!({}))
}

/// Gives a role to an account, or takes it away.
#[must_use]
pub fn role_set(role: Role, account_id: Option<&str>) -> Call {
    secured("role_set", &json!({ "role": role, "account_id": account_id }))
}

/// Pauses features.
#[must_use]
pub fn pause(features: &[Feature]) -> Call {
    secured("pause", &json!({ "features": features }))
}

/// Lets paused features run again.
#[must_use]
pub fn unpause(features: &[Feature]) -> Call {
    secured("unpause", &json!({ "features": features }))
}

/// Proposes a change.
#[must_use]
pub fn propose(change: &Change) -> Call {
    secured("propose", &json!({ "change": change }))
}

/// Drops a proposal.
#[must_use]
pub fn drop_proposal(number: u32) -> Call {
    secured("drop_proposal", &json!({ "number": number }))
}

/// Applies a proposal whose time has come.
#[must_use]
pub fn apply(number: u32) -> Call {
    plain("apply", &json!({ "number": number }), 0)
}

/// Deploys code that was proposed.
#[must_use]
pub const fn upgrade(wasm: Vec<u8>) -> Call {
    Call { method: "upgrade", args: wasm, gas: UPGRADE_GAS, deposit: 1 }
}

/// Names the account that gets the treasury's part of fees, or none.
#[must_use]
pub fn treasury_set(account_id: Option<&str>) -> Call {
    secured("treasury_set", &json!({ "account_id": account_id }))
}

/// Ends an epoch.
#[must_use]
pub fn epoch_settle() -> Call {
    plain(EPOCH_SETTLE, &json!({}), 0)
}

/// Credits the node with what the epoch before pays it.
#[must_use]
pub fn revenue_collect() -> Call {
    secured("revenue_collect", &json!({}))
}

/// Withdraws an internal balance; all of it without an amount.
#[must_use]
pub fn withdraw(token: TokenId, amount: Option<u128>) -> Call {
    Call { gas: WITHDRAW_GAS, ..secured("withdraw", &WithdrawArgs { token, amount: amount.map(Into::into) }) }
}

/// Registers a node with its first stake.
#[must_use]
pub fn node_register(classes: Vec<ClassId>, stake: u128) -> Call {
    plain("node_register", &NodeRegisterArgs { classes }, stake)
}

/// Declares other classes.
#[must_use]
pub fn node_update(classes: Vec<ClassId>) -> Call {
    secured("node_update", &NodeRegisterArgs { classes })
}

/// Adds stake to a node.
#[must_use]
pub fn stake_add(yoctonear: u128) -> Call {
    plain("stake_add", &json!({}), yoctonear)
}

/// Starts to unbond stake; all that is free without an amount.
#[must_use]
pub fn stake_remove(yoctonear: Option<u128>) -> Call {
    secured("stake_remove", &StakeRemoveArgs { amount: yoctonear.map(Into::into) })
}

/// Credits unbonded stake to the node's NEAR balance.
#[must_use]
pub fn stake_claim() -> Call {
    secured("stake_claim", &json!({}))
}

/// Pauses the node.
#[must_use]
pub fn node_pause() -> Call {
    plain("node_pause", &json!({}), 0)
}

/// Resumes the node.
#[must_use]
pub fn node_resume() -> Call {
    plain("node_resume", &json!({}), 0)
}

/// Keeps the node active.
#[must_use]
pub fn heartbeat(account: AccountNo) -> Call {
    plain(HEARTBEAT, &json!({ "account": account }), 0)
}

/// Creates a batch from the internal balance.
#[must_use]
pub fn batch_create(token: TokenId, batch: BatchSpec) -> Call {
    secured("batch_create", &BatchCreateArgs { token, batch })
}

/// Cancels a batch.
#[must_use]
pub fn batch_cancel(batch: BatchId) -> Call {
    secured("batch_cancel", &BatchArgs { batch })
}

/// Forgets a closed batch.
#[must_use]
pub fn batch_forget(batch: BatchId) -> Call {
    secured("batch_forget", &BatchArgs { batch })
}

/// Takes lots that nobody holds out of a batch.
#[must_use]
pub fn batch_skip_lots(batch: BatchId, lots: Vec<LotId>) -> Call {
    secured("batch_skip_lots", &BatchSkipLotsArgs { batch, lots })
}

/// Opens gold items of a lot; `bond` for those against its result.
#[must_use]
pub fn gold_open(args: &GoldOpenArgs, bond: u128) -> Call {
    let openings = u64::try_from(args.openings.len()).unwrap_or(u64::MAX);
    let gas = CALL_GAS.saturating_add(OPENING_GAS.saturating_mul(openings));
    Call { method: "gold_open", args: borsh(args), gas, deposit: bond }
}

/// Challenges items of a lot with this bond.
#[must_use]
pub fn challenge(args: &ChallengeArgs, bond: u128) -> Call {
    plain("challenge", args, bond)
}

/// Accepts to score a batch, with this bond.
#[must_use]
pub fn adjudicator_accept(batch: BatchId, bond: u128) -> Call {
    plain("adjudicator_accept", &BatchArgs { batch }, bond)
}

/// Scores the copies of a lot.
#[must_use]
pub fn verdict(args: &VerdictArgs) -> Call {
    plain("verdict", args, 0)
}

/// Ops of a node.
#[must_use]
pub fn work(ops: Vec<Op>, account: Option<AccountNo>) -> Call {
    let gas = work_gas(ops.len());
    Call { method: WORK, args: borsh(&Work { ops, account }), gas, deposit: 0 }
}

/// The next due steps of these targets, with `tgas` TGas more for callbacks.
#[must_use]
pub fn poke(targets: &[Target], tgas: u8) -> Call {
    let gas = poke_gas(targets.len()) + u64::from(tgas) * TGAS;
    Call { method: POKE, args: borsh(targets), gas, deposit: 0 }
}

/// Lets a key sign intents.
#[must_use]
pub fn intent_key_add(args: &IntentKeyAddArgs) -> Call {
    secured("intent_key_add", args)
}

/// Lets a machine's key collect its node's revenue, which moves nothing out of the account.
#[must_use]
pub fn revenue_key_add(public_key: PublicKey) -> Call {
    let kinds = Kinds::of(&[Kind::CollectRevenue]);
    intent_key_add(&IntentKeyAddArgs { public_key, kinds, token: NEAR, daily_cap: 0.into() })
}

/// Takes every right from a key.
#[must_use]
pub fn intent_key_remove(public_key: PublicKey) -> Call {
    secured("intent_key_remove", &IntentKeyRemoveArgs { public_key })
}

/// Relays signed intents, `withdrawals` of them withdrawals.
#[must_use]
pub fn intents_execute(intents: &[SignedIntent], withdrawals: usize) -> Call {
    let gas = intents_gas(intents.len(), withdrawals);
    Call { method: INTENTS_EXECUTE, args: borsh(intents), gas, deposit: 0 }
}
