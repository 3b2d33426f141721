//! The pure half of the indexer: blocks in, rows out. No clock, no database, no network.
//!
//! A [`Planner`] holds the mirror in memory as the database holds it, applies each block's journal lines to it, and
//! collects the rows that changed since the last commit.

mod error;
mod line;
mod slots;
mod stakes;

pub use error::PlanError;

use piecework_chain::{ContractReceipt, FinalBlock};
use piecework_interface::{event::Line, op::Op};
use piecework_replay::{Applied, Context, Mirror};
use piecework_store::{
    change::{BlockRow, Change, ReceiptRow},
    cursor::Cursor,
    journal::StoredLine,
    load::Loaded,
};

use line::{Place, Rows};
use slots::LiveSlots;
use stakes::Stakes;

/// A block is kept as an anchor once per so many heights, even when it did not touch the contract.
const ANCHOR_HEIGHTS: u64 = 1_000;

/// The mirror in memory and the rows that are not yet committed.
#[derive(Clone, Debug)]
pub struct Planner {
    committed: Cursor,
    planned: Cursor,
    mirror: Mirror,
    rows: Rows,
    blocks: usize,
}

impl Planner {
    /// Goes on from what the database holds.
    #[must_use]
    pub fn new(loaded: Loaded) -> Self {
        Self {
            committed: loaded.cursor.clone(),
            planned: loaded.cursor,
            rows: Rows {
                slots: LiveSlots::new(loaded.slots),
                stakes: Stakes::of(&loaded.mirror),
                change: Change::default(),
            },
            mirror: loaded.mirror,
            blocks: 0,
        }
    }

    /// The cursor before the rows that are not yet committed.
    #[must_use]
    pub const fn committed(&self) -> &Cursor {
        &self.committed
    }

    /// The cursor after them.
    #[must_use]
    pub const fn planned(&self) -> &Cursor {
        &self.planned
    }

    /// The rows that are not yet committed.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.rows.change
    }

    /// Blocks that are not yet committed.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The mirror after the last block.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Forgets the planned rows, because they are in the database now.
    pub fn confirm(&mut self) {
        self.committed = self.planned.clone();
        self.rows.change = Change::default();
        self.blocks = 0;
    }

    /// Applies the next block.
    ///
    /// # Errors
    /// The block is not the next one, a line cannot be read or does not follow from the mirror, or the contract's own
    /// journal head differs. The planner must then be dropped: chain data never panics the process, and never passes
    /// silently.
    pub fn apply(&mut self, block: &FinalBlock) -> Result<(), PlanError> {
        self.check_link(block)?;
        let place = Place::of(block)?;
        let first_seq = self.mirror.root.seq;
        for receipt in &block.receipts {
            self.receipt(receipt, place)?;
        }
        self.check_root(block, first_seq)?;

        let anchor = block.height / ANCHOR_HEIGHTS > self.planned.height / ANCHOR_HEIGHTS;
        if anchor || !block.receipts.is_empty() {
            self.rows.change.blocks.push(BlockRow {
                height: block.height,
                hash: block.hash.to_string(),
                prev_hash: block.prev_hash.to_string(),
                timestamp_ns: block.timestamp_ns,
                first_seq,
                events: self.mirror.root.seq - first_seq,
            });
        }
        self.planned.height = block.height;
        self.planned.hash = Some(block.hash.to_string());
        self.planned.timestamp_ns = block.timestamp_ns;
        self.planned.chain_height = block.head_height.max(block.height);
        self.planned.root = self.mirror.root.clone();
        self.blocks += 1;
        Ok(())
    }

    /// Applies a stored line again. The journal's own rows are there already, so only what follows from it is planned.
    ///
    /// # Errors
    /// The line does not follow from the mirror.
    pub fn replay(&mut self, stored: &StoredLine) -> Result<(), PlanError> {
        let place = Place::at(stored.height, stored.block_at)?;
        let unreplayed = |source| PlanError::Replay { receipt_id: "stored".to_owned(), height: stored.height, source };
        let ops: Vec<_> = stored.reveals.iter().cloned().map(Op::from).collect();
        let text = stored.line.as_str();
        if let Some(line) = Line::parse(text).map_err(|error| unreplayed(error.into()))? {
            let contract = &self.planned.stream;
            let context = Context { contract, now_s: place.now_s, height: place.height, text, ops: &ops };
            let changes = self.mirror.apply(&line, &context).map_err(unreplayed)?;
            self.rows.line(&self.mirror, place, "stored", Applied { line, text, changes });
        }
        self.rows.change.events.clear();
        self.rows.change.reveals.clear();
        self.planned.height = stored.height;
        self.planned.root = self.mirror.root.clone();
        Ok(())
    }

    fn receipt(&mut self, receipt: &ContractReceipt, place: Place) -> Result<(), PlanError> {
        let receipt_id = receipt.receipt_id.to_string();
        self.rows.change.receipts.push(ReceiptRow {
            receipt_id: receipt_id.clone(),
            height: place.block_height,
            position: receipt.order,
            predecessor_id: receipt.predecessor_id.to_string(),
            signer_id: receipt.signer_id.to_string(),
            tx_hash: receipt.tx_hash.map(|hash| hash.to_string()),
            methods: receipt.calls.iter().map(|call| call.method_name.clone()).collect(),
            gas_burnt: receipt.gas_burnt,
        });
        let Self { mirror, rows, planned, .. } = self;
        let calls = receipt.calls.iter().map(|call| (call.method_name.as_str(), call.args.as_slice()));
        let logs = receipt.logs.iter().map(String::as_str);
        mirror
            .apply_receipt((&planned.stream, place.now_s, place.height), calls, logs, |mirror, applied| {
                rows.line(mirror, place, &receipt_id, applied);
            })
            .map_err(|source| PlanError::Replay { height: place.block_height, receipt_id: receipt_id.clone(), source })
    }

    fn check_link(&self, block: &FinalBlock) -> Result<(), PlanError> {
        let linked = match &self.planned.hash {
            None => true,
            Some(hash) => block.height > self.planned.height && *hash == block.prev_hash.to_string(),
        };
        if linked { Ok(()) } else { Err(PlanError::broken_link(block, &self.planned)) }
    }

    /// The contract's root record begins with a version byte, `seq` in eight little-endian bytes, and `head`: the
    /// state change itself proves that the mirror missed nothing and invented nothing.
    fn check_root(&self, block: &FinalBlock, first_seq: u64) -> Result<(), PlanError> {
        let height = block.height;
        let root = &self.mirror.root;
        let Some(record) = &block.root else {
            return if root.seq == first_seq { Ok(()) } else { Err(PlanError::NoRoot { height }) };
        };
        let (Some(&ROOT_VERSION), Some(seq), Some(head)) = (record.first(), record.get(1..9), record.get(9..41)) else {
            return Err(PlanError::RootVersion { height });
        };
        if seq == root.seq.to_le_bytes() && head == root.head {
            return Ok(());
        }
        let mut contract_seq = [0; 8];
        contract_seq.copy_from_slice(seq);
        Err(PlanError::Head {
            height,
            contract_seq: u64::from_le_bytes(contract_seq),
            contract_head: hex::encode(head),
            mirror_seq: root.seq,
            mirror_head: hex::encode(root.head),
        })
    }
}

/// The version of the root record.
const ROOT_VERSION: u8 = 0;
