//! `challenge`: whoever thinks that a result is wrong puts up what a jury costs.

use piecework_interface::{
    amount::Amount,
    answers::Items,
    call::ChallengeArgs,
    dispute::{ChallengeRefusal, challenge_deposit},
    event::Entry,
    ids::{AccountNo, TokenId},
    skip::Skip,
    storage::challenge_bytes,
    view::LotPhase,
};

use crate::engine::{
    Engine, Error, Host,
    balance::{add, charge, release, take},
    operator::operator_of,
};

impl<H: Host> Engine<'_, H> {
    /// Challenges items of a provisional lot, for a deposit out of the caller's balance.
    ///
    /// # Errors
    /// The lot's window is not open, an item cannot be challenged, or balance or storage deposit do not do.
    pub fn challenge(mut self, args: &ChallengeArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let account = self.caller()?;
        self.add_challenge(account, args)?;
        self.finish("challenge", None)
    }

    /// The batch's token, and the deposit of a challenge of these items.
    pub(in crate::engine) fn deposit_of(&mut self, args: &ChallengeArgs) -> Result<(TokenId, u128), Error> {
        let place = self.place(args.batch, args.lot)?.map_err(|skip| Error::Lot(skip.text()))?;
        let lot = self.lots.peek(&*self.host, place.key())?.ok_or(Error::Lot(Skip::NoLot.text()))?;
        let terms = lot.state.terms(&place.facts.terms);
        Ok((place.facts.token, challenge_deposit(&terms, place.items, set_of(&args.items)?)))
    }

    /// Takes deposit and bytes for a challenge, or changes nothing.
    pub(in crate::engine) fn add_challenge(&mut self, account: AccountNo, args: &ChallengeArgs) -> Result<(), Error> {
        let items = set_of(&args.items)?;
        let (_, deposit) = self.deposit_of(args)?;
        let (place, mut state) = self.lot_in(args.batch, args.lot, LotPhase::Provisional)?;
        let operator = operator_of(self.account(account)?, account);
        let before = state.clone();
        let (now, terms, token) = (self.now, &state.terms(&place.facts.terms), place.facts.token);
        let bytes = challenge_bytes(terms, items);
        let added = if state.challengeable(terms, now) {
            let challenge = state.case_mut().challenge(terms, place.items, (account, operator, items), now);
            challenge.map_err(|refusal| Error::Lot(refusal.text()))
        } else {
            Err(Error::Lot("the lot's challenge window is over"))
        };
        let replaced = match added.and_then(|replaced| {
            self.rest(account, token, deposit)?;
            charge(self.account(account)?, bytes)?;
            Ok(replaced)
        }) {
            Ok(replaced) => replaced,
            Err(error) => {
                self.put_lot(&place, before);
                return Err(error);
            }
        };
        self.debit(account, token, deposit)?;
        // The account must be there when the deposit comes back.
        self.account(account)?.batches += 1;
        let mut returned = 0;
        if let Some(gone) = &replaced {
            returned = challenge_deposit(terms, place.items, gone.items);
            release(self.account(gone.account)?, challenge_bytes(terms, gone.items))?;
            self.forget(gone.account)?;
            self.credit(gone.account, token, returned)?;
        }
        let purse = self.purse(place.batch)?;
        add(&mut purse.escrow, deposit, "the escrow of a batch")?;
        take(&mut purse.escrow, returned, "the escrow of a batch")?;
        self.put_lot(&place, state);
        self.push(Entry::Challenged {
            batch: place.batch,
            lot: place.lot,
            account,
            items: Items(items),
            deposit: Amount(deposit),
            evidence: args.evidence,
            replaced: replaced.map(|gone| gone.account),
        });
        Ok(())
    }
}

fn set_of(items: &[u8]) -> Result<u64, Error> {
    items.iter().try_fold(0, |set, item| {
        let bit = 1_u64.checked_shl(u32::from(*item)).ok_or(Error::Lot(ChallengeRefusal::NoItem.text()))?;
        Ok(set | bit)
    })
}
