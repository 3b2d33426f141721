//! Deposits for others: by the command line, and by a bridge whose every deposit is.

use anyhow::{Context, Result, ensure};
use near_workspaces::Contract;
use piecework_client::{Call, token};
use piecework_interface::{
    call::{BatchSpec, CALL_GAS, DepositMessage},
    event::Entry,
    ids::BatchId,
    money,
};
use piecework_sandbox_tests::{
    Market, Piecework, Setup,
    market::{ONE, bridge},
};
use serde_json::json;

/// Longer than a change of the configuration waits here.
const WAIT_S: u32 = 75;
/// What `relay` needs beside what it hands on.
const RELAY_GAS: u64 = 100_000_000_000_000;

/// Has the bridge send so many tokens to the coordinator: the entries that came of it.
async fn relay(market: &Market, bridge: &Contract, amount: u128, message: &str) -> Result<Vec<Entry>> {
    let sent = token::transfer_call(market.coordinator.id().as_str(), amount, message);
    let call = Call { method: "relay", gas: RELAY_GAS, deposit: 0, ..sent };
    let done = market.send_to(bridge, &market.requester, call).await?;
    ensure!(done.result.is_success(), "{:?}", done.result);
    Ok(done.entries)
}

#[tokio::test]
async fn bridge__should_be_refused_alone_and_credit_whom_it_names() -> Result<()> {
    // Given a bridge that holds tokens of many users, a relay by configuration, which is no account of the coordinator
    let market = Market::start(Setup { nodes: 1 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    let bridge = market.worker.dev_deploy(&wat::parse_str(bridge(market.token.id()))?).await?;
    market.register_on_token(bridge.id()).await?;
    let funds = json!({ "receiver_id": bridge.id(), "amount": (300 * ONE).to_string() }).to_string().into_bytes();
    let send = Call { method: "ft_transfer", args: funds, gas: CALL_GAS, deposit: 1 };
    market.call_to(&market.token, &market.requester, send).await?;
    let owner = market.coordinator.as_account();
    let relays = format!("relays=[\"{}\"]", bridge.id());
    piecework.value(owner, &["govern", "propose", "config", "--set", &relays]).await?;
    market.advance_s(WAIT_S).await?;
    piecework.value(owner, &["govern", "apply", "0", "--wait"]).await?;

    // When it deposits without a name, or for an account that is not registered, then all of it comes back
    let nobody = token::message_for(&DepositMessage::Deposit {}, "nobody.test.near");
    for message in [r#"{"deposit":{}}"#, &nobody] {
        ensure!(relay(&market, &bridge, 100 * ONE, message).await?.is_empty(), "{message} was taken");
        ensure!(market.token_balance(bridge.id()).await? == 300 * ONE, "{message} kept something");
    }

    // When it deposits for the requester, then the requester has it, and the journal says who sent it
    let requester = market.requester.id().as_str();
    let message = token::message_for(&DepositMessage::Deposit {}, requester);
    let entries = relay(&market, &bridge, 100 * ONE, &message).await?;
    let sender = Some(bridge.id().to_string());
    ensure!(entries.iter().any(|entry| matches!(entry, Entry::Deposited { sender: from, .. } if *from == sender)));
    ensure!(market.balance(&market.requester).await? == 100 * ONE, "{entries:?}");

    // When it creates a batch for the requester, then it is the requester's, who cancels it and has the escrow
    let spec = BatchSpec { terms: market.terms().await?, items: 4, manifest: [1; 32], ..BatchSpec::default() };
    let escrow = money::escrow(&spec.terms, Market::config().fee_bps, spec.items);
    let spec = BatchSpec { uri: "blob:test".to_owned(), ..spec };
    let message = token::message_for(&DepositMessage::CreateBatch(spec), requester);
    relay(&market, &bridge, escrow, &message).await?;
    let open = market.batch(BatchId(0)).await?.open.context("an open batch")?;
    ensure!(open.requester == market.number(&market.requester).await?, "{open:?}");
    piecework.value(&market.requester, &["batch", "cancel", "0"]).await?;
    ensure!(market.balance(&market.requester).await? == 100 * ONE + escrow, "it is the requester's own");
    Ok(())
}

#[tokio::test]
async fn deposit__should_credit_another_by_the_command() -> Result<()> {
    // Given a node that never had a token
    let market = Market::start(Setup { nodes: 1 }).await?;
    let piecework = Piecework::on(&market, &market.network())?;
    let [node] = market.nodes.as_slice() else { unreachable!("one node") };

    // When the requester deposits for it, and for one that is not registered
    let deposited =
        piecework.value(&market.requester, &["account", "deposit", "5", "--for", node.id().as_str()]).await?;
    let refused = piecework.refusal(&market.requester, &["account", "deposit", "5", "--for", "no.test.near"]).await?;

    // Then the node has it, and the requester nothing
    ensure!(deposited["account_id"] == node.id().as_str(), "{deposited}");
    ensure!((market.balance(node).await?, market.balance(&market.requester).await?) == (5 * ONE, 0), "{deposited}");
    ensure!(refused.fix.contains("storage-deposit"), "{refused:?}");
    Ok(())
}
