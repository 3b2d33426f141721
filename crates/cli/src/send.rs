//! Sending a transaction so that it is never lost from sight: who interrupts the command, or loses the connection, learns its hash.

use std::sync::{Mutex, PoisonError};

use piecework_chain::{CryptoHash, Outcome, Sender, TxError, TxRequest, WaitLevel};
use piecework_console::{Interrupt, Output, Problem, report};

/// The exit code of a command that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;

/// The transaction of this process that is sent and has no outcome yet.
static AWAITED: Mutex<Option<CryptoHash>> = Mutex::new(None);

/// Sends a request and waits until its effects are final. What the command reads after it is not older.
///
/// # Errors
/// If it does not succeed.
pub async fn execute(sender: &Sender, request: TxRequest) -> Result<Outcome, TxError> {
    let ended = sender.execute_noting(request, WaitLevel::Final, |tx_hash| await_outcome(Some(tx_hash))).await;
    await_outcome(None);
    let outcome = ended?;
    // What was done is done, even if no endpoint says at which height.
    if let Ok(height) = sender.outcome_height(&outcome).await {
        sender.rpc().raise_min_height(height);
    }
    Ok(outcome)
}

fn await_outcome(tx_hash: Option<CryptoHash>) {
    *AWAITED.lock().unwrap_or_else(PoisonError::into_inner) = tx_hash;
}

/// Ends this process when it is interrupted, and says what is on its way.
///
/// # Errors
/// If signals cannot be caught.
pub fn end_when_interrupted(output: Output) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::catch()?;
    tokio::spawn(async move {
        interrupt.wait().await;
        let awaited = *AWAITED.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("{}", report(&interrupted(awaited).into(), output.is_json()));
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

/// What to say of an interrupt.
fn interrupted(awaited: Option<CryptoHash>) -> Problem {
    match awaited {
        Some(tx_hash) => Problem::new(
            format!("interrupted: sent as {tx_hash}; its outcome is unknown"),
            "look with `piecework batch list`, `piecework account show` or an explorer before you run the command again",
        ),
        None => Problem::new("interrupted", "run the command again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted__should_name_the_transaction_on_its_way() {
        let tx_hash = CryptoHash([7; 32]);
        assert!(interrupted(Some(tx_hash)).to_string().contains(&format!("sent as {tx_hash}; its outcome is unknown")));
        assert_eq!(interrupted(None).to_string(), "interrupted");
    }
}
