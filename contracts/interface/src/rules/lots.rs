//! The geometry of a batch: items, lots, groups, and the moving window over them.

use crate::{
    model::{
        draw::Draw,
        ids::LotId,
        terms::Terms,
        view::{GROUP_LOTS, LotState, OpenBatch, WINDOW_GROUPS, Window},
    },
    rules::sortition::bar_is_at_one,
};

/// Lots of a batch.
#[must_use]
pub const fn lot_count(items: u32, lot_size: u8) -> u32 {
    if lot_size == 0 { 0 } else { items.div_ceil(lot_size as u32) }
}

/// Groups of a batch.
#[must_use]
pub const fn group_count(items: u32, lot_size: u8) -> u32 {
    lot_count(items, lot_size).div_ceil(GROUP_LOTS)
}

/// Items of a lot; 0 if the batch has no such lot.
#[must_use]
pub fn lot_items(items: u32, lot_size: u8, lot: LotId) -> u8 {
    let first = u64::from(lot.0) * u64::from(lot_size);
    let left = u64::from(items).saturating_sub(first);
    u8::try_from(left).map_or(lot_size, |left| left.min(lot_size))
}

/// Lots that wait for their first claim, `settled` and `live` ones of the batch taken off: how many whole ones, and the items
/// of a short last lot, 0 if there is none or `last_waits` is false.
#[must_use]
pub fn waiting_lots(items: u32, lot_size: u8, (settled, live): (u32, u32), last_waits: bool) -> (u32, u8) {
    let waiting = lot_count(items, lot_size).saturating_sub(settled).saturating_sub(live);
    let rest = items.checked_rem(u32::from(lot_size)).and_then(|rest| u8::try_from(rest).ok()).unwrap_or_default();
    if rest > 0 && last_waits { (waiting.saturating_sub(1), rest) } else { (waiting, 0) }
}

/// All items of a lot as a set.
#[must_use]
pub const fn all_items(count: u8) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// How many groups from the frontier on may be drawn: `clamp(class tickets / (32 × start), 2, 8)`. Two at least, so that a
/// seat that is held at one lot does not hold up the next group.
#[must_use]
pub fn open_groups(class_tickets: u32, terms: &Terms) -> u32 {
    (class_tickets / (GROUP_LOTS * u32::from(terms.start.max(1)))).clamp(2, 8)
}

impl LotState {
    /// The terms that hold for the lot: its batch's, with its own reward once it has one.
    #[must_use]
    pub fn terms(&self, batch: &Terms) -> Terms {
        let reward = if self.reward.0 == 0 { batch.reward } else { self.reward };
        Terms { reward, ..batch.clone() }
    }
}

impl Window {
    /// Entry of a group in the window.
    #[must_use]
    pub fn index(&self, group: u32) -> Option<usize> {
        let index = usize::try_from(group.checked_sub(self.frontier)?).ok()?;
        (index < WINDOW_GROUPS).then_some(index)
    }

    /// Whether the lot is marked: it is closed, or its first round is over or passed and [`Window::marks_early`].
    #[must_use]
    pub fn is_marked(&self, lot: LotId) -> bool {
        match self.index(lot.0 / GROUP_LOTS) {
            Some(index) => self.marks[index] & (1 << (lot.0 % GROUP_LOTS)) != 0,
            None => lot.0 / GROUP_LOTS < self.frontier,
        }
    }

    /// Whether a lot is marked as soon as its first round is over, or passed: while groups wait behind the frontier's, or may
    /// come. In the last group nothing waits for that, and settlement marks it with the batch's other changes. `lots` is
    /// the batch's lot count.
    #[must_use]
    pub const fn marks_early(&self, lots: u32, appendable: bool) -> bool {
        appendable || self.frontier.saturating_add(1) < lots.div_ceil(GROUP_LOTS)
    }

    /// Opens the draw of the group that gets the lots from number `lots` on: one that stands before the first draw, or whose
    /// bar is at one. Such lots have no seed that was known before them, and lots begun keep theirs. Returns whether; `None`
    /// while a seed of the group still chooses: then nothing may be appended.
    pub fn append(&mut self, lots: u32, terms: &Terms, now_s: u32) -> Option<bool> {
        let Some(index) = self.index(lots / GROUP_LOTS) else { return Some(false) };
        let opens = match &self.draws[index] {
            Draw::Seeded(seed) if bar_is_at_one(seed, terms.seats(0), terms.slice_s, now_s) => true,
            Draw::Seeded(_) => return None,
            // The frontier may always be drawn; an adjudicator's group waits until it accepts the new lots.
            Draw::Closed => index == 0 && terms.adjudicator().is_none(),
            Draw::Opened(_) => false,
        };
        if opens {
            self.draws[index] = Draw::Opened(now_s);
        }
        Some(opens)
    }

    /// The draw of a group inside the window.
    #[must_use]
    pub fn draw(&self, group: u32) -> Option<&Draw> {
        self.index(group).map(|index| &self.draws[index])
    }

    /// Marks a lot and moves the frontier past groups whose lots are all marked. `lots` is the batch's lot count; the last
    /// group of an appendable batch is passed only once it has all its 32 lots.
    pub fn mark(&mut self, lot: LotId, lots: u32, appendable: bool) {
        let Some(index) = self.index(lot.0 / GROUP_LOTS) else {
            return;
        };
        self.marks[index] |= 1 << (lot.0 % GROUP_LOTS);
        let groups = if appendable { lots / GROUP_LOTS } else { lots.div_ceil(GROUP_LOTS) };
        while self.frontier < groups && self.marks[0] == full_group(self.frontier, lots) {
            self.frontier += 1;
            self.marks.rotate_left(1);
            self.draws.rotate_left(1);
            self.marks[WINDOW_GROUPS - 1] = 0;
            self.draws[WINDOW_GROUPS - 1] = Draw::Closed;
        }
    }
}

/// The marks of a group in which every lot is marked.
fn full_group(group: u32, lots: u32) -> u32 {
    let size = lots.saturating_sub(group.saturating_mul(GROUP_LOTS)).min(GROUP_LOTS);
    if size >= GROUP_LOTS { u32::MAX } else { (1 << size) - 1 }
}

impl OpenBatch {
    /// Lots that wait for their first claim, of which a raise prices anew: whole ones, and the items of a short last one.
    /// `settled` are settled so far; `last_lives` says whether the last lot has a record.
    #[must_use]
    pub fn waiting_lots(&self, settled: u32, last_lives: bool) -> (u32, u8) {
        let last = LotId(lot_count(self.items, self.terms.lot_size).saturating_sub(1));
        let waits = !last_lives && !self.progress.window.is_marked(last);
        waiting_lots(self.items, self.terms.lot_size, (settled, self.progress.live), waits)
    }

    /// Items of one of its lots.
    #[must_use]
    pub fn lot_items(&self, lot: LotId) -> u8 {
        lot_items(self.items, self.terms.lot_size, lot)
    }
}
