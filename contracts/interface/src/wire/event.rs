//! The journal's alphabet. Every call that changes state writes one log line: a NEP-297 event whose `data` holds the
//! line's number and a list of entries, each a short JSON array that begins with its tag:
//!
//! ```text
//! EVENT_JSON:{"standard":"piecework","version":"1.1.0","event":"work","data":{"seq":12,"node":7,"log":[["claim",0,3,null],["skip",1,8]]}}
//! ```
//!
//! `event` names the method, `node` the node whose call it is: unless it was seen less than ten seconds ago, its
//! `last_seen` becomes the block's time, and a silent node is active again. Amounts are decimal strings, digests unpadded base64 (nothing for zeros), item sets hexadecimal.

use crate::model::{
    amount::Amount,
    answers::Items,
    case::Decided,
    config::{Config, Fixed},
    draw::At,
    governance::{Change, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    skip::Skip,
    terms::Terms,
    view::{Callback, Credited, NodeStatus},
};
#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{fields, json::Text, json::Write, row::Field};

/// NEP-297 prefix of every line.
pub const PREFIX: &str = "EVENT_JSON:";
/// NEP-297 `standard`.
pub const STANDARD: &str = "piecework";
/// NEP-297 `version` of the lines that are written today.
pub const VERSION: &str = "1.1.0";

/// By which rules a line moves a mirror. The entries are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// "1.0.0", of release 0.1.0: every full first round marks its lot, and every call of a node moves its `last_seen`.
    First,
    /// "1.1.0": it does while [`crate::model::view::Window::marks_early`], and unless [`crate::model::view::Node::seen_lately`].
    #[default]
    Second,
}

impl Version {
    /// As NEP-297 names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "1.0.0",
            Self::Second => VERSION,
        }
    }

    #[cfg(feature = "host")]
    fn read(name: &Value) -> Option<Self> {
        [Self::First, Self::Second].into_iter().find(|version| version.name() == name)
    }
}

/// One log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Rules of the code that wrote it.
    pub version: Version,
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

/// What an ended epoch pays in one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochShare {
    /// Token.
    pub token: TokenId,
    /// To the treasury.
    pub treasury: Amount,
    /// To each ticket.
    pub per_ticket: Amount,
}

fields!(EpochShare as [row] { token, treasury, per_ticket });

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
                match self {
                    $(Self::$name { $($field,)* } => {
                        out.push_str(concat!("[\"", $tag, "\""));
                        $(out.push(b','); Field::write($field, out);)*
                        out.push(b']');
                    })*
                }
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
    /// The treasury's part of fees goes to this account, or stays with the nodes.
    TreasurySet = "treasury" { /** Whose. */ account: Option<AccountNo>, }
    /// An epoch ended: what the one before left went back to the pools, the treasury got its part, nodes may collect.
    EpochEnded = "epoch" {
        /** Number of the epoch that begins. */ epoch: u32,
        /** What the ended one pays. */ shares: Vec<EpochShare>,
    }
    /// A node collected what the epoch before the running one pays for its tickets.
    Collected = "collect" {
        /** Account. */ account: AccountNo,
        /** Tickets. */ tickets: u8,
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
        /** Account. */ account: AccountNo,
        /** Token. */ token: TokenId,
        /** Amount. */ amount: Amount,
    }
    /// A withdrawal was debited and sent.
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
        /** Root of the gold tree, zeros without gold. */ gold_root: [u8; 32],
        /** Whom to tell when it is closed. */ callback: Option<Callback>,
        /** Where the manifest is. */ uri: String,
        /** Escrow, fee included. */ escrow: Amount,
        /** Terms. */ terms: Terms,
        /** What was copied from the configuration. */ fixed: Fixed,
    }
    /// The adjudicator put up its bond: group 0 is open.
    AdjudicatorAccepted = "accept" {
        /** Batch. */ batch: BatchId,
        /** Taken from its balance, yoctoNEAR. */ bond: Amount,
    }
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
        /** Active tickets at the capture. */ tickets: u32,
    }
    /// The node took a seat; the first claim of a lot makes its record and reserves its bytes from the requester.
    Claimed = "claim" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** The reservation that it replaced. */ replaced: Option<Abandoned>,
    }
    /// The node gave its seat back.
    Released = "release" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** yoctoNEAR taken from its stake. */ slash: Amount,
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
    /// The requester opened gold items of a lot.
    GoldOpened = "gold" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Items whose result they are. */ equal: Items,
        /** Items whose result they are not: challenged by the requester. */ against: Items,
        /** Items without a result, which they decide by a slot's answer. */ decided: Vec<Decided>,
        /** Items without a result whose gold nobody answered. */ void: Items,
    }
    /// Items of a lot's result were challenged.
    Challenged = "challenge" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Who. */ account: AccountNo,
        /** Items. */ items: Items,
        /** Taken from its balance, yoctoNEAR. */ bond: Amount,
    }
    /// The challenge window is over and challenged items go to a jury, whose draw is open.
    JuryOpened = "jury" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
    }
    /// What a jury came to; the lot settles next.
    Ruled = "rule" {
        /** Batch. */ batch: BatchId,
        /** Lot. */ lot: LotId,
        /** Items whose result was changed. */ overturned: Items,
        /** NEAR credited to jurors. */ jurors: Vec<Credited>,
        /** NEAR credited to challengers. */ challengers: Vec<Credited>,
        /** Taken from the adjudicator's bond, yoctoNEAR. */ forfeit: Amount,
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
        /** Fee, kept with the batch. */ fee: Amount,
        /** Freed for the requester, kept with the batch. */ refund: Amount,
        /** Slots that were judged, in order of their claims. */ slots: Vec<SettledSlot>,
    }
    /// The requester cancelled the batch.
    BatchCancelled = "cancel" { /** Batch. */ batch: BatchId, }
    /// What settled lots left was paid out.
    BatchPaid = "paid" {
        /** Batch. */ batch: BatchId,
        /** Fees moved to the token's pool. */ fees: Amount,
        /** Returned to the requester. */ refund: Amount,
    }
    /// Nothing of the batch is live: everything that it held was paid out.
    BatchClosed = "close" {
        /** Batch. */ batch: BatchId,
        /** Fees moved to the token's pool. */ fees: Amount,
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
        /** Its number, used from now on. */ nonce: u64,
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
        frame(self.version, self.seq, &self.event, self.node, &entries)
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
        let version = Version::read(&value["version"]).ok_or_else(|| error("its version is not known"))?;
        let data = &value["data"];
        let entries = data["log"].as_array().ok_or_else(|| error("`log` is missing"))?;
        Ok(Some(Self {
            version,
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
pub fn frame(version: Version, seq: u64, event: &str, node: Option<AccountNo>, entries: &Text) -> String {
    let mut out = Text::with_capacity(160 + entries.len());
    for part in [PREFIX, "{\"standard\":\"", STANDARD, "\",\"version\":\"", version.name(), "\",\"event\":\"", event] {
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
