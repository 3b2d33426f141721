//! `batch_skip_lots`.

use piecework_interface::{
    call::BatchSkipLotsArgs,
    ids::{AccountNo, BatchId, LotId},
};

use crate::engine::{Engine, Error, Host, settle::STEP_LOG_BYTES};

/// Lots of one call at most.
const LOTS_MAX: usize = 64;

impl<H: Host> Engine<'_, H> {
    /// Closes lots that nobody holds and returns their escrow. Lots that are held, marked or outside the window stay.
    ///
    /// # Errors
    /// The caller is not the requester, or no lot can be closed.
    pub fn batch_skip_lots(mut self, args: BatchSkipLotsArgs) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.caller()?;
        self.skip_lots(caller, args)?;
        self.finish("batch_skip_lots", None)
    }

    /// Closes the lots, or changes nothing.
    pub(in crate::engine) fn skip_lots(&mut self, requester: AccountNo, args: BatchSkipLotsArgs) -> Result<(), Error> {
        if args.lots.len() > LOTS_MAX {
            return Err(Error::Batch("at most 64 lots may be skipped in one call"));
        }
        self.batch_of(args.batch, requester)?;
        let mut skipped = false;
        for lot in args.lots {
            skipped |= self.skip_lot(args.batch, lot)?;
        }
        if !skipped {
            return Err(Error::NothingDue("none of these lots is open and held by nobody"));
        }
        if !self.close_if_done(args.batch)? {
            self.pay_freed(args.batch)?;
        }
        Ok(())
    }

    fn skip_lot(&mut self, batch: BatchId, lot: LotId) -> Result<bool, Error> {
        let Ok(place) = self.place(batch, lot)? else { return Ok(false) };
        if !place.in_reach || !self.fits(STEP_LOG_BYTES) {
            return Ok(false);
        }
        // A lot that stays is not written again.
        let stays = match self.lots.peek(&*self.host, place.key())? {
            // It is settled.
            None => place.marked,
            Some(lot) => !lot.state.slots.is_empty(),
        };
        if stays {
            return Ok(false);
        }
        let state = self.take_lot(&place)?;
        let held = state.is_some();
        self.settle(&place, &state.unwrap_or_default(), held)?;
        Ok(true)
    }
}
