//! Signed intents as a wallet signs them, relayed on a real node: NEP-413's payload is spelled out here, apart from the
//! contract's own reading of it.

use anyhow::{Context, Result};
use borsh::BorshSerialize;
use ed25519_dalek::{Signer, SigningKey};
use near_workspaces::{Account, AccountId};
use piecework_client::calls;
use piecework_interface::{
    amount::Amount,
    call::IntentKeyAddArgs,
    event::Entry,
    host::sha256,
    ids::BatchId,
    intent::SignedIntent,
    key::{Kind, Kinds, PublicKey},
    skip::Skip,
};
use piecework_sandbox_tests::{
    Market, Setup,
    market::{ONE, REQUESTER_TOKENS, TOKEN},
};
use serde_json::{Value, json};

/// NEP-413's payload, which follows its tag.
#[derive(BorshSerialize)]
struct Payload {
    message: String,
    nonce: [u8; 32],
    recipient: String,
    callback_url: Option<String>,
}

const TAG: u32 = (1 << 31) + 413;

/// A wallet with a key of its own.
struct Wallet(SigningKey);

impl Wallet {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// `signMessage`: the JSON that a wallet hands to the page that asked.
    fn sign_message(
        &self,
        recipient: &AccountId,
        message: &Value,
        number: u64,
        url: Option<&str>,
    ) -> Result<SignedIntent> {
        let mut nonce = [0xA5; 32];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let payload = Payload {
            message: message.to_string(),
            nonce,
            recipient: recipient.to_string(),
            callback_url: url.map(str::to_owned),
        };
        let digest = sha256(&borsh::to_vec(&(TAG, &payload))?);
        let signature = self.0.sign(&digest).to_bytes();
        let Payload { message, callback_url, .. } = payload;
        Ok(SignedIntent { message, nonce, callback_url, public_key: self.public_key(), signature })
    }
}

/// The text of an intent, as a page writes it.
async fn intent(market: &Market, account_id: &str, kind: Value) -> Result<Value> {
    let deadline = market.now_s().await? + 3_600;
    let chain_id = market.views().config().await?.chain_id;
    Ok(json!({"chain_id": chain_id, "account_id": account_id, "deadline": deadline, "kind": kind}))
}

/// A market whose requester keeps a balance and let a key sign for 1,000 tokens a day.
async fn market(kinds: &[Kind]) -> Result<(Market, Wallet)> {
    let (market, wallet) = (Market::start(Setup { nodes: 1 }).await?, Wallet::new(7));
    market.transfer_call(&market.requester, 5_000 * ONE, r#"{"deposit":{}}"#).await?;
    let (public_key, kinds, daily_cap) = (wallet.public_key(), Kinds::of(kinds), Amount(1_000 * ONE));
    let add = IntentKeyAddArgs { public_key, kinds, token: TOKEN, daily_cap };
    market.call(&market.requester, calls::intent_key_add(&add)).await?;
    Ok((market, wallet))
}

/// What became of each intent, in order.
fn outcomes(entries: &[Entry]) -> Vec<Option<Skip>> {
    let outcome = |entry: &Entry| match entry {
        Entry::Intent { failed, .. } => Some(*failed),
        Entry::Skipped { code, .. } => Some(Some(*code)),
        _ => None,
    };
    entries.iter().filter_map(outcome).collect()
}

fn payment(receiver: &Account, amount: u128) -> Value {
    json!({"receiver_id": receiver.id(), "token": TOKEN, "amount": Amount(amount), "memo": "merci \u{1F600}"})
}

#[tokio::test]
async fn intents__should_be_executed_for_whoever_relays_them() -> Result<()> {
    // Given five intents of the requester, one of which somebody changed on the way
    let (market, wallet) = market(&[Kind::Transfer, Kind::Withdraw, Kind::CreateBatch]).await?;
    let (contract, node) = (market.coordinator.id(), &market.nodes[0]);
    let requester = market.requester.id().to_string();
    let batch = json!({
        "terms": market.terms().await?,
        "items": 4,
        "manifest": hex::encode([7; 32]),
        "uri": "blob:test",
    });
    let kinds = [
        (json!({"transfer": payment(node, 30 * ONE)}), None),
        (json!({"transfer": payment(node, 40 * ONE)}), None),
        (json!({"transfer": payment(node, 5 * ONE)}), Some("https://dapp.example/done")),
        (json!({"withdraw": {"token": TOKEN, "amount": Amount(100 * ONE)}}), None),
        (json!({"create_batch": {"token": TOKEN, "batch": batch}}), None),
    ];
    let mut intents = Vec::new();
    for (number, (kind, url)) in (1..).zip(kinds) {
        let message = intent(&market, &requester, kind).await?;
        intents.push(wallet.sign_message(contract, &message, number, url)?);
    }
    intents[1].message = intents[1].message.replace(&(40 * ONE).to_string(), &(400 * ONE).to_string());
    let before = market.balance(node).await?;

    // When a node relays them in one call
    let done = market.relay(node, &intents, 1).await?;

    // Then the changed one alone is skipped, and every other did what it says
    assert!(done.result.is_success(), "{:?}", done.result.failures());
    assert_eq!(outcomes(&done.entries), [None, Some(Skip::Signature), None, None, None]);
    assert_eq!(market.balance(node).await? - before, 35 * ONE);
    let open = market.batch(BatchId(0)).await?.open.context("the batch is open")?;
    let left = 5_000 * ONE - 35 * ONE - 100 * ONE - open.escrow.0;
    assert_eq!(market.balance(&market.requester).await?, left);
    assert_eq!(market.token_balance(market.requester.id()).await?, REQUESTER_TOKENS - 4_900 * ONE);
    let keys = market.views().intent_keys(&requester).await?;
    let [key] = keys.as_slice() else { anyhow::bail!("one key") };
    assert_eq!(key.limit.context("a limit")?.spent.0, 135 * ONE + open.escrow.0);
    assert_eq!(key.numbers.last(), Some(&5));
    market.verify_journal().await
}

#[tokio::test]
async fn intent__should_count_once_and_within_its_key() -> Result<()> {
    // Given a key that may only transfer, and three intents: a transfer, a withdrawal, and a transfer above the cap
    let (market, wallet) = market(&[Kind::Transfer]).await?;
    let (contract, node) = (market.coordinator.id(), &market.nodes[0]);
    let requester = market.requester.id().to_string();
    let mut signed = Vec::new();
    for (number, kind) in (1..).zip([
        json!({"transfer": payment(node, 600 * ONE)}),
        json!({"withdraw": {"token": TOKEN, "amount": Amount(ONE)}}),
        json!({"transfer": payment(node, 401 * ONE)}),
    ]) {
        signed.push(wallet.sign_message(contract, &intent(&market, &requester, kind).await?, number, None)?);
    }

    // When they are relayed, and then once more
    let first = market.relay(node, &signed, 1).await?;
    let again = market.relay(node, &signed, 1).await?;

    // Then the first alone counts, once
    assert_eq!(outcomes(&first.entries), [None, Some(Skip::KeyKind), Some(Skip::KeyCap)]);
    let failure = format!("{:?}", again.result.failures());
    assert!(failure.contains("ERR_INTENTS") && failure.contains("code 46"), "{failure}");
    assert_eq!(market.balance(node).await?, 600 * ONE);

    // And a removed key signs nothing
    market.call(&market.requester, calls::intent_key_remove(wallet.public_key())).await?;
    let message = intent(&market, &requester, json!({"transfer": payment(node, ONE)})).await?;
    let late = market.relay(node, &[wallet.sign_message(contract, &message, 9, None)?], 0).await?;
    assert!(format!("{:?}", late.result.failures()).contains("code 45"));
    market.verify_journal().await
}

#[tokio::test]
async fn implicit_account__should_sign_without_a_transaction() -> Result<()> {
    // Given an implicit account that never sent anything, whom others registered and funded
    let (market, wallet) = market(&[Kind::Transfer]).await?;
    let (contract, node) = (market.coordinator.id(), &market.nodes[0]);
    let carol = Wallet::new(9);
    let id = hex::encode(carol.public_key().0);
    market.call(&market.requester, calls::storage_deposit(&id, 5 * 10_u128.pow(22))).await?;
    let gift = json!({"transfer": {"receiver_id": id, "token": TOKEN, "amount": Amount(10 * ONE)}});
    let requester = market.requester.id().to_string();
    let gift = wallet.sign_message(contract, &intent(&market, &requester, gift).await?, 1, None)?;

    // When it pays by its own key in the call that funds it
    let spend = intent(&market, &id, json!({"transfer": payment(node, 4 * ONE)})).await?;
    let spend = carol.sign_message(contract, &spend, 1, None)?;
    let done = market.relay(node, &[gift, spend], 0).await?;

    // Then both count
    assert_eq!(outcomes(&done.entries), [None, None], "{:?}", done.result.failures());
    assert_eq!(market.balance(node).await?, 4 * ONE);
    assert_eq!(market.views().intent_keys(&id).await?.len(), 1);
    market.verify_journal().await
}
