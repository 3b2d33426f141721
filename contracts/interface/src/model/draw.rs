//! The state of a draw: nothing, opened, or a captured seed.

use borsh::{BorshDeserialize, BorshSerialize};
#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{codec::Element, fields, json::Text, json::Write, row::Field, variants};
use serde::{Deserialize, Serialize};

use crate::model::ids::LotId;

/// A captured seed. It never changes: waiting lowers the bar, it never rerolls.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Seed {
    /// `sha256(random seed of the receipt ‖ batch ‖ at)[..16]`.
    #[serde(with = "hex::serde")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub value: [u8; 16],
    /// Unix time of the capture, seconds.
    pub at: u32,
    /// Height of the capture; the seed is not usable in this block.
    pub height: u32,
    /// Tickets of the batch's class at the capture.
    pub tickets: u32,
    /// Whether results may be appealed: the batch has a challenge window, and the class enough nodes for a jury.
    pub appeal: bool,
}

fields!(Seed as [borsh write] { value(hex), at, height, tickets, appeal });

/// A group's or a later round's draw.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Draw {
    /// Not opened.
    #[default]
    Closed,
    /// Opened at this Unix time; the first draw in a later slice captures the seed.
    Opened(u32),
    /// Captured.
    Seeded(Seed),
}

variants!(Draw { 0 = Closed, 1 = Opened(at), 2 = Seeded(seed) } else Self::Closed);
impl Element for Draw {}

/// Where a seed is captured: for a group of 32 lots (round 0), or for a later round of one lot.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(borsh::BorshSchema))]
pub enum At {
    /// Lots `32 g .. 32 g + 32`, round 0.
    Group(u32),
    /// The current extension or jury of a lot.
    Lot(LotId),
}

variants!(At { 0 = Group(group), 1 = Lot(lot) } else Self::Group(0));

/// A group is its number, a lot is its number in an array.
impl Field for At {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Group(group) => Field::write(group, out),
            Self::Lot(lot) => {
                out.push(b'[');
                Field::write(lot, out);
                out.push(b']');
            }
        }
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        match value.as_array().map(Vec::as_slice) {
            None => Field::read(value).map(Self::Group),
            Some([lot]) => Field::read(lot).map(Self::Lot),
            Some(_) => None,
        }
    }
}

impl Write for Draw {
    fn write(&self, out: &mut Text) {
        match self {
            Self::Closed => return out.push_str("\"closed\""),
            Self::Opened(at) => {
                out.push_str("{\"opened\":");
                Write::write(at, out);
            }
            Self::Seeded(seed) => {
                out.push_str("{\"seeded\":");
                Write::write(seed, out);
            }
        }
        out.push(b'}');
    }
}
