//! Challenges and adjudicators.

use piecework_interface::call::BatchArgs;

use super::{args, call, methods};

methods! {
    /// Challenges items of a provisional lot. One yoctoNEAR.
    challenge => {
        let args = args::read_as();
        call(|engine| engine.challenge(&args));
    };

    /// Accepts a batch, or fills its bond up. The adjudicator, one yoctoNEAR.
    adjudicator_accept(batch) => call(|engine| engine.adjudicator_accept(&BatchArgs { batch }));

    /// Begins no more lots of a batch. The adjudicator, one yoctoNEAR.
    adjudicator_resign(batch) => call(|engine| engine.adjudicator_resign(&BatchArgs { batch }));

    /// Scores the slots of a lot. The adjudicator.
    verdict => {
        let args = args::read_as();
        call(|engine| engine.verdict(args));
    };
}
