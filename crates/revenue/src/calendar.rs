//! Epochs and days. Both are aligned to Unix time: epoch `n` of `d` days begins `n × d` days after 1970-01-01T00:00:00Z.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// Seconds of a day.
pub const DAY_S: u64 = 86_400;

/// Number of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochNo(pub u32);

impl EpochNo {
    /// The epoch in which a Unix time lies, seconds.
    #[must_use]
    pub fn at(unix_s: u64, epoch_days: u16) -> Self {
        let epoch = unix_s.checked_div(u64::from(epoch_days) * DAY_S).unwrap_or_default();
        Self(u32::try_from(epoch).unwrap_or(u32::MAX))
    }

    /// Its first second.
    #[must_use]
    pub fn begins_at(self, epoch_days: u16) -> u64 {
        u64::from(self.0) * u64::from(epoch_days) * DAY_S
    }

    /// The first second behind it.
    #[must_use]
    pub fn ends_at(self, epoch_days: u16) -> u64 {
        self.begins_at(epoch_days) + u64::from(epoch_days) * DAY_S
    }
}

impl fmt::Display for EpochNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A day of UTC, as days since 1970-01-01. In text it is `2026-12-01`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u32);

impl Date {
    /// The day in which a Unix time lies, seconds.
    #[must_use]
    pub fn at(unix_s: u64) -> Self {
        Self(u32::try_from(unix_s / DAY_S).unwrap_or(u32::MAX))
    }

    /// Its first second.
    #[must_use]
    pub fn begins_at(self) -> u64 {
        u64::from(self.0) * DAY_S
    }

    /// Year, month and day of the Gregorian calendar.
    fn civil(self) -> (u64, u64, u64) {
        // Howard Hinnant's `civil_from_days`, for days from 1970 on: a year begins in March.
        let day = u64::from(self.0) + 719_468;
        let (era, of_era) = (day / 146_097, day % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let month = if march < 10 { march + 3 } else { march - 9 };
        (era * 400 + year + u64::from(month <= 2), month, of_year - (153 * march + 2) / 5 + 1)
    }

    /// The day of a date, if there is one from 1970 on.
    fn of(year: u64, month: u64, day: u64) -> Option<Self> {
        if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let (march_year, march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, of_era) = (march_year / 400, march_year % 400);
        let days = of_era * 365 + of_era / 4 - of_era / 100 + (153 * march + 2) / 5 + day - 1;
        let date = Self(u32::try_from((era * 146_097 + days).checked_sub(719_468)?).ok()?);
        (date.civil() == (year, month, day)).then_some(date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as 2026-12-01")]
pub struct DateError;

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let parts: Vec<u64> = text.split('-').filter_map(|part| part.parse().ok()).collect();
        match *parts.as_slice() {
            [year, month, day] if text.len() == 10 => Self::of(year, month, day).ok_or(DateError),
            _ => Err(DateError),
        }
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
