//! The attacks of the protocol's reviews, by name.

use super::strategy::{Act, Mix, Pace, Strategy};

/// Honest work at other times: measured by honest work among the others, because it takes more seats or fewer.
pub const PACES: [&str; 2] = ["early", "late"];

/// Those where answers are counted and nobody appeals.
pub fn counted() -> Vec<Strategy> {
    use Act::{Copy, GiveBack, Guess, Hold, Lie, Oppose, Scatter, Silent, Work};
    let plain = |(name, first, late)| Strategy::new(name, Mix::of(first), Mix::of(late));
    let mut all: Vec<_> = [
        ("dissent", Lie, Work),
        ("lie", Lie, Lie),
        ("scatter", Scatter, Scatter),
        ("guess", Guess, Guess),
        ("copy", Work, Copy),
        ("skip", Work, Scatter),
        ("oppose", Work, Oppose),
        ("silence", Silent, Silent),
        ("hold", Hold, Hold),
        ("hold extension", Work, Hold),
        ("silent extension", Work, Silent),
        ("give back", GiveBack, GiveBack),
    ]
    .map(plain)
    .into();
    let mut tie = plain(("tie", Lie, Lie));
    tie.first.iter_mut().for_each(|[first, _]| *first = Mix::of(Hold));
    let mut overturn = plain(("overturn", Work, Work));
    overturn.late.iter_mut().for_each(|late| late[2] = Mix::of(Lie));
    let force = Strategy { late: overturn.late, ..plain(("force and overturn", Lie, Work)) };
    let capture = Strategy { whole: Mix::of(Lie), ..plain(("capture", Work, Work)) };
    all.extend([tie, overturn, force, capture]);
    // One item of four, and each seat another.
    let some = Mix([3, 1, 0, 0, 0, 0, 0, 0, 0]);
    all.push(Strategy { spread: true, ..Strategy::new("dissent on some", some, Mix::of(Work)) });
    for (name, pace) in PACES.into_iter().zip([Pace::Early, Pace::Late]) {
        all.push(Strategy { pace, ..plain((name, Work, Work)) });
    }
    all.push(Strategy { endings: [0, 1, 0], ..plain(("cancel", Hold, Hold)) });
    all.push(Strategy { endings: [0, 0, 1], ..plain(("expire", Hold, Hold)) });
    all.push(Strategy { endings: [0, 1, 0], ..plain(("dissent and cancel", Lie, Work)) });
    all.push(Strategy { wash: true, whole: Mix::of(Lie), ..plain(("wash", Lie, Lie)) });
    all.push(Strategy { wash: true, refers: true, whole: Mix::of(Lie), ..plain(("wash and refer", Lie, Lie)) });
    all.push(Strategy { refers: true, ..plain(("dissent and refer", Lie, Work)) });
    all.push(Strategy { growths: [0, 1, 0], ..plain(("raise", Work, Work)) });
    all.push(Strategy { growths: [0, 1, 0], ..plain(("raise and dissent", Lie, Work)) });
    all.push(Strategy { growths: [0, 0, 1], ..plain(("append", Work, Work)) });
    all.push(Strategy { growths: [0, 0, 1], ..plain(("append and dissent", Lie, Work)) });
    all
}

/// Those where results may be challenged.
pub fn appeals() -> Vec<Strategy> {
    use Act::{Copy, Hold, Lie, Scatter, Silent, Work};
    let of = |(name, first, late, jury, challenges): (&str, _, _, _, _)| Strategy {
        jury: Mix::of(jury),
        challenges,
        ..Strategy::new(name, Mix::of(first), Mix::of(late))
    };
    let all = [
        ("lie", Lie, Lie, Work, [1, 0, 0, 0]),
        ("challenge", Lie, Lie, Lie, [0, 1, 0, 0]),
        ("uphold", Lie, Lie, Copy, [1, 0, 0, 0]),
        ("veto", Lie, Lie, Silent, [1, 0, 0, 0]),
        ("empty jury", Lie, Lie, Hold, [1, 0, 0, 0]),
        ("own challenge", Lie, Lie, Work, [0, 0, 1, 0]),
        ("no result on purpose", Work, Scatter, Work, [0, 0, 0, 1]),
        ("dissent for a jury", Lie, Scatter, Work, [0, 0, 0, 1]),
        ("ambulance", Work, Work, Work, [0, 0, 0, 1]),
    ];
    let capture = Strategy { whole: Mix::of(Lie), ..of(("capture", Work, Work, Copy, [1, 0, 0, 0])) };
    all.map(of).into_iter().chain([capture]).collect()
}

/// Those of adjudicated batches.
pub fn scored() -> Vec<Strategy> {
    use Act::{Copy, Hold, Lie, Scatter, Silent, Work};
    let plain = |(name, first)| Strategy::new(name, Mix::of(first), Mix::of(Work));
    let mut all: Vec<_> = [("noise", Scatter), ("silence", Silent), ("hold", Hold)].map(plain).into();
    let some = Mix([3, 0, 1, 0, 0, 0, 0, 0, 0]);
    all.push(Strategy { spread: true, ..Strategy::new("noise in some", some, Mix::of(Work)) });
    all.push(Strategy { challenges: [0, 1, 0, 0], jury: Mix::of(Lie), ..plain(("challenge fair scores", Lie)) });
    let scores = [
        ("shave", Work, [0, 1, 0, 0]),
        ("score nothing", Work, [0, 0, 1, 0]),
        ("noise with full marks", Scatter, [0, 1, 0, 0]),
        ("no verdict", Work, [0, 0, 0, 1]),
    ];
    all.extend(scores.map(|(name, act, scorings)| Strategy { scorings, jury: Mix::of(Copy), ..plain((name, act)) }));
    all
}
