//! The ops of `work` and the targets of `poke`: the Borsh arguments of the hot path.

use borsh::{BorshDeserialize, BorshSerialize, io};
use piecework_compact::{codec::Codec, codec::Element, codec::Source, variants};
use serde::{Deserialize, Serialize};

use crate::model::{
    draw::At,
    ids::{AccountNo, BatchId, LotId, TokenId},
};

/// Most ops in one `work` call: their worst-case log entries fit a call's 16,384 bytes.
pub const OPS_MAX: usize = 24;
/// Most bytes of answers revealed in one `work` call.
pub const ANSWER_BYTES_MAX: usize = 11 * 1024;
/// Most targets in one `poke` call.
pub const POKES_MAX: usize = 16;

/// One op of a `work` call. Every op soft-fails: a skip leaves a code in the event and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "schema", derive(borsh::BorshSchema))]
pub enum Op {
    /// Opens the draw of `at`, or captures its seed in a later slice.
    Draw {
        /// Batch.
        batch: BatchId,
        /// What is drawn.
        at: At,
    },
    /// Takes a seat of the lot's current round.
    Claim {
        /// Batch.
        batch: BatchId,
        /// Lot.
        lot: LotId,
    },
    /// Gives a seat back.
    Release {
        /// Batch.
        batch: BatchId,
        /// Lot.
        lot: LotId,
    },
    /// Binds the node to its answers without showing them; see [`crate::rules::commitment`].
    Commit {
        /// Batch.
        batch: BatchId,
        /// Lot.
        lot: LotId,
        /// [`crate::rules::commitment::commitment`] of the answers.
        commitment: [u8; 32],
    },
    /// Shows the answers of a commitment.
    Reveal {
        /// Batch.
        batch: BatchId,
        /// Lot.
        lot: LotId,
        /// Judged items × answer width bytes, in index order.
        answers: Vec<u8>,
        /// The salt of the commitment.
        salt: [u8; 32],
    },
}

variants!(Op {
    0 = Draw { batch, at },
    1 = Claim { batch, lot },
    2 = Release { batch, lot },
    3 = Commit { batch, lot, commitment },
    4 = Reveal { batch, lot, answers, salt },
} else Self::Claim { batch: BatchId(0), lot: LotId(0) });
impl Element for Op {}

/// The arguments of `work`: the ops, and after them, if the caller names it, the number of its account. A number spares
/// the contract a look-up; without one the bytes are those of the list alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// What to do, in order.
    pub ops: Vec<Op>,
    /// The caller's number.
    pub account: Option<AccountNo>,
}

impl BorshSerialize for Work {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.ops.serialize(writer)?;
        self.account.map_or(Ok(()), |account| BorshSerialize::serialize(&account, writer))
    }
}

impl BorshDeserialize for Work {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let ops = Vec::deserialize_reader(reader)?;
        let mut first = [0];
        let account = match reader.read(&mut first)? {
            0 => None,
            _ => Some(AccountNo::deserialize_reader(&mut io::Read::chain(first.as_slice(), reader))?),
        };
        Ok(Self { ops, account })
    }
}

/// The schema of the list: it has no words for a number that may follow.
#[cfg(feature = "schema")]
impl borsh::BorshSchema for Work {
    fn add_definitions_recursively(
        definitions: &mut std::collections::BTreeMap<borsh::schema::Declaration, borsh::schema::Definition>,
    ) {
        Vec::<Op>::add_definitions_recursively(definitions);
    }

    fn declaration() -> borsh::schema::Declaration {
        Vec::<Op>::declaration()
    }
}

/// What a `poke` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(borsh::BorshSchema))]
pub enum Target {
    /// Ends a round, tallies, settles or closes a lot, whatever is due.
    Lot(BatchId, LotId),
    /// Closes a batch in which nothing is live any more; before, pays out what its settled lots left.
    Batch(BatchId),
    /// Makes a silent node inactive; counts its tickets by a new least stake.
    Node(AccountNo),
    /// Pays the treasury what waits of a token.
    Token(TokenId),
}

variants!(Target { 0 = Lot(batch, lot), 1 = Batch(batch), 2 = Node(node), 3 = Token(token) } else Self::Batch(BatchId(0)));
impl Element for Target {}

impl Codec for Work {
    fn encode(&self, out: &mut Vec<u8>) {
        self.ops.encode(out);
        if let Some(account) = self.account {
            account.encode(out);
        }
    }
    fn decode(source: &mut Source<'_>) -> Self {
        Self { ops: Codec::decode(source), account: source.last() }
    }
}
