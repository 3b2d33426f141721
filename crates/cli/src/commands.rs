//! One file per command.

pub mod account;
pub mod batch;
pub mod contract;
pub mod epoch;
pub mod govern;
pub mod intent;
pub mod node;
pub mod token;
pub mod up;

use piecework_chain::{AccountId, Coordinator, Outcome, Sender, TxError, TxRequest, WaitLevel};
use piecework_console::{Problem, amount::Decimal};
use piecework_interface::event::{Entry, Line};

/// Sends a request and waits until its effects are final.
async fn execute(sender: &Sender, request: TxRequest) -> Result<Outcome, TxError> {
    sender.execute(request, WaitLevel::Final).await
}

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

/// yoctoNEAR from an option that must not be zero.
fn near_amount(option: &str, amount: &Decimal) -> anyhow::Result<u128> {
    match amount.to_yoctonear()? {
        0 => Err(Problem::new(format!("{option} is 0"), "give an amount of NEAR above 0").into()),
        yoctonear => Ok(yoctonear),
    }
}

/// The storage balance of a registered account.
async fn registered(
    coordinator: &Coordinator,
    account_id: &AccountId,
) -> anyhow::Result<piecework_client::views::StorageBalance> {
    coordinator.storage_balance(account_id).await?.ok_or_else(|| {
        Problem::new(
            format!("{account_id} is not registered with {}", coordinator.account_id()),
            format!("run `piecework account storage-deposit {account_id}`"),
        )
        .into()
    })
}
