//! What a batch fixes at creation.

use borsh::{BorshDeserialize, BorshSerialize};
#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{
    fields, json::Read, json::Reader, json::Text, json::Write, json::write_all, row::Field, variants,
};
use serde::{Deserialize, Serialize};

use crate::model::{
    amount::Amount,
    config::{Bounds, REPUTATION_FULL},
    ids::{AccountNo, ClassId},
};

/// Items in the largest lot.
pub const LOT_SIZE_MAX: u8 = 64;
/// Seats of an extension round.
pub const EXTENSION_SEATS: u8 = 3;
/// Seats of a jury.
pub const JURORS: u8 = 5;
/// Number of a jury's round.
pub const JURY: u8 = 2;
/// A reward per item is below this, so that every escrow stays below 2^116.
pub const REWARD_LIMIT: u128 = 1 << 80;

/// How the answers of a batch are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Verification {
    /// Equal answers are counted.
    #[default]
    Consensus,
    /// Somebody named by the requester scores each copy: for answers of which equal bytes mean nothing.
    Adjudicated {
        /// Who; a registered account.
        adjudicator: AccountNo,
        /// Seconds from the end of the reveals to its verdict; its silence pays in full.
        verdict_ttl_s: u32,
    },
}

variants!(Verification { 0 = Consensus, 1 = Adjudicated { adjudicator, verdict_ttl_s } } else Self::Consensus);

/// The terms of a batch. Fixed at creation, inside the bounds of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Terms {
    /// Class of the work; only nodes that declared it may claim.
    pub class: ClassId,
    /// Reward R of one copy of one item, an even number of units of the batch's token.
    pub reward: Amount,
    /// Items per lot, 1..=64. The last lot may be shorter.
    pub lot_size: u8,
    /// Bytes per answer: 1, 2, 4, 8, 16 or 32.
    pub answer_width: u8,
    /// Copies of the first round: 1, 2, 3 or 5.
    pub start: u8,
    /// Equal answers needed, in percent of the seats of the round, 51..=100.
    pub quorum_pct: u8,
    /// Seconds from a claim to the end of its reservation.
    pub claim_ttl_s: u32,
    /// Seconds for reveals, after all copies are committed or out of time; at least a tenth of `claim_ttl_s`.
    pub reveal_window_s: u32,
    /// Seconds a result stays provisional; 0 settles at once.
    pub challenge_window_s: u32,
    /// Seconds per slice of the sortition: the bar doubles each slice.
    pub slice_s: u32,
    /// Bond in percent of `bond_rate × items × reward`, 100..=300.
    pub bond_pct: u16,
    /// Part of the bond lost when every judged item is missed, in percent, 10..=100.
    pub dissent_slash_pct: u8,
    /// Part of the bond lost by an abandoned reservation, in percent, 5..=50.
    pub abandon_slash_pct: u8,
    /// Reputation in the class that a claim needs, 0..=10000.
    pub min_reputation: u16,
    /// Unix time in seconds after which nothing new is claimed.
    pub expires_at: u32,
    /// How answers are judged.
    #[serde(default)]
    pub verification: Verification,
}

fields!(Terms as [borsh write read row] {
    class, reward, lot_size, answer_width, start, quorum_pct, claim_ttl_s, reveal_window_s, challenge_window_s, slice_s,
    bond_pct, dissent_slash_pct, abandon_slash_pct, min_reputation, expires_at, verification(optional),
});

/// Why terms are refused. The text names the field, the rule and the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ERR_TERMS: {field} must be {rule}")]
pub struct TermsError {
    /// The offending field.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl Terms {
    /// Checks every field against the protocol and the configuration's bounds.
    ///
    /// # Errors
    /// The first field that is out of bounds.
    pub fn check(&self, bounds: &Bounds, min_reward: u128, now_s: u32) -> Result<(), TermsError> {
        let rule = |ok: bool, field, rule| {
            if ok { Ok(()) } else { Err(TermsError { field, rule }) }
        };
        let within = |value: u32, range: (u32, u32)| value >= range.0 && value <= range.1;
        rule(
            self.reward.0 >= min_reward.max(1) && self.reward.0 < REWARD_LIMIT && self.reward.0.is_multiple_of(2),
            "reward",
            "even, at least the token's minimum and below 2^80",
        )?;
        rule((1..=LOT_SIZE_MAX).contains(&self.lot_size), "lot_size", "1..=64")?;
        rule(matches!(self.answer_width, 1 | 2 | 4 | 8 | 16 | 32), "answer_width", "1, 2, 4, 8, 16 or 32")?;
        rule(matches!(self.start, 1 | 2 | 3 | 5), "start", "1, 2, 3 or 5")?;
        rule((51..=100).contains(&self.quorum_pct), "quorum_pct", "51..=100")?;
        rule(within(self.claim_ttl_s, bounds.claim_ttl_s), "claim_ttl_s", "within the configured bounds")?;
        rule(
            within(self.reveal_window_s, bounds.reveal_window_s) && self.reveal_window_s >= self.claim_ttl_s / 10,
            "reveal_window_s",
            "within the configured bounds and at least a tenth of claim_ttl_s",
        )?;
        rule(
            self.challenge_window_s == 0 || within(self.challenge_window_s, bounds.challenge_window_s),
            "challenge_window_s",
            "0 or within the configured bounds",
        )?;
        rule(within(self.slice_s, bounds.slice_s), "slice_s", "within the configured bounds")?;
        rule((100..=300).contains(&self.bond_pct), "bond_pct", "100..=300")?;
        rule((10..=100).contains(&self.dissent_slash_pct), "dissent_slash_pct", "10..=100")?;
        rule((5..=50).contains(&self.abandon_slash_pct), "abandon_slash_pct", "5..=50")?;
        rule(self.min_reputation <= REPUTATION_FULL, "min_reputation", "0..=10000")?;
        rule(
            self.expires_at >= now_s.saturating_add(self.claim_ttl_s)
                && self.expires_at <= now_s.saturating_add(bounds.lifetime_max_s),
            "expires_at",
            "later than now + claim_ttl_s and within the longest lifetime",
        )?;
        if let Verification::Adjudicated { verdict_ttl_s, .. } = self.verification {
            rule(within(verdict_ttl_s, bounds.verdict_ttl_s), "verdict_ttl_s", "within the configured bounds")?;
            rule(self.challenge_window_s > 0, "challenge_window_s", "above 0 in an adjudicated batch")?;
        }
        Ok(())
    }

    /// Who scores the copies, if somebody does.
    #[must_use]
    pub const fn adjudicator(&self) -> Option<AccountNo> {
        match self.verification {
            Verification::Adjudicated { adjudicator, .. } => Some(adjudicator),
            Verification::Consensus => None,
        }
    }

    /// Seconds that an adjudicator has; 0 without one.
    #[must_use]
    pub const fn verdict_ttl_s(&self) -> u32 {
        match self.verification {
            Verification::Adjudicated { verdict_ttl_s, .. } => verdict_ttl_s,
            Verification::Consensus => 0,
        }
    }

    /// Whether items that round 0 leaves without a result go to an extension: there is more than one copy to compare.
    #[must_use]
    pub const fn has_extension(&self) -> bool {
        self.start > 1 && matches!(self.verification, Verification::Consensus)
    }

    /// Copies of an item that may be paid at most: the escrow is for so many. Asked also of terms that were not checked.
    #[must_use]
    pub const fn copies(&self) -> u8 {
        if self.has_extension() { self.start.saturating_add(EXTENSION_SEATS) } else { self.start }
    }

    /// Seats of round `round`.
    #[must_use]
    pub const fn seats(&self, round: u8) -> u8 {
        match round {
            0 => self.start,
            JURY => JURORS,
            _ => EXTENSION_SEATS,
        }
    }
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
        reader.fields(&["adjudicated"], &[], &mut |reader, _| {
            reader.fields(&["adjudicator", "verdict_ttl_s"], &[], &mut |reader, index| match index {
                0 => adjudicator = Some(Read::read(reader)),
                _ => verdict_ttl_s = Some(Read::read(reader)),
            });
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

impl Field for Verification {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Consensus => out.push(b'0'),
            Self::Adjudicated { adjudicator, verdict_ttl_s } => {
                out.push(b'[');
                Field::write(adjudicator, out);
                out.push(b',');
                Field::write(verdict_ttl_s, out);
                out.push(b']');
            }
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        match value.as_array().map(Vec::as_slice) {
            None => (value.as_u64()? == 0).then_some(Self::Consensus),
            Some([adjudicator, verdict_ttl_s]) => Some(Self::Adjudicated {
                adjudicator: Field::read(adjudicator)?,
                verdict_ttl_s: Field::read(verdict_ttl_s)?,
            }),
            Some(_) => None,
        }
    }
}
