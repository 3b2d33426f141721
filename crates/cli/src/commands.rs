//! One file per command.

pub mod account;
pub mod batch;
pub mod class;
pub mod contract;
pub mod deploy;
pub mod govern;
pub mod intent;
pub mod node;
pub mod operator;
pub mod revenue;
pub mod token;
pub mod up;
pub mod upgrade;

use std::{
    fmt::Debug,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use piecework_chain::{AccountId, Coordinator, Outcome};
use piecework_client::views::StorageBalance;
use piecework_console::{Problem, amount::Decimal};
use piecework_interface::event::{Entry, Line};

/// Seconds of a day.
const DAY_S: u32 = 86_400;

/// The journal entries that an outcome wrote.
///
/// # Errors
/// If a journal line cannot be read.
pub(crate) fn entries(outcome: &Outcome) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for line in outcome.logs() {
        entries.extend(Line::parse(line)?.map(|line| line.log).unwrap_or_default());
    }
    Ok(entries)
}

/// A state of one word, as people write it.
fn word(state: impl Debug) -> String {
    format!("{state:?}").to_lowercase()
}

/// Seconds as people say them, such as 1h 30m.
fn time(seconds: u32) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(seconds.into()))
}

/// A long time as people pass it, such as 365d.
fn days(seconds: u32) -> String {
    if seconds.is_multiple_of(DAY_S) { format!("{}d", seconds / DAY_S) } else { time(seconds).to_string() }
}

/// A Unix time, seconds, as people write it.
fn date(at: u32) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at.into()))
}

/// yoctoNEAR from an option that must not be zero.
fn near_amount(option: &str, amount: &Decimal) -> anyhow::Result<u128> {
    match amount.to_yoctonear()? {
        0 => bail!(Problem::new(format!("{option} is 0"), "give an amount of NEAR above 0")),
        yoctonear => Ok(yoctonear),
    }
}

/// The storage balance of a registered account.
async fn registered(coordinator: &Coordinator, account_id: &AccountId) -> anyhow::Result<StorageBalance> {
    coordinator.storage_balance(account_id).await?.with_context(|| {
        Problem::new(
            format!("{account_id} is not registered with {}", coordinator.account_id()),
            format!("run `piecework account storage-deposit {account_id}`"),
        )
    })
}
