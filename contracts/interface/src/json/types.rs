//! The JSON of the protocol's own types.

use super::{Read, ReadError, Reader, Write, push_hex, read_fields, write_fields};
use crate::{
    call::{BatchCreateArgs, BatchSpec, DepositMessage, ResultClaim},
    config::{Bounds, Config, Fixed},
    draw::{Draw, Seed},
    governance::{Change, Feature, Prices, Proposal, Role, Settings},
    revenue::{Revenue, Share},
    terms::{Terms, Verification},
    view::{
        Account, Balance, Batch, BatchStatus, ClassRecord, Lot, LotPhase, LotState, Node, NodeStatus, OpenBatch, Part,
        Progress, Root, Slot, SlotPhase, Token, Window,
    },
};

write_fields!(Root { seq, head: hex, active_tickets, next_account, next_batch, insurance });
write_fields!(Token { token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight });
write_fields!(Balance { token, amount });
write_fields!(Account { account, storage_paid, storage_used, in_flight, balances, node, keys });
write_fields!(ClassRecord { class, reputation, stepped_at, declared });
write_fields!(Node {
    stake,
    bonded,
    unbonding,
    unbonding_until,
    tickets,
    active_since,
    last_seen,
    slots,
    faults,
    registered_at,
    settled,
    status,
    classes,
    part,
});
write_fields!(Batch { batch, status, settled, results_root: hex, open });
write_fields!(OpenBatch { requester, token, terms, fixed, items, manifest: hex, created_at, progress, escrow });
write_fields!(Seed { value: hex, at, height, tickets });
write_fields!(Slot { node, round, phase });
write_fields!(Fixed { fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s });
write_fields!(Config {
    min_stake,
    unbonding_s,
    notice_s,
    liveness_window_s,
    grace_s,
    fee_bps,
    reputation_interval_s,
    epoch_s,
    treasury_bps,
    insurance_reserve,
    bounds,
    chain_id,
});
write_fields!(Bounds {
    claim_ttl_s,
    reveal_window_s,
    challenge_window_s,
    slice_s,
    lifetime_max_s,
    dissent_slash_pct_max,
    abandon_slash_pct_max,
});
write_fields!(Terms {
    class,
    reward,
    lot_size,
    answer_width,
    start,
    max,
    quorum_pct,
    claim_ttl_s,
    reveal_window_s,
    challenge_window_s,
    slice_s,
    bond_pct,
    dissent_slash_pct,
    abandon_slash_pct,
    min_reputation,
    expires_at,
    verification,
});

write_fields!(Share { token, per_ticket, left });
write_fields!(Revenue { epoch, started_at, tickets, shares });
write_fields!(Part { counted, tickets, before });
write_fields!(Prices { token, min_reward, rep_unit, bond_rate });
write_fields!(Proposal { number, ready_at, change });
write_fields!(Settings {
    owner_id,
    proposed_owner_id,
    guardian_id,
    token_admin_id,
    treasury,
    paused,
    next_proposal,
    proposals,
    config,
});

read_fields!(Prices { token, min_reward, rep_unit, bond_rate });
read_fields!(Terms {
    class, reward, lot_size, answer_width, start, max, quorum_pct, claim_ttl_s, reveal_window_s, challenge_window_s,
    slice_s, bond_pct, dissent_slash_pct, abandon_slash_pct, min_reputation, expires_at
} verification);
read_fields!(BatchSpec { terms, items, manifest: hex, uri });
read_fields!(BatchCreateArgs { token, batch });
read_fields!(ResultClaim { batch, lot, n, accepted: hex, answers: bytes, proof: bytes });
read_fields!(Config {} min_stake, unbonding_s, notice_s, liveness_window_s, grace_s, fee_bps, reputation_interval_s, epoch_s, treasury_bps, insurance_reserve, bounds, chain_id);
read_fields!(Bounds {} claim_ttl_s, reveal_window_s, challenge_window_s, slice_s, lifetime_max_s, dissent_slash_pct_max,
    abandon_slash_pct_max);

/// An enum without values is its word.
macro_rules! words {
    ($($type:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl Write for $type {
            fn write(&self, out: &mut String) {
                out.push_str(match self { $(Self::$variant => concat!("\"", $word, "\""),)* });
            }
        }
    )*};
}
words! {
    NodeStatus { Active = "active", Paused = "paused", Silent = "silent" }
    BatchStatus { Open = "open", Cancelled = "cancelled", Closed = "closed" }
    LotPhase { Working = "working", Revealing = "revealing", Provisional = "provisional" }
    Verification { Consensus = "consensus" }
    Role { Guardian = "guardian", TokenAdmin = "token_admin" }
}

impl Read for Verification {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.word(&["consensus"]).map(|_| Self::Consensus)
    }
}

impl Read for Role {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let roles = [Self::Guardian, Self::TokenAdmin];
        reader.word(&["guardian", "token_admin"]).map(|index| roles[index])
    }
}

impl Read for Feature {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        reader.word(&["deposits", "batches", "nodes", "claims"]).map(|index| Self::ALL[index])
    }
}

/// An object with one field, which says what changes.
impl Write for Change {
    fn write(&self, out: &mut String) {
        match self {
            Self::Config(config) => write_all(&[("{\"config\":", config)], out),
            Self::Prices(prices) => write_all(&[("{\"prices\":", prices)], out),
            Self::Code(hash) => {
                out.push_str("{\"code\":");
                push_hex(hash, out);
                out.push('}');
            }
        }
    }
}

impl Read for Change {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut change = None;
        reader.object(&mut |reader, key| {
            change = Some(match (&change, key) {
                (None, "config") => Self::Config(Read::read(reader)?),
                (None, "prices") => Self::Prices(Read::read(reader)?),
                (None, "code") => Self::Code(reader.hex()?),
                _ => return Err(ReadError { field: "change" }),
            });
            Ok(())
        })?;
        change.ok_or(ReadError { field: "change" })
    }
}

impl Write for Draw {
    fn write(&self, out: &mut String) {
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
        out.push('}');
    }
}

impl Write for SlotPhase {
    fn write(&self, out: &mut String) {
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
        out.push('}');
    }
}

/// The window's fields stand beside the others.
impl Write for Progress {
    fn write(&self, out: &mut String) {
        let Self { window: Window { frontier, marks, draws }, live, reserved, fees, freed } = self;
        write_all(
            &[
                ("{\"frontier\":", frontier),
                (",\"marks\":", marks),
                (",\"draws\":", draws),
                (",\"live\":", live),
                (",\"reserved\":", reserved),
                (",\"fees\":", fees),
                (",\"freed\":", freed),
            ],
            out,
        );
    }
}

/// The record's fields stand beside batch and lot.
impl Write for Lot {
    fn write(&self, out: &mut String) {
        let Self { batch, lot, state } = self;
        let LotState { phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, slots } = state;
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
            ],
            out,
        );
    }
}

/// Writes the fields of an object after their names.
fn write_all(fields: &[(&str, &dyn Write)], out: &mut String) {
    for (name, value) in fields {
        out.push_str(name);
        value.write(out);
    }
    out.push('}');
}

/// An object with one field, which says what to do.
impl Read for DepositMessage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut message = None;
        reader.object(&mut |reader, key| {
            reader.field = "create_batch";
            message = Some(match (&message, key) {
                (None, "deposit") => {
                    reader.object(&mut |reader, _| reader.skip())?;
                    Self::Deposit {}
                }
                (None, "create_batch") => Self::CreateBatch(Read::read(reader)?),
                _ => return Err(ReadError { field: "msg" }),
            });
            Ok(())
        })?;
        message.ok_or(ReadError { field: "msg" })
    }
}
