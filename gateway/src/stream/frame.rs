//! One journal line, serialized once for all clients.

use bytes::Bytes;
use piecework_api::Event;
use piecework_interface::event::{Abandoned, Entry, Line};

/// Batches and accounts that a line names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// Batches, without repetition.
    pub batches: Vec<u32>,
    /// Accounts, without repetition.
    pub accounts: Vec<u32>,
}

/// A line ready to be sent.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Number of the line.
    pub seq: u64,
    /// What it names.
    pub touches: Touches,
    /// The server-sent event.
    pub bytes: Bytes,
}

impl Frame {
    /// Makes the frame of a line.
    #[must_use]
    pub fn new(event: Event) -> Self {
        let seq = event.seq;
        let touches = Touches::of(event.line.as_deref().unwrap_or_default());
        let body = Event { line: None, ..event };
        // The body is a struct of numbers, strings and JSON, which always has a JSON form; JSON has no line breaks.
        let json = serde_json::to_string(&body).unwrap_or_default();
        Self { seq, touches, bytes: Bytes::from(format!("id: {seq}\ndata: {json}\n\n")) }
    }

    /// A frame without content.
    #[cfg(test)]
    pub fn for_test(seq: u64) -> Self {
        let touches = Touches { batches: vec![u32::try_from(seq % 2).unwrap()], accounts: Vec::new() };
        Self { seq, touches, bytes: Bytes::from(format!("id: {seq}\ndata: {{}}\n\n")) }
    }
}

impl Touches {
    /// Reads what a line names. A line that cannot be read names nothing: the indexer accepted it, so a newer version
    /// wrote it, and clients without a filter still get it.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let mut touches = Self::default();
        if let Ok(Some(line)) = Line::parse(line) {
            touches.accounts.extend(line.node.map(|node| node.0));
            for entry in &line.log {
                touches.add(entry);
            }
        }
        for ids in [&mut touches.batches, &mut touches.accounts] {
            ids.sort_unstable();
            ids.dedup();
        }
        touches
    }

    fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Configured { .. }
            | Entry::OwnerProposed { .. }
            | Entry::OwnerSet { .. }
            | Entry::RoleSet { .. }
            | Entry::Paused { .. }
            | Entry::EpochEnded { .. }
            | Entry::Proposed { .. }
            | Entry::Dropped { .. }
            | Entry::Applied { .. }
            | Entry::TokenListed { .. }
            | Entry::Skipped { .. } => {}
            Entry::AccountOpened { account, .. }
            | Entry::Storage { account, .. }
            | Entry::AccountClosed { account }
            | Entry::Deposited { account, .. }
            | Entry::Withdrawing { account, .. }
            | Entry::Withdrawn { account, .. }
            | Entry::NodeRegistered { account, .. }
            | Entry::NodeClasses { account, .. }
            | Entry::Staked { account, .. }
            | Entry::StatusChanged { account, .. }
            | Entry::Collected { account, .. }
            | Entry::KeySet { account, .. }
            | Entry::Intent { account, .. } => self.accounts.push(account.0),
            Entry::Transferred { account, receiver, .. } => self.accounts.extend([account.0, receiver.0]),
            Entry::TreasurySet { account } => self.accounts.extend(account.map(|account| account.0)),
            Entry::BatchCreated { batch, requester, .. } => {
                self.batches.push(batch.0);
                self.accounts.push(requester.0);
            }
            Entry::DrawOpened { batch, .. }
            | Entry::Seeded { batch, .. }
            | Entry::Released { batch, .. }
            | Entry::Committed { batch, .. }
            | Entry::Revealed { batch, .. }
            | Entry::Extended { batch, .. }
            | Entry::Provisional { batch, .. }
            | Entry::AdjudicatorAccepted { batch, .. }
            | Entry::Judging { batch, .. }
            | Entry::VerdictGiven { batch, .. }
            | Entry::GoldOpened { batch, .. }
            | Entry::JuryOpened { batch, .. }
            | Entry::BatchTold { batch }
            | Entry::BatchCancelled { batch }
            | Entry::BatchPaid { batch, .. }
            | Entry::BatchClosed { batch, .. }
            | Entry::BatchForgotten { batch } => self.batches.push(batch.0),
            Entry::Challenged { batch, account, .. } => {
                self.batches.push(batch.0);
                self.accounts.push(account.0);
            }
            Entry::Ruled { batch, jurors, challengers, .. } => {
                self.batches.push(batch.0);
                self.accounts.extend(jurors.iter().chain(challengers).map(|credited| credited.account.0));
            }
            Entry::Claimed { batch, replaced, .. } => self.abandoned(batch.0, replaced.iter()),
            Entry::Revealing { batch, abandoned, .. } | Entry::Freed { batch, abandoned, .. } => {
                self.abandoned(batch.0, abandoned.iter());
            }
            Entry::Settled { batch, slots, .. } => {
                self.batches.push(batch.0);
                self.accounts.extend(slots.iter().map(|slot| slot.node.0));
            }
        }
    }

    fn abandoned<'a>(&mut self, batch: u32, abandoned: impl Iterator<Item = &'a Abandoned>) {
        self.batches.push(batch);
        self.accounts.extend(abandoned.map(|slot| slot.node.0));
    }
}

#[cfg(test)]
#[allow(non_snake_case)]
mod tests {
    use super::*;

    #[test]
    fn of__should_name_every_batch_and_account_of_a_line_once() {
        // Given a call that claims over an abandoned slot, commits elsewhere and settles
        let line = concat!(
            r#"EVENT_JSON:{"standard":"piecework","version":"1.1.0","event":"work","data":{"seq":12,"node":7,"log":["#,
            r#"["claim",4,3,[9,"1"]],["skip",1,8],["claim",4,5,null],"#,
            r#"["settle",2,0,0,"f","47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","1","0",[[7,"5","0",5100],[8,"5","0",5100]]]]}}"#
        );

        // When it is read
        let touches = Touches::of(line);

        // Then batches and accounts are there once, in order
        assert_eq!(touches, Touches { batches: vec![2, 4], accounts: vec![7, 8, 9] });
    }
}
