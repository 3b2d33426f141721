//! Calls of the coordinator. `account` spares it a look-up by name: the number of the calling account.

use piecework_interface::{
    amount::Amount,
    call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs,
        BatchSpec, CALL_GAS, ChallengeArgs, ClassNodeArgs, ClassRegisterArgs, HEARTBEAT, INTENTS_EXECUTE,
        IntentKeyAddArgs, IntentKeyRemoveArgs, NodeRegisterArgs, OperatorConfirmArgs, POKE, StakeRemoveArgs,
        TokenListArgs, VerdictArgs, WITHDRAW_GAS, WITHDRAW_PAYOUT, WORK, WithdrawArgs, intents_gas, poke_gas, work_gas,
    },
    config::Config,
    governance::{Change, Feature, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::SignedIntent,
    key::PublicKey,
    op::{Op, Target, Work},
};
use serde::Serialize;
use serde_json::json;

use crate::{Call, borsh};

const TGAS: u64 = 1_000_000_000_000;
/// Gas of `new`.
const NEW_GAS: u64 = 20 * TGAS;
/// The most gas that NEAR lets a transaction attach.
const TRANSACTION_GAS: u64 = 300 * TGAS;
/// Gas for deploying code and its migration.
const UPGRADE_GAS: u64 = 250 * TGAS;

/// Methods that the key of a node's machine may call: none of them gives anything away.
/// `withdraw_payout` pays the account that a full-access key named, and no other.
pub const MACHINE_METHODS: [&str; 7] =
    [WORK, POKE, HEARTBEAT, "node_pause", "node_resume", INTENTS_EXECUTE, WITHDRAW_PAYOUT];

/// A call with JSON arguments and the usual gas.
fn plain(method: &'static str, args: &(impl Serialize + ?Sized), deposit: u128) -> Call {
    Call { method, args: crate::json(args), gas: CALL_GAS, deposit }
}

/// A call that only a full-access key can make: one yoctoNEAR is attached.
fn secured(method: &'static str, args: &(impl Serialize + ?Sized)) -> Call {
    plain(method, args, 1)
}

/// The regular methods: a function each, named as the method, that takes `(method, arguments, deposit)` from this table.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) = $form:ident($($value:expr),+);)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name($($arg: $type),*) -> Call {
            $form(stringify!($name), $($value),+)
        }
    )*};
}

calls! {
    /// NEP-145: registers an account with this deposit, or adds it.
    storage_deposit(account_id: &str, yoctonear: u128) = plain(&json!({ "account_id": account_id }), yoctonear);
    /// NEP-145: takes free storage deposit back; all of it without an amount.
    storage_withdraw(yoctonear: Option<u128>) = secured(&json!({ "amount": yoctonear.map(Amount) }));
    /// NEP-145: closes the account.
    storage_unregister() = secured(&json!({}));
    /// Lists a reward token.
    token_list(args: &TokenListArgs) = secured(args);
    /// Offers ownership to an account, or takes the offer back.
    owner_propose(account_id: Option<&str>) = secured(&json!({ "account_id": account_id }));
    /// Accepts ownership.
    owner_accept() = secured(&json!({}));
    /// Gives a role to an account, or takes it away.
    role_set(role: Role, account_id: Option<&str>) = secured(&json!({ "role": role, "account_id": account_id }));
    /// Pauses features.
    pause(features: &[Feature]) = secured(&json!({ "features": features }));
    /// Lets paused features run again.
    unpause(features: &[Feature]) = secured(&json!({ "features": features }));
    /// Proposes a change.
    propose(change: &Change) = secured(&json!({ "change": change }));
    /// Drops a proposal.
    drop_proposal(number: u32) = secured(&json!({ "number": number }));
    /// Applies a proposal whose time has come.
    apply(number: u32) = plain(&json!({ "number": number }), 0);
    /// Names the account that fees go to, or none.
    treasury_set(account_id: Option<&str>) = secured(&json!({ "account_id": account_id }));
    /// Registers a class, for this deposit.
    class_register(args: &ClassRegisterArgs, yoctonear: u128) = plain(args, yoctonear);
    /// Admits a node to a gated class.
    class_admit(args: &ClassNodeArgs) = secured(args);
    /// Removes a node from a gated class.
    class_remove(args: &ClassNodeArgs) = secured(args);
    /// Names the node's operator, or none.
    node_operator(account_id: Option<&str>) = secured(&json!({ "account_id": account_id }));
    /// Confirms to be a node's operator, or ends it.
    operator_confirm(args: &OperatorConfirmArgs) = secured(args);
    /// Registers a node with its first stake.
    node_register(classes: Vec<ClassId>, stake: u128) = plain(&NodeRegisterArgs { classes }, stake);
    /// Declares other classes.
    node_update(classes: Vec<ClassId>) = secured(&NodeRegisterArgs { classes });
    /// Adds stake to a node.
    stake_add(yoctonear: u128) = plain(&json!({}), yoctonear);
    /// Starts to unbond stake; all that is free without an amount.
    stake_remove(yoctonear: Option<u128>) = secured(&StakeRemoveArgs { amount: yoctonear.map(Into::into) });
    /// Credits unbonded stake to the node's NEAR balance.
    stake_claim() = secured(&json!({}));
    /// Pauses the node.
    node_pause() = plain(&json!({}), 0);
    /// Resumes the node.
    node_resume() = plain(&json!({}), 0);
    /// Keeps the node active.
    heartbeat(account: AccountNo) = plain(&json!({ "account": account }), 0);
    /// Creates a batch from the internal balance.
    batch_create(token: TokenId, batch: BatchSpec) = secured(&BatchCreateArgs { token, batch });
    /// Appends lots to a batch, with their escrow out of the internal balance.
    batch_append(args: &BatchAppendArgs) = secured(args);
    /// Raises the reward of a batch's lots that wait, with what their escrow lacks out of the internal balance.
    batch_raise(args: &BatchRaiseArgs) = secured(args);
    /// Lets a batch expire later, Unix seconds.
    batch_extend_expiry(batch: BatchId, expires_at: u32) = secured(&BatchExtendExpiryArgs { batch, expires_at });
    /// Cancels a batch.
    batch_cancel(batch: BatchId) = secured(&BatchArgs { batch });
    /// Forgets a closed batch.
    batch_forget(batch: BatchId) = secured(&BatchArgs { batch });
    /// The requester closes these lots, in which no node holds a slot.
    batch_skip_lots(batch: BatchId, lots: Vec<LotId>) = secured(&BatchSkipLotsArgs { batch, lots });
    /// Challenges items of a lot, for a deposit out of the internal balance.
    challenge(args: &ChallengeArgs) = secured(args);
    /// Accepts to score a batch, for a bond out of the internal balance.
    adjudicator_accept(batch: BatchId) = secured(&BatchArgs { batch });
    /// Begins no more lots of a batch that the caller scores.
    adjudicator_resign(batch: BatchId) = secured(&BatchArgs { batch });
    /// Scores the copies of a lot.
    verdict(args: &VerdictArgs) = plain(args, 0);
    /// Names the account that `withdraw_payout` pays, or none.
    payout_set(account_id: Option<&str>) = secured(&json!({ "account_id": account_id }));
    /// Lets a key sign intents.
    intent_key_add(args: &IntentKeyAddArgs) = secured(args);
    /// Takes every right from a key.
    intent_key_remove(public_key: PublicKey) = secured(&IntentKeyRemoveArgs { public_key });
}

/// Initializes the contract.
#[must_use]
pub fn new(owner_id: &str, config: &Config) -> Call {
    Call { gas: NEW_GAS, ..plain("new", &json!({ "owner_id": owner_id, "config": config }), 0) }
}

/// Deploys code that was proposed.
#[must_use]
pub const fn upgrade(wasm: Vec<u8>) -> Call {
    Call { method: "upgrade", args: wasm, gas: UPGRADE_GAS, deposit: 1 }
}

/// Withdraws an internal balance; all of it without an amount.
#[must_use]
pub fn withdraw(token: TokenId, amount: Option<u128>) -> Call {
    Call { gas: WITHDRAW_GAS, ..secured("withdraw", &WithdrawArgs { token, amount: amount.map(Into::into) }) }
}

/// Sends an internal balance to the account's payout account; all of it without an amount.
#[must_use]
pub fn withdraw_payout(token: TokenId, amount: Option<u128>) -> Call {
    let args = WithdrawArgs { token, amount: amount.map(Into::into) };
    Call { gas: WITHDRAW_GAS, ..plain(WITHDRAW_PAYOUT, &args, 0) }
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
    let gas = (poke_gas(targets.len()) + u64::from(tgas) * TGAS).min(TRANSACTION_GAS);
    Call { method: POKE, args: borsh(targets), gas, deposit: 0 }
}

/// Relays signed intents, `withdrawals` of them withdrawals.
#[must_use]
pub fn intents_execute(intents: &[SignedIntent], withdrawals: usize) -> Call {
    let gas = intents_gas(intents.len(), withdrawals);
    Call { method: INTENTS_EXECUTE, args: borsh(intents), gas, deposit: 0 }
}
