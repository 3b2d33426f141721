//! Calls of the coordinator. `account` spares it a look-up by name: the number of the calling account.

use borsh::BorshSerialize;
use piecework_interface::{
    amount::Amount,
    args::{
        FeaturesArgs, HeartbeatArgs, NewArgs, NoArgs, NomineeArgs, Numbered, ProposalArgs, ProposeArgs, RoleSetArgs,
        StorageDepositArgs, StorageUnregisterArgs, StorageWithdrawArgs,
    },
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

use crate::Call;
#[cfg(feature = "abi")]
use crate::views::StorageBalance;

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
fn plain(args: &(impl Serialize + ?Sized), deposit: u128) -> Call {
    Call { method: "", args: crate::json(args), gas: CALL_GAS, deposit }
}

/// A call that only a full-access key can make: one yoctoNEAR is attached.
fn secured(args: &(impl Serialize + ?Sized)) -> Call {
    plain(args, 1)
}

/// A call that sends an amount on.
fn sending(args: &(impl Serialize + ?Sized), deposit: u128) -> Call {
    Call { gas: WITHDRAW_GAS, ..plain(args, deposit) }
}

/// The first call of a contract.
fn initial(args: &(impl Serialize + ?Sized)) -> Call {
    Call { gas: NEW_GAS, ..plain(args, 0) }
}

/// A call with Borsh arguments, for so much gas.
fn packed(gas: u64, args: &(impl BorshSerialize + ?Sized)) -> Call {
    Call { method: "", args: crate::borsh(args), gas, deposit: 0 }
}

/// A secured call whose argument is bytes as they are.
const fn raw(gas: u64, args: Vec<u8>) -> Call {
    Call { method: "", args, gas, deposit: 1 }
}

/// The methods: a function each, named as the method, that takes its arguments, gas and deposit by one of the forms above.
/// With the feature `abi`, the table is also the calls of the contract's ABI: what follows `->` is the method's answer.
macro_rules! calls {
    // What takes no deposit says so by a zero.
    (@form plain ($args:expr, 0)) => { free($args) };
    (@form sending ($args:expr, 0)) => { free($args) };
    (@form $form:ident $values:tt) => { $form $values };
    ($($(#[doc = $doc:expr])* $name:ident($($arg:ident: $type:ty),*) $(-> $answer:ty)? = $form:ident $values:tt;)*) => {
        $(
            $(#[doc = $doc])*
            #[must_use]
            pub fn $name($($arg: $type),*) -> Call {
                Call { method: stringify!($name), ..$form $values }
            }
        )*

        /// The functions of the ABI.
        #[cfg(feature = "abi")]
        pub(crate) fn functions() -> Vec<crate::abi::function::Function> {
            use crate::abi::{forms::*, function::*, schemas::*};
            let mut functions = Vec::new();
            $(
                let takes = || {
                    $(let $arg: $type = any();)*
                    calls!(@form $form $values)
                };
                let function = Function::call(stringify!($name), &[$($doc),*], &[$(stringify!($arg)),*], takes);
                functions.push(function$(.answering(|schemas| Answer::<$answer>::new().schema(schemas)))?);
            )*
            functions
        }
    };
}

calls! {
    /// NEP-145: registers an account with this deposit, or adds it.
    storage_deposit(account_id: &str, yoctonear: u128) -> StorageBalance
        = plain(&StorageDepositArgs { account_id: Some(account_id.to_owned()), registration_only: None }, yoctonear);
    /// NEP-145: takes free storage deposit back; all of it without an amount.
    storage_withdraw(yoctonear: Option<u128>) -> StorageBalance
        = secured(&StorageWithdrawArgs { amount: yoctonear.map(Amount) });
    /// NEP-145: closes the account.
    storage_unregister() -> bool = secured(&StorageUnregisterArgs { force: None });
    /// Lists a reward token.
    token_list(args: &TokenListArgs) -> TokenId = secured(args);
    /// Offers ownership to an account, or takes the offer back.
    owner_propose(account_id: Option<&str>) = secured(&nominee(account_id));
    /// Accepts ownership.
    owner_accept() = secured(&NoArgs {});
    /// Gives a role to an account, or takes it away.
    role_set(role: Role, account_id: Option<&str>)
        = secured(&RoleSetArgs { role, account_id: account_id.map(str::to_owned) });
    /// Pauses features.
    pause(features: &[Feature]) = secured(&FeaturesArgs { features: features.to_vec() });
    /// Lets paused features run again.
    unpause(features: &[Feature]) = secured(&FeaturesArgs { features: features.to_vec() });
    /// Proposes a change.
    propose(change: &Change) -> u32 = secured(&ProposeArgs { change: change.clone() });
    /// Drops a proposal.
    drop_proposal(number: u32) = secured(&ProposalArgs { number });
    /// Applies a proposal whose time has come.
    apply(number: u32) = plain(&ProposalArgs { number }, 0);
    /// Names the account that fees go to, or none.
    treasury_set(account_id: Option<&str>) = secured(&nominee(account_id));
    /// Registers a class, for this deposit.
    class_register(args: &ClassRegisterArgs, yoctonear: u128) -> ClassId = plain(args, yoctonear);
    /// Admits a node to a gated class.
    class_admit(args: &ClassNodeArgs) = secured(args);
    /// Removes a node from a gated class.
    class_remove(args: &ClassNodeArgs) = secured(args);
    /// Names the node's operator, or none.
    node_operator(account_id: Option<&str>) = secured(&nominee(account_id));
    /// Confirms to be a node's operator, or ends it.
    operator_confirm(args: &OperatorConfirmArgs) = secured(args);
    /// Registers a node with its first stake.
    node_register(classes: Vec<ClassId>, stake: u128) = plain(&NodeRegisterArgs { classes }, stake);
    /// Declares other classes.
    node_update(classes: Vec<ClassId>) = secured(&NodeRegisterArgs { classes });
    /// Adds stake to a node.
    stake_add(yoctonear: u128) = plain(&NoArgs {}, yoctonear);
    /// Starts to unbond stake; all that is free without an amount.
    stake_remove(yoctonear: Option<u128>) = secured(&StakeRemoveArgs { amount: yoctonear.map(Into::into) });
    /// Credits unbonded stake to the node's NEAR balance.
    stake_claim() = secured(&NoArgs {});
    /// Pauses the node.
    node_pause() = plain(&NoArgs {}, 0);
    /// Resumes the node.
    node_resume() = plain(&NoArgs {}, 0);
    /// Keeps the node active.
    heartbeat(account: AccountNo) = plain(&HeartbeatArgs { account: Some(account) }, 0);
    /// Creates a batch from the internal balance.
    batch_create(token: TokenId, batch: BatchSpec) -> BatchId
        = secured(&Numbered::from(BatchCreateArgs { token, batch }));
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
    payout_set(account_id: Option<&str>) = secured(&nominee(account_id));
    /// Lets a key sign intents.
    intent_key_add(args: &IntentKeyAddArgs) = secured(args);
    /// Takes every right from a key.
    intent_key_remove(public_key: PublicKey) = secured(&IntentKeyRemoveArgs { public_key });
    /// Initializes the contract.
    new(owner_id: &str, config: &Config)
        = initial(&NewArgs { owner_id: owner_id.to_owned(), config: Some(config.clone()) });
    /// Deploys code that was proposed: the argument is the wasm itself.
    upgrade(wasm: Vec<u8>) = raw(UPGRADE_GAS, wasm);
    /// Withdraws an internal balance; all of it without an amount.
    withdraw(token: TokenId, amount: Option<u128>)
        = sending(&Numbered::from(WithdrawArgs { token, amount: amount.map(Into::into) }), 1);
    /// Sends an internal balance to the account's payout account; all of it without an amount.
    withdraw_payout(token: TokenId, amount: Option<u128>)
        = sending(&Numbered::from(WithdrawArgs { token, amount: amount.map(Into::into) }), 0);
    /// Ops of a node.
    work(ops: Vec<Op>, account: Option<AccountNo>) = packed(work_gas(ops.len()), &Work { ops, account });
    /// The next due steps of these targets, with `tgas` TGas more for callbacks.
    poke(targets: &[Target], tgas: u8)
        = packed((poke_gas(targets.len()) + u64::from(tgas) * TGAS).min(TRANSACTION_GAS), targets);
    /// Relays signed intents, `withdrawals` of them withdrawals.
    intents_execute(intents: &[SignedIntent], withdrawals: usize)
        = packed(intents_gas(intents.len(), withdrawals), intents);
}

fn nominee(account_id: Option<&str>) -> NomineeArgs {
    NomineeArgs { account_id: account_id.map(str::to_owned) }
}
