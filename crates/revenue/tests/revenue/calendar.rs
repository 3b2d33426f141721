use piecework_revenue::{Date, EpochNo, calendar::DAY_S};

#[test]
fn date__should_be_read_as_it_is_written_for_a_thousand_years() {
    for day in 0..365_250 {
        let date = Date(day);
        assert_eq!(date.to_string().parse(), Ok(date));
    }
    assert_eq!("2026-12-01".parse::<Date>().unwrap().begins_at(), 1_796_083_200);
    assert_eq!("2000-02-29".parse::<Date>().unwrap().to_string(), "2000-02-29");
    for wrong in
        ["2026-02-29", "2026-13-01", "2026-00-01", "1969-12-31", "2026-1-01", "2026/12/01", "tomorrow", "2026-12-01x"]
    {
        assert!(wrong.parse::<Date>().is_err(), "{wrong}");
    }
}

#[test]
fn epoch__should_begin_where_the_last_one_ends() {
    for (second, epoch) in [(0, 0), (7 * DAY_S - 1, 0), (7 * DAY_S, 1), (1_796_083_200, 2_969)] {
        let at = EpochNo::at(second, 7);
        assert_eq!(at, EpochNo(epoch));
        assert!(at.begins_at(7) <= second && second < at.ends_at(7));
        assert_eq!(at.ends_at(7), EpochNo(epoch + 1).begins_at(7));
    }
}
