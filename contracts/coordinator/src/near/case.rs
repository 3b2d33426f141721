//! Gold, challenges, adjudicators.

use piecework_interface::call::{BatchArgs, ChallengeArgs};

use super::{
    args::{self, need},
    call, methods,
};

methods! {
    /// Opens gold items of a provisional lot. Requester; with the bonds of gold against a result attached. Borsh.
    gold_open => {
        let args = args::read_borsh();
        call(|engine| engine.gold_open(&args));
    };

    /// Challenges items of a provisional lot, with the bond attached.
    challenge => {
        let args = args::read();
        let (batch, lot, items) = (need(args.batch, "batch"), need(args.lot, "lot"), need(args.items, "items"));
        call(|engine| engine.challenge(&ChallengeArgs { batch, lot, items }));
    };

    /// Accepts a batch, with the bond attached. The adjudicator.
    adjudicator_accept => {
        let batch = need(args::read().batch, "batch");
        call(|engine| engine.adjudicator_accept(&BatchArgs { batch }));
    };

    /// Scores the slots of a lot. The adjudicator.
    verdict => {
        let args = args::read_as();
        call(|engine| engine.verdict(args));
    };
}
