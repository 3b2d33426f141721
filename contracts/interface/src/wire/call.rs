//! The coordinator's methods: names, arguments, gas to attach, deposits. Arguments are JSON, except those of
//! [`WORK`], [`POKE`] and [`INTENTS_EXECUTE`], which are Borsh ([`crate::wire::op::Work`], `Vec<Target>` and `Vec<SignedIntent>`).
//!
//! `heartbeat`, `withdraw`, `withdraw_payout`, `batch_create` and the message of a deposit take `"account"`, the number of the calling account
//! (of the one that a deposit credits), and `work` takes it after its ops: who knows it saves a look-up by name. A number that is not
//! the caller's is refused.
//!
//! | method | who | deposit | arguments |
//! | --- | --- | --- | --- |
//! | `new` | deployer | 0 | `{"owner_id", "config"?}` |
//! | `storage_deposit` | anyone | ≥ bounds.min | NEP-145 `{"account_id"?, "registration_only"?}` |
//! | `storage_withdraw`, `storage_unregister` | account | 1 yocto | NEP-145 |
//! | `token_list` | owner, token admin | 1 yocto | [`TokenListArgs`]; returns the [`crate::model::ids::TokenId`] |
//! | `owner_propose` | owner | 1 yocto | `{"account_id"?}` |
//! | `owner_accept` | proposed owner | 1 yocto | `{}` |
//! | `role_set` | owner | 1 yocto | `{"role", "account_id"?}`, a [`crate::model::governance::Role`] |
//! | `pause` | owner, guardian | 1 yocto | `{"features"}`, a list of [`crate::model::governance::Feature`] |
//! | `unpause` | owner | 1 yocto | the same |
//! | `propose` | owner, token admin | 1 yocto | `{"change"}`, a [`crate::model::governance::Change`]; returns its number |
//! | `drop_proposal` | owner, guardian | 1 yocto | `{"number"}` |
//! | `treasury_set` | owner | 1 yocto | `{"account_id"?}` |
//! | `apply` | anyone | 0 | `{"number"}` |
//! | `upgrade` | owner | 1 yocto | the wasm itself; attach 100 TGas and more |
//! | `ft_on_transfer` | listed token | 0 | NEP-141; `msg` is [`DepositMessage`] |
//! | `withdraw` | account | 1 yocto | [`WithdrawArgs`] |
//! | `payout_set` | account | 1 yocto | `{"account_id"?}`: where `withdraw_payout` sends; none ends it |
//! | `withdraw_payout` | account | 0 | [`WithdrawArgs`] |
//! | `node_register` | account | added stake | [`NodeRegisterArgs`] |
//! | `node_update` | node | 1 yocto | [`NodeRegisterArgs`] |
//! | `class_register` | account | `class_deposit` | [`ClassRegisterArgs`]; returns the [`crate::model::ids::ClassId`] |
//! | `class_admit`, `class_remove` | the class's owner | 1 yocto | [`ClassNodeArgs`] |
//! | `node_operator` | node | 1 yocto | `{"account_id"?}`: the operator that it names; none ends it |
//! | `operator_confirm` | account | 1 yocto | [`OperatorConfirmArgs`] |
//! | `stake_add` | node | added stake | `{}` |
//! | `stake_remove` | node | 1 yocto | [`StakeRemoveArgs`] |
//! | `stake_claim` | node | 1 yocto | `{}`; credits the NEAR balance |
//! | `node_pause`, `node_resume`, `heartbeat` | node | 0 | `{}` |
//! | `batch_create` | requester | 1 yocto | [`BatchCreateArgs`]; returns the [`crate::model::ids::BatchId`] |
//! | `batch_append` | requester | 1 yocto | [`BatchAppendArgs`] |
//! | `batch_raise` | requester | 1 yocto | [`BatchRaiseArgs`] |
//! | `batch_extend_expiry` | requester | 1 yocto | [`BatchExtendExpiryArgs`] |
//! | `batch_cancel`, `batch_forget` | requester | 1 yocto | [`BatchArgs`] |
//! | `challenge` | account | 1 yocto | [`ChallengeArgs`]; its balance pays the deposit |
//! | `adjudicator_accept` | the adjudicator | 1 yocto | [`BatchArgs`]; its balance pays what four parts lack |
//! | `adjudicator_resign` | the adjudicator | 1 yocto | [`BatchArgs`] |
//! | `verdict` | the adjudicator | 0 | [`VerdictArgs`] |
//! | `batch_skip_lots` | requester | 1 yocto | [`BatchSkipLotsArgs`] |
//! | `work` | node | 0 | Borsh [`crate::wire::op::Work`] |
//! | `poke` | anyone | 0 | Borsh `Vec<Target>` |
//! | `intent_key_add` | account | 1 yocto | [`IntentKeyAddArgs`] |
//! | `intent_key_remove` | account | 1 yocto | [`IntentKeyRemoveArgs`] |
//! | `intents_execute` | anyone | 0 | Borsh `Vec<`[`crate::wire::intent::SignedIntent`]`>`; attach [`intents_gas`] |
//!
//! Views: `root` → [`crate::model::view::Root`]; `config` → [`crate::model::config::Config`];
//! `settings` → [`crate::model::governance::Settings`]; `owner` → account id;
//! `classes {"from","limit"}` → list of [`crate::model::view::Class`] by number; `tokens` → list of [`crate::model::view::Token`]; `account_no {"account_id"}` → number or null;
//! `account {"account_id"}` → [`crate::model::view::Account`] or null; `accounts {"from","limit"}`, `batches {"from","limit"}` →
//! lists by number; `batch {"batch"}`; `lot {"batch","lot"}` → [`crate::model::view::Lot`] or null;
//! `lots {"batch","from","limit"}` → the lots with a record among lots `from..from+limit` (`limit` ≤ 128);
//! `verify_result` [`ResultClaim`] → whether it is the result that the batch's root stands for, so that any contract can
//! ask; `intent_keys {"account_id"}` → list of [`crate::model::key::IntentKey`], the account's rows: an implicit
//! account's own key counts without one until it is used, limited or removed; NEP-145 `storage_balance_of`,
//! `storage_balance_bounds`; NEP-330 `contract_source_metadata`.

use piecework_compact::{fields, json::Read, json::Reader};
use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::model::schema::{Hex32, HexBytes};
use crate::model::{
    amount::Amount,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kinds, PublicKey},
    terms::Terms,
    view::{Callback, Referrer},
};

const TGAS: u64 = 1_000_000_000_000;

/// Borsh [`crate::wire::op::Work`].
pub const WORK: &str = "work";
/// Borsh `Vec<Target>`.
pub const POKE: &str = "poke";
/// Borsh `Vec<SignedIntent>`.
pub const INTENTS_EXECUTE: &str = "intents_execute";
/// Keeps a node active.
pub const HEARTBEAT: &str = "heartbeat";
/// Sends an internal balance to the account's payout account.
pub const WITHDRAW_PAYOUT: &str = "withdraw_payout";

/// Gas to attach to a `work` call of so many ops: covers the last reveal with tally and settlement of each.
#[must_use]
pub const fn work_gas(ops: usize) -> u64 {
    10 * TGAS + 6 * TGAS * ops as u64
}

/// Gas that must be left for a reveal to tally and settle its lot in the same call, once more for each lot before it in
/// the call. With [`work_gas`] attached it always is; with less, the tally is left to `poke`.
pub const TALLY_GAS: u64 = 5 * TGAS;

/// Gas to attach to a `poke`, 16 TGas a target: the limit of a jury's settlement.
#[must_use]
pub const fn poke_gas(targets: usize) -> u64 {
    16 * TGAS * targets as u64
}

/// Gas to attach to an `intents_execute` of so many intents, so many of them withdrawals. With less, intents that the gas
/// does not cover are skipped.
#[must_use]
pub const fn intents_gas(intents: usize, withdrawals: usize) -> u64 {
    INTENTS_REST_GAS + 2 * INTENT_GAS * (intents as u64 + 1) + INTENT_WITHDRAW_GAS * withdrawals as u64
}

/// Gas of an intent at most, and once more for its writes and its log at the end of the call.
pub const INTENT_GAS: u64 = TGAS;
/// Gas that a withdrawal by an intent hands on.
pub const INTENT_WITHDRAW_GAS: u64 = 26 * TGAS;
/// Gas for everything else in a call of intents.
pub const INTENTS_REST_GAS: u64 = 4 * TGAS;

/// Gas to attach to a plain call.
pub const CALL_GAS: u64 = 10 * TGAS;
/// Gas to attach to `withdraw` and `withdraw_payout`.
pub const WITHDRAW_GAS: u64 = 40 * TGAS;
/// Gas to attach to `ft_transfer_call` with a [`DepositMessage`].
pub const TRANSFER_CALL_GAS: u64 = 60 * TGAS;
/// Most rows of a paged view.
pub const PAGE_MAX: u32 = 128;

/// Arguments of `token_list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenListArgs {
    /// NEP-141 account.
    pub account_id: String,
    /// Least reward per item.
    pub min_reward: Amount,
    /// Fee of one lot that earns a full step of reputation.
    pub rep_unit: Amount,
    /// yoctoNEAR of bond per 2^32 units.
    pub bond_rate: Amount,
}

/// `msg` of `ft_transfer_call` to the coordinator. Anything else fails, so that the token refunds. The object in either may have
/// `"for"`, an account that gets the credit, and the batch, in the place of the sender: it is registered and has room for the token. Its batch takes
/// no more than what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for as long as a deposit is read")]
pub enum DepositMessage {
    /// Credits the sender's internal balance.
    Deposit {},
    /// Credits it and creates a batch in the transferred token.
    CreateBatch(BatchSpec),
}

/// A batch to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchSpec {
    /// Terms.
    pub terms: Terms,
    /// Items, at least 1.
    pub items: u32,
    /// Merkle root over the items' payload digests, [`crate::rules::merkle::root`].
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub manifest: [u8; 32],
    /// Where the manifest is, at most 256 bytes.
    pub uri: String,
    /// A root that the requester commits to, for answers that it knows; zeros without. It stands in the journal only.
    #[serde(default, with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub gold_root: [u8; 32],
    /// Whom to tell when the batch is closed.
    #[serde(default)]
    pub callback: Option<Callback>,
    /// Whether lots may be appended: then it closes only once it is cancelled or expired.
    #[serde(default)]
    pub appendable: bool,
    /// Whether its row goes when it closes: its result root is in the journal alone then. Not with a callback.
    #[serde(default)]
    pub forget_on_close: bool,
    /// Who gets a part of the fees.
    #[serde(default)]
    pub referrer: Option<Referrer>,
}

fields!(BatchSpec as [read_and] {
    terms, items, manifest(hex), uri, gold_root(hex_optional), callback(optional), appendable(optional),
    forget_on_close(optional), referrer(optional),
});

/// Arguments of `batch_append`: whole lots for an appendable batch whose last lot is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchAppendArgs {
    /// Batch.
    pub batch: BatchId,
    /// Items, at least 1; only the last append may leave the last lot short.
    pub items: u32,
    /// Merkle root over their payload digests, [`crate::rules::merkle::root`].
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub manifest: [u8; 32],
    /// Where their manifest is, at most 256 bytes.
    pub uri: String,
}

fields!(BatchAppendArgs as [read] { batch, items, manifest(hex), uri });

/// Arguments of `batch_raise`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchRaiseArgs {
    /// Batch.
    pub batch: BatchId,
    /// Reward of a copy of an item from now on, for lots without a record: even, higher than it is, below 2^80.
    pub reward: Amount,
}

/// Arguments of `batch_extend_expiry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchExtendExpiryArgs {
    /// Batch.
    pub batch: BatchId,
    /// When it expires from now on, Unix seconds: later than before.
    pub expires_at: u32,
}

/// Arguments of `batch_create`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchCreateArgs {
    /// Reward token.
    pub token: TokenId,
    /// The batch.
    pub batch: BatchSpec,
}

/// Arguments of `batch_cancel` and `batch_forget`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchArgs {
    /// Batch.
    pub batch: BatchId,
}

/// Arguments of `batch_skip_lots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BatchSkipLotsArgs {
    /// Batch.
    pub batch: BatchId,
    /// Lots that nobody holds, at most 64.
    pub lots: Vec<LotId>,
}

/// Arguments of `challenge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChallengeArgs {
    /// Batch.
    pub batch: BatchId,
    /// Lot, provisional.
    pub lot: LotId,
    /// Items of the lot whose result is wrong. In an adjudicated batch item 0 stands for the scores.
    pub items: Vec<u8>,
    /// SHA-256 of what shows that, published elsewhere; zeros without. It stands in the journal only.
    #[serde(default, with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub evidence: [u8; 32],
}

fields!(ChallengeArgs as [read] { batch, lot, items, evidence(hex_optional) });

/// Arguments of `verdict`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VerdictArgs {
    /// Batch.
    pub batch: BatchId,
    /// Lot whose reveals are done.
    pub lot: LotId,
    /// Per slot in the lot's order, 0..=10000.
    pub scores: Vec<u16>,
    /// SHA-256 of a public report from which anybody can recompute the scores.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub report: [u8; 32],
}

fields!(VerdictArgs as [read] { batch, lot, scores, report(hex) });

/// Arguments of the view `verify_result`: what somebody says that a lot's result is, and the proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ResultClaim {
    /// Batch, closed or not.
    pub batch: BatchId,
    /// Lot.
    pub lot: LotId,
    /// Number of its settlement in the batch.
    pub n: u32,
    /// Accepted items: bit i, counted from the lowest, for item i of the lot; eight bytes, the highest first.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String, pattern = "^[0-9a-fA-F]{16}$"))]
    pub accepted: [u8; 8],
    /// The lot's answers, items × width bytes, zeros where nothing is accepted.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = HexBytes))]
    pub answers: Vec<u8>,
    /// The siblings of the lot's leaf from the bottom up, [`crate::rules::merkle::prove`]: 32 bytes each, joined.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = HexBytes))]
    pub proof: Vec<u8>,
}

fields!(ResultClaim as [read] { batch, lot, n, accepted(hex), answers(bytes), proof(bytes) });

/// Arguments of `withdraw` and `withdraw_payout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WithdrawArgs {
    /// Token.
    pub token: TokenId,
    /// Amount; everything when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
}

/// Arguments of `node_register` and `node_update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NodeRegisterArgs {
    /// Classes, 1..=8 different ones.
    pub classes: Vec<ClassId>,
}

/// Arguments of `class_register`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClassRegisterArgs {
    /// Name, 1 to 32 bytes.
    pub name: String,
    /// SHA-256 of the schema that briefs of such work follow; zeros without one.
    #[serde(default, with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = Hex32))]
    pub schema: [u8; 32],
    /// Whether the owner admits the nodes that work in it, for ever.
    #[serde(default)]
    pub gated: bool,
}

fields!(ClassRegisterArgs as [read] { name, schema(hex_optional), gated(optional) });

/// Arguments of `class_admit` and `class_remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClassNodeArgs {
    /// Class.
    pub class: ClassId,
    /// Account of the node.
    pub account_id: String,
}

/// Arguments of `operator_confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OperatorConfirmArgs {
    /// Account of the node, which named the caller.
    pub account_id: String,
    /// Whether the caller is its operator from now on, or no longer.
    pub accept: bool,
}

/// Arguments of `stake_remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StakeRemoveArgs {
    /// yoctoNEAR; all free stake when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
}

/// Arguments of `intent_key_add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntentKeyAddArgs {
    /// Key. If the account has it already, it gets these kinds and this limit, and nothing counts as moved today.
    pub public_key: PublicKey,
    /// What it may sign, one kind or more.
    pub kinds: Kinds,
    /// In this token only.
    pub token: TokenId,
    /// So much per UTC day, in units of the token; a batch counts with its escrow.
    pub daily_cap: Amount,
}

/// Arguments of `intent_key_remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IntentKeyRemoveArgs {
    /// Key.
    pub public_key: PublicKey,
}

/// The message of a deposit: an object with one field that says what to do, and perhaps a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// What to do.
    pub message: DepositMessage,
    /// For whom: the sender, without a name.
    pub receiver_id: Option<String>,
    /// The number of the account that gets the credit.
    pub account: Option<AccountNo>,
}

/// The field of a deposit's message that names who gets the credit.
pub const FOR: &str = "for";

impl Read for Deposit {
    fn read(reader: &mut Reader<'_>) -> Self {
        let (mut message, mut receiver_id, mut account) = (None, None, None);
        reader.fields(&["account", "deposit", "create_batch"], &[], &mut |reader, index| match index {
            0 => account = Read::read(reader),
            _ if message.is_some() => reader.fail_at("msg"),
            1 => {
                reader.fields(&[FOR], &[], &mut |reader, _| receiver_id = Read::read(reader));
                message = Some(DepositMessage::Deposit {});
            }
            _ => {
                let mut read_for = |reader: &mut Reader<'_>| receiver_id = Read::read(reader);
                message = Some(DepositMessage::CreateBatch(BatchSpec::read_and(reader, FOR, &mut read_for)));
            }
        });
        let message = message.unwrap_or_else(|| {
            reader.fail_at("msg");
            DepositMessage::Deposit {}
        });
        Self { message, receiver_id, account }
    }
}
