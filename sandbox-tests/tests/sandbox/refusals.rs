//! Ops that are skipped, calls that are refused, messages that are refunded: nothing is lost on bad input.

use anyhow::Result;
use piecework_client::{Call, calls, token};
use piecework_interface::{
    call::{BatchSpec, CALL_GAS, DepositMessage},
    draw::At,
    event::Entry,
    ids::{BatchId, LotId, TokenId},
    op::Op,
    skip::Skip,
};
use piecework_sandbox_tests::{
    Market, Setup,
    market::{ONE, REQUESTER_TOKENS, TOKEN, TOKEN_STORAGE},
    work::{SALT, skips},
};
use serde_json::json;

const LOT: LotId = LotId(0);
const ANSWERS: &[u8] = &[1, 2, 3, 4];

#[tokio::test]
async fn reveal__should_be_skipped_when_it_does_not_match() -> Result<()> {
    // Given three commits
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    market.advance_s(2).await?;
    for node in &market.nodes {
        market.claim(node, batch, LOT).await?;
    }
    for node in &market.nodes {
        market.commit(node, batch, LOT, ANSWERS).await?;
    }

    // When a node shows other answers, too few answers, and another salt
    let reveal = |answers: &[u8], salt| Op::Reveal { batch, lot: LOT, answers: answers.to_vec(), salt };
    let ops = vec![reveal(&[9, 9, 9, 9], SALT), reveal(&[1, 2, 3], SALT), reveal(ANSWERS, [0; 32])];
    let skipped = market.work(&market.nodes[0], ops).await?;

    // Then each is skipped with its reason, and the right reveal still counts
    assert_eq!(skips(&skipped), [Skip::WrongReveal, Skip::WrongLength, Skip::WrongReveal]);
    for node in &market.nodes {
        market.reveal(node, batch, LOT, ANSWERS).await?;
    }
    assert_eq!(market.balance(&market.nodes[0]).await?, 4 * ONE);
    market.verify_journal().await
}

#[tokio::test]
async fn claim__should_be_skipped_without_a_seed_and_a_second_time() -> Result<()> {
    // Given a batch whose seed nobody captured yet
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    let node = &market.nodes[0];
    let claim = || Op::Claim { batch, lot: LOT };

    // When a node claims at once, for a batch and a lot that do not exist, and twice after the draw
    let unknown = vec![
        claim(),
        Op::Claim { batch: BatchId(99), lot: LOT },
        Op::Claim { batch, lot: LotId(1) },
        Op::Commit { batch, lot: LOT, commitment: [0; 32] },
    ];
    let before = market.work(node, unknown).await?;
    market.draw(node, batch, At::Group(0)).await?;
    let twice = market.work(node, vec![claim(), claim()]).await?;

    // Then the reasons say so and one claim counts
    assert_eq!(skips(&before), [Skip::NoSeed, Skip::NoBatch, Skip::NoLot, Skip::NoLot]);
    assert_eq!(skips(&twice), [Skip::Again]);
    assert_eq!(market.node(node).await?.reservations, 1);
    market.verify_journal().await
}

#[tokio::test]
async fn stranger__should_not_work() -> Result<()> {
    // Given an account without a node
    let market = Market::start(Setup { nodes: 1 }).await?;
    let stranger = market.worker.dev_create_account().await?;

    // When it calls work
    let done = market.try_work(&stranger, vec![Op::Claim { batch: BatchId(0), lot: LOT }]).await?;

    // Then the call fails with a code, and the journal is as it was
    assert!(format!("{:?}", done.result.failures()).contains("ERR_"), "{:?}", done.result);
    market.verify_journal().await
}

#[tokio::test]
async fn withdraw__should_be_restored_when_the_receiver_is_not_registered() -> Result<()> {
    // Given a balance of an account that the token does not know
    let market = Market::start(Setup { nodes: 3 }).await?;
    let batch = market.create_batch(market.terms().await?, 4).await?;
    market.draw(&market.nodes[0], batch, At::Group(0)).await?;
    let answers: Vec<_> = market.nodes.iter().map(|node| (node, ANSWERS)).collect();
    market.round(batch, LOT, &answers).await?;
    let node = &market.nodes[0];

    // When it withdraws
    let done = market.withdraw(node, TOKEN).await?;

    // Then the transfer failed and the balance is whole again
    assert!(done.entries.iter().any(|entry| matches!(entry, Entry::Withdrawn { ok: false, .. })), "{:?}", done.result);
    assert_eq!(market.balance(node).await?, 4 * ONE);
    assert_eq!(market.account(node).await?.in_flight, 0);
    market.verify_journal().await
}

#[tokio::test]
async fn bad_message__should_be_refunded() -> Result<()> {
    // Given messages that are no deposits
    let market = Market::start(Setup { nodes: 1 }).await?;
    let terms = market.terms().await?;
    let spec = |items, uri: String| {
        let batch = BatchSpec { terms: terms.clone(), items, manifest: [1; 32], uri, ..BatchSpec::default() };
        serde_json::to_string(&DepositMessage::CreateBatch(batch))
    };
    let mut wide = terms.clone();
    wide.answer_width = 3;
    let wide = BatchSpec { terms: wide, items: 4, manifest: [1; 32], ..BatchSpec::default() };
    let messages = [
        String::new(),
        "deposit".to_owned(),
        r#"{"deposit":{}"#.to_owned(),
        r#"{"steal":{}}"#.to_owned(),
        spec(0, "blob:x".to_owned())?,
        spec(u32::MAX, "blob:x".to_owned())?,
        spec(4, "x".repeat(257))?,
        serde_json::to_string(&DepositMessage::CreateBatch(wide))?,
        // A reward of more than 128 bits, and one that is no number.
        spec(4, "blob:x".to_owned())?.replace(r#""reward":"1000000""#, &format!(r#""reward":"{}""#, "9".repeat(39))),
        spec(4, "blob:x".to_owned())?.replace(r#""reward":"1000000""#, r#""reward":"one""#),
    ];
    assert!(messages.iter().filter(|message| message.contains(r#""reward":"1000000""#)).count() == 4);

    // When each is sent with tokens
    for message in &messages {
        let done = market.transfer_call(&market.requester, 100 * ONE, message).await?;
        assert!(done.entries.is_empty(), "{message} changed something: {:?}", done.entries);
    }

    // Then every token is back and nothing is credited
    assert_eq!(market.token_balance(market.requester.id()).await?, REQUESTER_TOKENS);
    assert_eq!(market.balance(&market.requester).await?, 0);
    market.verify_journal().await
}

#[tokio::test]
async fn deposit__should_be_refunded_to_an_unregistered_sender() -> Result<()> {
    // Given an account with tokens that never paid for storage
    let market = Market::start(Setup { nodes: 1 }).await?;
    let stranger = market.worker.dev_create_account().await?;
    market.register_on_token(stranger.id()).await?;
    let args = json!({"receiver_id": stranger.id(), "amount": "1000"}).to_string().into_bytes();
    let send = Call { method: "ft_transfer", args, gas: CALL_GAS, deposit: 1 };
    market.call_to(&market.token, &market.requester, send).await?;

    // When it deposits
    let done = market.transfer_call(&stranger, 1_000, r#"{"deposit":{}}"#).await?;

    // Then the token refunds
    assert!(done.entries.is_empty());
    assert_eq!(market.token_balance(stranger.id()).await?, 1_000);
    market.verify_journal().await
}

#[tokio::test]
async fn deposit__should_be_refunded_when_the_token_is_not_listed() -> Result<()> {
    // Given another token, which the owner never listed
    let market = Market::start(Setup { nodes: 1 }).await?;
    let other = market.deploy_token().await?;
    let (requester, coordinator) = (&market.requester, market.coordinator.id().as_str());
    for account_id in [requester.id().as_str(), coordinator] {
        let register = calls::storage_deposit(account_id, TOKEN_STORAGE);
        market.call_to(&other, other.as_account(), register).await?;
    }
    market.call_to(&other, other.as_account(), token::mint(requester.id().as_str(), 1_000)).await?;

    // When it is deposited
    let done = market.send_to(&other, requester, token::deposit(coordinator, 1_000)).await?;
    done.result.into_result()?;

    // Then all of it is back
    assert_eq!(market.balance_of(&other, requester.id()).await?, 1_000);
    assert_eq!(market.account(requester).await?.balances, []);
    market.verify_journal().await
}

#[tokio::test]
async fn value__should_not_move_without_a_yocto_or_beyond_the_balance() -> Result<()> {
    // Given a requester with a balance
    let market = Market::start(Setup { nodes: 1 }).await?;
    market.transfer_call(&market.requester, 10 * ONE, r#"{"deposit":{}}"#).await?;
    let requester = &market.requester;

    // When it withdraws without a deposit, too much, more than 128 bits, and tries to leave
    let wide = json!({"token": TOKEN, "amount": "340282366920938463463374607431768211456"});
    let attempts = [
        Call { deposit: 0, ..calls::withdraw(TOKEN, None) },
        calls::withdraw(TOKEN, Some(11 * ONE)),
        Call { args: wide.to_string().into_bytes(), ..calls::withdraw(TOKEN, None) },
        calls::withdraw(TokenId(9), None),
        calls::stake_remove(None),
        calls::batch_cancel(BatchId(4)),
        calls::storage_unregister(),
    ];

    // Then each is refused with a text, and the balance stays
    for call in attempts {
        let done = market.send(requester, call.clone()).await?;
        assert!(done.result.is_failure(), "{call:?} went through");
    }
    assert_eq!(market.balance(requester).await?, 10 * ONE);
    market.verify_journal().await
}
