//! What a class may be called, and what it counts: its active nodes and their tickets.

use crate::model::{
    ids::ClassId,
    view::{Class, Node},
};

/// Bytes of a class's name at most.
pub const NAME_MAX: usize = 32;

/// Whether a class may be called so: 1 to 32 bytes without control characters, which no page or terminal shows.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && !name.chars().any(char::is_control)
}

/// How the counts of classes change by a change of a node: per class, the tickets that it counted of the node before and
/// counts now.
#[must_use]
pub fn moves(before: &Node, after: &Node) -> Vec<(ClassId, u32, u32)> {
    let mut moves: Vec<_> = before.counted().map(|(class, tickets)| (class, tickets, 0)).collect();
    for (class, tickets) in after.counted() {
        match moves.iter_mut().find(|(of, ..)| *of == class) {
            Some((.., now)) => *now = tickets,
            None => moves.push((class, 0, tickets)),
        }
    }
    moves.retain(|(_, before, now)| before != now);
    moves
}

impl Class {
    /// Counts a node with so many tickets instead of `before`; `None` if its counts cannot be so.
    pub fn count(&mut self, before: u32, now: u32) -> Option<()> {
        self.tickets = self.tickets.checked_sub(before)?.checked_add(now)?;
        self.nodes = self.nodes.checked_sub(u32::from(before > 0))?.checked_add(u32::from(now > 0))?;
        Some(())
    }
}
