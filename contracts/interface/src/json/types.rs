//! The JSON of the protocol's own types.

use super::{Read, Reader, Text, Write, push_hex};
use crate::{
    call::DepositMessage,
    draw::Draw,
    governance::{Change, Feature, Role},
    ids::AccountNo,
    terms::Verification,
    view::{BatchStatus, Lot, LotPhase, LotState, NodeStatus, Progress, SlotPhase, Window},
};

/// An enum without values is its word.
macro_rules! words {
    ($($type:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl Write for $type {
            fn write(&self, out: &mut Text) {
                out.push_str(match self { $(Self::$variant => concat!("\"", $word, "\""),)* });
            }
        }
    )*};
}
words! {
    NodeStatus { Active = "active", Paused = "paused", Silent = "silent" }
    BatchStatus { Open = "open", Cancelled = "cancelled", Closed = "closed" }
    LotPhase { Working = "working", Revealing = "revealing", Provisional = "provisional", Judging = "judging" }
    Role { Guardian = "guardian", TokenAdmin = "token_admin" }
}

impl Write for Verification {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Consensus => out.push_str("\"consensus\""),
            Self::Adjudicated { adjudicator, verdict_ttl_s } => {
                write_all(
                    &[("{\"adjudicated\":{\"adjudicator\":", adjudicator), (",\"verdict_ttl_s\":", verdict_ttl_s)],
                    out,
                );
                out.push(b'}');
            }
        }
    }
}

/// A word, or an object with one field.
impl Read for Verification {
    fn read(reader: &mut Reader<'_>) -> Self {
        if reader.at_string() {
            reader.word(&["consensus"]);
            return Self::Consensus;
        }
        let (mut adjudicator, mut verdict_ttl_s) = (None, None);
        reader.object(&mut |reader, key| match key {
            "adjudicated" => reader.object(&mut |reader, key| match key {
                "adjudicator" => adjudicator = Some(Read::read(reader)),
                "verdict_ttl_s" => verdict_ttl_s = Some(Read::read(reader)),
                _ => reader.skip(),
            }),
            _ => reader.fail_at("verification"),
        });
        match adjudicator.zip(verdict_ttl_s) {
            Some((adjudicator, verdict_ttl_s)) => Self::Adjudicated { adjudicator, verdict_ttl_s },
            None => {
                reader.fail_at("verification");
                Self::Consensus
            }
        }
    }
}

impl Read for Role {
    fn read(reader: &mut Reader<'_>) -> Self {
        let roles = [Self::Guardian, Self::TokenAdmin];
        roles[reader.word(&["guardian", "token_admin"])]
    }
}

impl Read for Feature {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self::ALL[reader.word(&["deposits", "batches", "nodes", "claims"])]
    }
}

/// An object with one field, which says what changes.
impl Write for Change {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Config(config) => write_all(&[("{\"config\":", config)], out),
            Self::Prices(prices) => write_all(&[("{\"prices\":", prices)], out),
            Self::Code(hash) => {
                out.push_str("{\"code\":");
                push_hex(hash, out);
                out.push(b'}');
            }
        }
    }
}

impl Read for Change {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut change = None;
        reader.object(&mut |reader, key| match (&change, key) {
            (None, "config") => change = Some(Self::Config(Read::read(reader))),
            (None, "prices") => change = Some(Self::Prices(Read::read(reader))),
            (None, "code") => change = Some(Self::Code(reader.hex())),
            _ => reader.fail_at("change"),
        });
        change.unwrap_or_else(|| {
            reader.fail_at("change");
            Self::Code([0; 32])
        })
    }
}

impl Write for Draw {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Closed => return out.push_str("\"closed\""),
            Self::Opened(at) => {
                out.push_str("{\"opened\":");
                at.write(out);
            }
            Self::Seeded(seed) => {
                out.push_str("{\"seeded\":");
                seed.write(out);
            }
        }
        out.push(b'}');
    }
}

impl Write for SlotPhase {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Reserved(until) => {
                out.push_str("{\"reserved\":");
                until.write(out);
            }
            Self::Committed(commitment) => {
                out.push_str("{\"committed\":");
                push_hex(commitment, out);
            }
            Self::Revealed(answers) => {
                out.push_str("{\"revealed\":");
                push_hex(answers, out);
            }
        }
        out.push(b'}');
    }
}

/// The window's fields stand beside the others.
impl Write for Progress {
    fn write(&self, out: &mut Text) {
        let Self {
            window: Window { frontier, marks, draws },
            live,
            reserved,
            fees,
            freed,
            gold_opened,
            gold_void,
            adjudicator_bond,
        } = self;
        write_all(
            &[
                ("{\"frontier\":", frontier),
                (",\"marks\":", marks),
                (",\"draws\":", draws),
                (",\"live\":", live),
                (",\"reserved\":", reserved),
                (",\"fees\":", fees),
                (",\"freed\":", freed),
                (",\"gold_opened\":", gold_opened),
                (",\"gold_void\":", gold_void),
                (",\"adjudicator_bond\":", adjudicator_bond),
            ],
            out,
        );
    }
}

/// The record's fields stand beside batch and lot.
impl Write for Lot {
    fn write(&self, out: &mut Text) {
        let Self { batch, lot, state } = self;
        let LotState { phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, slots, case } = state;
        write_all(
            &[
                ("{\"batch\":", batch),
                (",\"lot\":", lot),
                (",\"phase\":", phase),
                (",\"round\":", round),
                (",\"clock_at\":", clock_at),
                (",\"phase_at\":", phase_at),
                (",\"phase_height\":", phase_height),
                (",\"leavers\":", leavers),
                (",\"open_items\":", open_items),
                (",\"draw\":", draw),
                (",\"slots\":", slots),
                (",\"case\":", case),
            ],
            out,
        );
    }
}

/// Writes the fields of an object after their names.
fn write_all(fields: &[(&str, &dyn Write)], out: &mut Text) {
    for (name, value) in fields {
        out.push_str(name);
        value.write(out);
    }
    out.push(b'}');
}

/// The message of a deposit: an object with one field that says what to do, and perhaps the sender's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// What to do.
    pub message: DepositMessage,
    /// The sender's number.
    pub account: Option<AccountNo>,
}

impl Read for Deposit {
    fn read(reader: &mut Reader<'_>) -> Self {
        let (mut message, mut account) = (None, None);
        reader.object(&mut |reader, key| match (&message, key) {
            (_, "account") => account = Read::read(reader),
            (None, "deposit") => {
                reader.object(&mut |reader, _| reader.skip());
                message = Some(DepositMessage::Deposit {});
            }
            (None, "create_batch") => message = Some(DepositMessage::CreateBatch(Read::read(reader))),
            _ => reader.fail_at("msg"),
        });
        let message = message.unwrap_or_else(|| {
            reader.fail_at("msg");
            DepositMessage::Deposit {}
        });
        Self { message, account }
    }
}
