//! `gold_open`: the requester shows answers that it knew before.

use piecework_interface::{
    answers::Items,
    call::GoldOpenArgs,
    case::{Decided, Opening},
    event::Entry,
    gold::{OPENINGS_MAX, opens},
    settlement::{Comparison, judge},
};

use crate::engine::{Engine, Error, Host};

impl<H: Host> Engine<'_, H> {
    /// Opens gold items of a provisional lot. Gold against a result is a challenge of the requester's.
    ///
    /// # Errors
    /// The caller is not the requester, the lot's window is not open, an opening is no leaf of the batch's tree or was
    /// open already, or the bond does not do.
    pub fn gold_open(mut self, args: &GoldOpenArgs) -> Result<(), Error> {
        let caller = self.caller()?;
        if args.openings.is_empty() || args.openings.len() > OPENINGS_MAX {
            return Err(Error::Input("give 1 to 64 openings"));
        }
        let (place, mut state) = self.provisional_lot(args.batch, args.lot)?;
        let facts = &place.facts;
        if facts.requester != caller {
            return Err(Error::Caller("the batch's requester"));
        }
        let judgement = judge(&facts.terms, place.items, &state);
        let (mut equal, mut against, mut void, mut decided) = (0_u64, 0_u64, 0_u64, Vec::new());
        for opening in &args.openings {
            let Opening { item, answer, .. } = opening;
            let number = args.lot.0 * u32::from(facts.terms.lot_size) + u32::from(*item);
            if *item >= place.items
                || answer.len() != usize::from(facts.terms.answer_width)
                || !opens(H::SHA256, &facts.gold_root, facts.items, number, opening)
            {
                return Err(Error::Gold(*item));
            }
            let bit = 1 << item;
            if (equal | against | void) & bit != 0 {
                return Err(Error::Gold(*item));
            }
            match judgement.compare(*item, answer) {
                Comparison::Equal => equal |= bit,
                Comparison::Against => against |= bit,
                Comparison::Nobody => void |= bit,
                Comparison::Decides(slot) => decided.push(Decided { item: *item, slot }),
            }
        }
        let items = state.case_mut().open_gold(equal, against, &decided, void);
        let items = items.ok_or(Error::Lot("name each gold item once, and only items that are not open"))?;
        if against == 0 {
            self.assert_no_deposit()?;
        }
        let purse = self.purse(place.batch)?;
        purse.gold_opened = purse.gold_opened.saturating_add(items.count_ones());
        purse.gold_void = purse.gold_void.saturating_add(void.count_ones());
        self.push(Entry::GoldOpened {
            batch: place.batch,
            lot: place.lot,
            equal: Items(equal),
            against: Items(against),
            decided,
            void: Items(void),
        });
        if against != 0 {
            self.add_challenge(&place, &mut state, caller, against)?;
        }
        self.put_lot(&place, state);
        self.finish("gold_open", None)
    }
}
