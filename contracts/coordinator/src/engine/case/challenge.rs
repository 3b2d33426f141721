//! `challenge`: whoever thinks that a result is wrong puts up what a jury costs.

use piecework_interface::{
    amount::Amount,
    answers::Items,
    call::ChallengeArgs,
    case::Challenge,
    dispute::{ChallengeRefusal, challenge_bond},
    event::Entry,
    ids::AccountNo,
    storage::case_bytes,
    view::LotState,
};

use crate::engine::{Engine, Error, Host, balance::charge, lot::Place};

impl<H: Host> Engine<'_, H> {
    /// Challenges items of a provisional lot.
    ///
    /// # Errors
    /// The lot's window is not open, an item cannot be challenged, or bond or storage deposit do not do.
    pub fn challenge(mut self, args: &ChallengeArgs) -> Result<(), Error> {
        let account = self.caller()?;
        let (place, mut state) = self.provisional_lot(args.batch, args.lot)?;
        let mut items = 0;
        for item in &args.items {
            items |= 1_u64.checked_shl(u32::from(*item)).ok_or(Error::Lot(ChallengeRefusal::NoItem.text()))?;
        }
        self.add_challenge(&place, &mut state, account, items)?;
        self.put_lot(&place, state);
        self.finish("challenge", None)
    }

    /// Takes bond and bytes for a challenge of these items.
    pub(super) fn add_challenge(
        &mut self,
        place: &Place,
        state: &mut LotState,
        account: AccountNo,
        items: u64,
    ) -> Result<(), Error> {
        let terms = &place.facts.terms;
        let case = state.case_mut();
        case.may_challenge(terms, place.items, items).map_err(|refusal| Error::Lot(refusal.text()))?;
        let bond = Amount(challenge_bond(terms, &place.facts.fixed, place.items, items));
        case.challenges.push(Challenge { account, items, bond });
        self.take_bond(account, bond.0)?;
        let record = self.account(account)?;
        charge(record, case_bytes(terms))?;
        // The account must be there when the bond comes back.
        record.batches += 1;
        self.push(Entry::Challenged { batch: place.batch, lot: place.lot, account, items: Items(items), bond });
        Ok(())
    }
}
