//! A test of a reward token: one unit in and out again, so that an account that is paid in it can leave with it.

use anyhow::Context as _;
use piecework_chain::{AccountId, Coordinator, Outcome, Sender, TxRequest, ft};
use piecework_client::{calls, token};
use piecework_console::Problem;

use super::found::balance;
use crate::deploy::execute_outcome;

/// Units that are deposited and withdrawn.
const UNITS: u128 = 1;

/// Deposits one unit of a listed token and withdraws it. A unit that an interrupted test left with the coordinator is only withdrawn.
///
/// # Errors
/// The token is not listed, the sender holds none of it, or a transfer does not end as NEP-141 says.
pub async fn test_withdrawal(sender: &Sender, contract: &AccountId, token: &AccountId) -> anyhow::Result<Vec<Outcome>> {
    let (rpc, account_id) = (sender.rpc(), sender.account_id());
    let coordinator = Coordinator::new(rpc, contract.clone());
    let listed = coordinator.tokens().await?.into_iter().find(|listed| listed.account_id == token.as_str());
    let listed = listed.with_context(|| {
        let fix = format!("its owner lists it: `piecework token list {token}`");
        Problem::new(format!("{contract} does not list {token}"), fix)
    })?;
    let mut outcomes = Vec::new();
    let left = balance(rpc, contract, account_id, listed.token).await?;
    if left < UNITS {
        let request = TxRequest::to(token.clone()).call(token::deposit(contract.as_str(), UNITS));
        let fix = format!(
            "check that `ft_transfer_call` of {token} follows NEP-141, and that the contract is registered with it"
        );
        let failed = || Problem::new(format!("one unit of {token} could not be deposited"), fix);
        let (outcome, height) = execute_outcome(sender, request).await.with_context(failed)?;
        rpc.raise_min_height(height);
        outcomes.push(outcome);
    }
    let outside = ft::balance(rpc, token, account_id).await?;
    let request = TxRequest::to(contract.clone()).call(calls::withdraw(listed.token, Some(UNITS)));
    let stuck = || {
        Problem::new(
            format!(
                "{token} can be deposited and not withdrawn: its ft_transfer did not end with the gas that it gets"
            ),
            format!(
                "leave {token} out: who is paid in it could never leave. A market that is being set up is launched anew on another account"
            ),
        )
    };
    let (outcome, height) = execute_outcome(sender, request).await.with_context(stuck)?;
    rpc.raise_min_height(height);
    outcomes.push(outcome);
    let arrived = ft::balance(rpc, token, account_id).await?;
    if arrived != outside.saturating_add(UNITS) {
        let what = format!("the withdrawal of one unit of {token} brought {outside} units to {arrived}");
        return Err(
            Problem::new(what, format!("leave {token} out: it takes a fee, or changes balances by itself")).into()
        );
    }
    Ok(outcomes)
}
