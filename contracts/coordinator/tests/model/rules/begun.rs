//! Which lots of a batch may have a record.

use piecework_coordinator::engine::record::Begun;
use piecework_interface::ids::LotId;

#[test]
fn begun__should_tell_of_every_lot_that_may_have_a_record() {
    // Given lots that began while the window moved on
    let mut begun = Begun::default();
    for (frontier, lot) in [(0, 0), (0, 40), (3, 100), (3, 32 * 10 + 31), (9, 32 * 9)] {
        begun.insert(frontier, LotId(lot));
        assert!(begun.contains(LotId(lot)));
    }

    // Then those and all behind the window are known, and nothing else is
    for lot in [32 * 10 + 31, 32 * 9, 32 * 9 - 1, 5] {
        assert!(begun.contains(LotId(lot)), "{lot}");
    }
    for lot in [32 * 9 + 1, 32 * 10, 32 * 16, 32 * 17, u32::MAX] {
        assert!(!begun.contains(LotId(lot)), "{lot}");
    }
}
