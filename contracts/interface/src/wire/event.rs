//! The journal's alphabet. Every call that changes state writes one log line: a NEP-297 event whose `data` holds the
//! line's number and a list of entries, each a short JSON array that begins with its tag:
//!
//! ```text
//! EVENT_JSON:{"standard":"piecework","version":"2.0.0","event":"work","data":{"seq":12,"node":7,"log":[["claim",0,3,"1000",null],["skip",1,8]]}}
//! ```
//!
//! `event` names the method, `node` the node whose call it is: its `last_seen` becomes the block's time, and a silent node
//! is active again. Amounts are decimal strings, digests unpadded base64 (nothing for zeros), item sets hexadecimal.

use crate::model::{
    amount::Amount,
    answers::Items,
    case::{ChallengerPay, JurorPay},
    config::{Config, Fixed},
    draw::At,
    governance::{Change, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    skip::Skip,
    terms::Terms,
    view::{Callback, NodeStatus, Referrer},
};
#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{fields, json::Text, json::Write, row::Field, row::next};

/// NEP-297 prefix of every line.
pub const PREFIX: &str = "EVENT_JSON:";
/// NEP-297 `standard`.
pub const STANDARD: &str = "piecework";
/// NEP-297 `version`.
pub const VERSION: &str = "2.0.0";

/// One log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Number of the line in the journal, from 0 without gaps.
    pub seq: u64,
    /// The method that wrote it.
    pub event: String,
    /// The node whose call it is.
    pub node: Option<AccountNo>,
    /// What happened, in order.
    pub log: Vec<Entry>,
}

/// A reservation that ran out and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abandoned {
    /// Node.
    pub node: AccountNo,
    /// yoctoNEAR taken from its stake.
    pub slash: Amount,
}

fields!(Abandoned as [row] { node, slash });

/// What a slot got when its lot settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledSlot {
    /// Node.
    pub node: AccountNo,
    /// Reward credited, in units of the batch's token.
    pub pay: Amount,
    /// yoctoNEAR taken from its stake.
    pub slash: Amount,
    /// Its reputation in the class afterwards.
    pub reputation: u16,
}

fields!(SettledSlot as [row] { node, pay, slash, reputation });

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident = $tag:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {
        /// One state change.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Entry {
            $($(#[$doc])* $name { $($(#[$fdoc])* $field: $ty,)* },)*
        }

        impl Entry {
            /// All tags, in order of declaration.
            pub const TAGS: &'static [&'static str] = &[$($tag),*];

            /// The entry's tag.
            #[must_use]
            pub const fn tag(&self) -> &'static str {
                match self { $(Self::$name { .. } => $tag,)* }
            }

            /// Appends the entry's JSON array.
            pub fn write(&self, out: &mut Text) {
                out.push_str("[\"");
                out.push_str(self.tag());
                out.push(b'"');
                match self {
                    $(Self::$name { $($field,)* } => {
                        $(next($field, out);)*
                    })*
                }
                out.push(b']');
            }

            /// Reads an entry; `None` if the tag is unknown or a field is missing, extra or malformed.
            #[cfg(feature = "host")]
            #[must_use]
            pub fn read(value: &Value) -> Option<Self> {
                let (tag, fields) = value.as_array()?.split_first()?;
                let mut fields = fields.iter();
                let entry = match tag.as_str()? {
                    $($tag => Self::$name { $($field: Field::read(fields.next()?)?,)* },)*
                    _ => return None,
                };
                fields.next().is_none().then_some(entry)
            }
        }
    };
}

entries! {
    /// The configuration was set.
    Configured = "config" { /** Configuration. */ config: Config, }
    /// Somebody may become the owner by accepting; nobody, if there is no name.
    OwnerProposed = "heir" { /** Who. */ account_id: Option<String>, }
    /// The contract has this owner.
    OwnerSet = "owner" { /** Who. */ account_id: String, }
    /// A role has this holder.
    RoleSet = "role" { /** Role. */ role: Role, /** Who. */ account_id: Option<String>, }
    /// Fees go to this account's balance; without one they wait.
    TreasurySet = "treasury" { /** Whose. */ account: Option<AccountNo>, }
    /// What waited of a token went to the treasury.
    TreasuryPaid = "sweep" {
        /** Whose balance. */ account: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
    }
    /// Exactly these features are paused.
    Paused = "pause" { /** Bits of [`crate::model::governance::Feature`]. */ features: u8, }
    /// A change was proposed.
    Proposed = "propose" {
        /** Number. */ number: u32,
        /** When it may be applied, Unix seconds. */ ready_at: u32,
        /** What changes. */ change: Change,
    }
    /// A proposal was dropped.
    Dropped = "drop" { /** Number. */ number: u32, }
    /// A proposal holds now.
    Applied = "apply" { /** Number. */ number: u32, }
    /// A token was listed.
    TokenListed = "token" {
        /** Number. */ token: TokenId,
        /** NEP-141 account. */ account_id: String,
        /** Least reward per item. */ min_reward: Amount,
        /** Fee that earns a full step of reputation. */ rep_unit: Amount,
        /** yoctoNEAR of bond per 2^32 units. */ bond_rate: Amount,
    }
    /// An account was registered.
    AccountOpened = "account" {
        /** Number. */ account: AccountNo,
        /** Name. */ account_id: String,
        /** Storage deposit, yoctoNEAR. */ paid: Amount,
        /** Bytes charged. */ used: u32,
    }
    /// An account's storage changed outside of claims and settlements.
    Storage = "storage" {
        /** Account. */ account: AccountNo,
        /** Deposit now, yoctoNEAR. */ paid: Amount,
        /** Bytes charged now. */ used: u32,
    }
    /// An account was unregistered.
    AccountClosed = "unregister" { /** Account. */ account: AccountNo, }
    /// A balance was credited from outside, or from claimed stake.
    Deposited = "deposit" {
        /** Account, whom it is for. */ account: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
        /** Who sent it for the account; nothing if the account did. */ sender: Option<String>,
    }
    /// An account's balances may be sent to this account by its machines, or to none.
    PayoutSet = "payout" {
        /** Account. */ account: AccountNo,
        /** Where, an account id of NEAR, registered here or not. */ account_id: Option<String>,
    }
    /// A withdrawal was debited and sent: to the account, or in a line of `withdraw_payout` to its payout account.
    Withdrawing = "withdraw" {
        /** Account. */ account: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
    }
    /// The transfer of a withdrawal answered; a failed one is credited back.
    Withdrawn = "withdrawn" {
        /** Account. */ account: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
        /** Whether it went through. */ ok: bool,
    }
    /// A node was registered, or registered again with more stake.
    NodeRegistered = "node" {
        /** Account. */ account: AccountNo,
        /** yoctoNEAR added to the stake. */ stake: Amount,
        /** Classes declared. */ classes: Vec<ClassId>,
    }
    /// A class was registered.
    ClassRegistered = "class" {
        /** Number. */ class: ClassId,
        /** Who owns it. */ owner: AccountNo,
        /** Name. */ name: String,
        /** SHA-256 of its briefs' schema. */ schema: [u8; 32],
        /** Whether the owner admits its nodes. */ gated: bool,
        /** yoctoNEAR that were burnt for it. */ burnt: Amount,
    }
    /// A gated class's owner admitted a node that declared it.
    ClassAdmitted = "admit" {
        /** Class. */ class: ClassId,
        /** Node. */ account: AccountNo,
    }
    /// A gated class's owner removed a node.
    ClassRemoved = "remove" {
        /** Class. */ class: ClassId,
        /** Node. */ account: AccountNo,
    }
    /// A node named its operator, or has none any more; `accepted` once that account named the node too.
    OperatorSet = "operator" {
        /** Node. */ account: AccountNo,
        /** Operator. */ operator: Option<AccountNo>,
        /** Whether it holds. */ accepted: bool,
    }
    /// A node declared other classes.
    NodeClasses = "classes" {
        /** Account. */ account: AccountNo,
        /** Classes declared. */ classes: Vec<ClassId>,
    }
    /// A node's stake was moved by its owner.
    Staked = "stake" {
        /** Account. */ account: AccountNo,
        /** Stake now, yoctoNEAR. */ stake: Amount,
        /** Unbonding now, yoctoNEAR. */ unbonding: Amount,
        /** When it may be claimed, Unix seconds. */ until: u32,
    }
    /// A node's status changed.
    StatusChanged = "status" {
        /** Account. */ account: AccountNo,
        /** Status now. */ status: NodeStatus,
    }
    /// A batch was created, its escrow debited from the requester, group 0 opened.
    BatchCreated = "batch" {
        /** Number. */ batch: BatchId,
        /** Who pays. */ requester: AccountNo,
        /** Reward token. */ token: TokenId,
        /** Items. */ items: u32,
        /** Merkle root over payload digests. */ manifest: [u8; 32],
        /** Root that the requester commits to; the contract does nothing with it. */ gold_root: [u8; 32],
        /** Whom to tell when it is closed. */ callback: Option<Callback>,
        /** Where the manifest is. */ uri: String,
        /** Escrow, fee included. */ escrow: Amount,
        /** Terms. */ terms: Terms,
        /** What was copied from the configuration. */ fixed: Fixed,
        /** Whether lots may be appended. */ appendable: bool,
        /** Whether its row goes when it closes. */ forget_on_close: bool,
        /** Who gets a part of the fees. */ referrer: Option<Referrer>,
    }
    /// Lots were appended to a batch, their escrow debited from the requester.
    BatchAppended = "append" {
        /** Batch. */ batch: BatchId,
        /** Items. */ items: u32,
        /** Merkle root over their payload digests. */ manifest: [u8; 32],
        /** Where their manifest is. */ uri: String,
        /** Escrow, fee included. */ escrow: Amount,
        /** Whether the draw of their group opened. */ opened: bool,
    }
    /// The reward of a batch's lots without a record rose, what their escrow lacked debited from the requester.
    Raised = "raise" {
        /** Batch. */ batch: BatchId,
        /** Reward now. */ reward: Amount,
        /** Added to the escrow, fee included. */ escrow: Amount,
    }
    /// A batch expires later.
    ExpiryExtended = "expiry" {
        /** Batch. */ batch: BatchId,
        /** When, Unix seconds. */ expires_at: u32,
    }
    /// The adjudicator stands behind the batch: groups may be drawn.
    AdjudicatorAccepted = "accept" {
        /** Batch. */ batch: BatchId,
        /** Taken from its balance, in units of the token. */ amount: Amount,
    }
    /// The adjudicator begins no more lots.
    AdjudicatorResigned = "resign" { /** Batch. */ batch: BatchId, }
    /// A draw was opened.
    DrawOpened = "open" {
        /** Batch. */ batch: BatchId,
        /** What is drawn. */ at: At,
    }
    /// A seed was captured.
    Seeded = "seed" {
        /** Batch. */ batch: BatchId,
        /** What is drawn. */ at: At,
        /** Seed. */ value: [u8; 16],
        /** Tickets of the batch's class at the capture. */ tickets: u32,
        /** Whether the lots' results may be appealed. */ appeal: bool,
    }
    /// The node took a seat; the first claim of a lot makes its record and reserves its bytes from the requester.
    Claimed = "claim" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** The lot's reward, if this is its first claim. */ reward: Option<Amount>,
        /** The reservation that it replaced. */ replaced: Option<Abandoned>,
    }
    /// The node gave its seat back.
    Released = "release" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** yoctoNEAR taken from its stake. */ slash: Amount,
    }
    /// Nobody committed to the lot in time: the batch's window passes it, and claims go on.
    Passed = "passed" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
    }
    /// The node committed.
    Committed = "commit" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Commitment. */ commitment: [u8; 32],
    }
    /// The round turned to reveals; slots still reserved are gone.
    Revealing = "revealing" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Reservations that ran out. */ abandoned: Vec<Abandoned>,
    }
    /// The node revealed. The answers are in the receipt's arguments.
    Revealed = "reveal" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** SHA-256 of the answers. */ digest: [u8; 32],
    }
    /// The tally left items open: an extension begins and its draw is open.
    Extended = "extend" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Open items. */ items: Items,
    }
    /// The tally is done and the challenge window runs.
    Provisional = "provisional" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Accepted items. */ accepted: Items,
        /** SHA-256 of the lot's answers. */ digest: [u8; 32],
    }
    /// The reveals are over and the adjudicator's time runs.
    Judging = "judging" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
    }
    /// The adjudicator scored a lot's slots: it is provisional.
    VerdictGiven = "verdict" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Per slot, 0..=10000. */ scores: Vec<u16>,
        /** SHA-256 of the report. */ report: [u8; 32],
    }
    /// Items of a lot's result were challenged.
    Challenged = "challenge" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Who. */ account: AccountNo,
        /** Items. */ items: Items,
        /** Taken from its balance, in units of the token. */ deposit: Amount,
        /** Digest of its evidence, zeros without. */ evidence: [u8; 32],
        /** Whose challenge of fewer items it replaced: that one's deposit returned. */ replaced: Option<AccountNo>,
    }
    /// The challenge window is over and challenged items go to a jury, whose draw is open.
    JuryOpened = "jury" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
    }
    /// What an appeal came to; the lot settles next.
    Ruled = "rule" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Items whose result was changed. */ overturned: Items,
        /** What jurors got. */ jurors: Vec<JurorPay>,
        /** What challengers got, in the order of their challenges. */ challengers: Vec<ChallengerPay>,
        /** Credited to each revealed slot that did the work, in units of the token. */ pot: Amount,
    }
    /// The current round ended without a result: its slots are freed, bonds back, reservations that ran out slashed.
    Freed = "free" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Reservations that ran out. */ abandoned: Vec<Abandoned>,
    }
    /// A lot settled, or was closed without a result (no slots, nothing accepted). Its record is gone.
    Settled = "settle" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Settlement number in the batch. */ n: u32,
        /** Accepted items. */ accepted: Items,
        /** SHA-256 of the lot's answers, zeros where nothing is accepted. */ digest: [u8; 32],
        /** Due to the treasury, and of the fee on pay its part to the referrer; kept with the batch. */ fee: Amount,
        /** Freed for the requester, kept with the batch. */ refund: Amount,
        /** Taken from the adjudicator's bond, in units of the token. */ forfeit: Amount,
        /** Slots that were judged, in order of their claims. */ slots: Vec<SettledSlot>,
    }
    /// The requester cancelled the batch.
    BatchCancelled = "cancel" { /** Batch. */ batch: BatchId, }
    /// What settled lots left was paid out.
    BatchPaid = "paid" {
        /** Batch. */ batch: BatchId,
        /** Moved to the token, where it waits for the treasury. */ fees: Amount,
        /** Credited to the referrer; nothing, and more to the treasury, if it has no room. */ referral: Amount,
        /** Returned to the requester. */ refund: Amount,
    }
    /// Nothing of the batch is live: everything that it held was paid out. Its row is gone if it was to be forgotten.
    BatchClosed = "close" {
        /** Batch. */ batch: BatchId,
        /** Moved to the token, where it waits for the treasury. */ fees: Amount,
        /** Credited to the referrer; nothing, and more to the treasury, if it has no room. */ referral: Amount,
        /** Returned to the requester. */ refund: Amount,
    }
    /// The closed batch's callback was sent.
    BatchTold = "tell" { /** Batch. */ batch: BatchId, }
    /// The requester dropped a closed batch's result root.
    BatchForgotten = "forget" { /** Batch. */ batch: BatchId, }
    /// A key may sign these kinds of intents from now on; none, if it was removed or its row dropped.
    KeySet = "key" {
        /** Account. */ account: AccountNo,
        /** Key. */ public_key: PublicKey,
        /** What it may sign. */ kinds: Kinds,
        /** In which token. */ token: TokenId,
        /** How much a day. */ daily_cap: Amount,
    }
    /// A signed intent was executed, or failed: what it did stands before this.
    Intent = "intent" {
        /** Index of the intent in the call. */ op: u8,
        /** Account. */ account: AccountNo,
        /** Key that signed. */ public_key: PublicKey,
        /** What was asked for. */ kind: Kind,
        /** Its number, Unix milliseconds, used from now on. */ nonce: u64,
        /** What it moved of the key's daily cap. */ spent: Amount,
        /** Why it did nothing but use its number. */ failed: Option<Skip>,
    }
    /// Balance moved from one account to another.
    Transferred = "transfer" {
        /** From. */ account: AccountNo,
        /** To. */ receiver: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
        /** A word with it. */ memo: Option<String>,
    }
    /// An op or an intent was skipped.
    Skipped = "skip" {
        /** Index of the op or the intent in the call. */ op: u8,
        /** Why. */ code: Skip,
    }
}

impl Line {
    /// The log line, prefix included.
    #[must_use]
    pub fn render(&self) -> String {
        let mut entries = Text::with_capacity(64 * self.log.len());
        for (index, entry) in self.log.iter().enumerate() {
            if index > 0 {
                entries.push(b',');
            }
            entry.write(&mut entries);
        }
        frame(self.seq, &self.event, self.node, &entries)
    }

    /// Reads a log line. `Ok(None)`: not an event of this standard.
    ///
    /// # Errors
    /// The line is of this standard and cannot be read: a mirror must stop, not guess.
    #[cfg(feature = "host")]
    pub fn parse(line: &str) -> Result<Option<Self>, LineError> {
        let Some(json) = line.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let Ok(value) = serde_json::from_str::<Value>(json) else {
            return Ok(None);
        };
        if value["standard"] != STANDARD {
            return Ok(None);
        }
        let error = |what: &'static str| LineError { what, line: line.to_owned() };
        if value["version"] != VERSION {
            return Err(error("its version is not known"));
        }
        let data = &value["data"];
        let entries = data["log"].as_array().ok_or_else(|| error("`log` is missing"))?;
        Ok(Some(Self {
            seq: data["seq"].as_u64().ok_or_else(|| error("`seq` is missing"))?,
            event: value["event"].as_str().ok_or_else(|| error("`event` is missing"))?.to_owned(),
            node: match &data["node"] {
                Value::Null => None,
                node => Some(Field::read(node).ok_or_else(|| error("`node` is not a number"))?),
            },
            log: entries
                .iter()
                .map(|entry| Entry::read(entry).ok_or_else(|| error("an entry cannot be read")))
                .collect::<Result<_, _>>()?,
        }))
    }
}

/// The log line around entries that are written already, with commas between them.
#[must_use]
pub fn frame(seq: u64, event: &str, node: Option<AccountNo>, entries: &Text) -> String {
    let mut out = Text::with_capacity(160 + entries.len());
    for part in [PREFIX, "{\"standard\":\"", STANDARD, "\",\"version\":\"", VERSION, "\",\"event\":\"", event] {
        out.push_str(part);
    }
    out.push_str("\",\"data\":{\"seq\":");
    Write::write(&seq, &mut out);
    if let Some(node) = node {
        out.push_str(",\"node\":");
        Write::write(&node, &mut out);
    }
    out.push_str(",\"log\":[");
    out.push_text(entries);
    out.push_str("]}}");
    out.into_string()
}

/// A journal line that this version cannot read.
#[cfg(feature = "host")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal line cannot be read ({what}): {line}")]
pub struct LineError {
    what: &'static str,
    line: String,
}

impl Field for Entry {
    fn write(&self, out: &mut Text) {
        Self::write(self, out);
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        Self::read(value)
    }
}
