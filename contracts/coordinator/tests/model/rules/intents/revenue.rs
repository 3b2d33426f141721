//! Revenue collected by an intent.

use piecework_interface::{
    amount::Amount, call::DepositMessage, draw::At, ids::BatchId, intent::Action, key::Kind, op::Target, skip::Skip,
    storage, terms::Terms, view::NodeStatus,
};

use super::{CAP, Relay};
use crate::{
    market::{Market, REQUESTER, config, terms},
    rules::revenue::{FEE, earn, settle_epoch},
    sign::{Wallet, transfer},
};

/// Three nodes that worked for the token's fees; the first has a key for collecting, of no other use.
fn collector() -> Relay {
    let mut relay = Relay { market: Market::new(4), wallet: Wallet::new(1) };
    earn(&mut relay.market, ["a.near", "b.near", "c.near"]);
    let key = relay.wallet.public_key();
    relay.add("a.near", key, &[Kind::CollectRevenue], 0).expect("key");
    relay
}

#[test]
fn collect_revenue__should_need_neither_token_nor_cap() {
    // Given a key with a cap of nothing, while the epoch still runs.
    let mut relay = collector();
    let sign = |relay: &Relay, nonce| relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), nonce);
    let early = sign(&relay, 1);
    assert_eq!(relay.one(early), Some(Skip::Revenue));
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");

    // When its intent is relayed, the node gets its share, once.
    let before = relay.market.balance("a.near");
    let (second, third) = (sign(&relay, 2), sign(&relay, 3));
    assert_eq!(relay.execute(&[second, third]), [None, Some(Skip::Revenue)]);
    assert_eq!(relay.market.balance("a.near") - before, FEE / 3);

    // Then the key moves nothing of it, and a key without the kind, or an account without a node, collects nothing.
    let pay = relay.wallet.sign(&relay.intent("a.near", transfer("b.near", relay.market.token, 1)), 4);
    assert_eq!(relay.one(pay), Some(Skip::KeyKind));
    let key = relay.wallet.public_key();
    relay.add("b.near", key, &[Kind::Tip], CAP).expect("key");
    let other = relay.wallet.sign(&relay.intent("b.near", Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(other), Some(Skip::KeyKind));
    relay.add(REQUESTER, key, &[Kind::CollectRevenue], 0).expect("key");
    let nobody = relay.wallet.sign(&relay.intent(REQUESTER, Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(nobody), Some(Skip::Revenue));
}

#[test]
fn collect_revenue__should_not_take_liveness_from_a_relayer() {
    // Given a node that was silent for so long that it was made inactive.
    let mut relay = collector();
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");
    let number = relay.market.chain.number("a.near");
    relay.market.chain.poke(&[Target::Node(number)]).expect("silent");
    let seen = relay.market.node("a.near").last_seen;

    // When somebody relays what it signed, it is paid and stays silent.
    let signed = relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), 1);
    assert_eq!(relay.one(signed), None);
    let node = relay.market.node("a.near");
    assert_eq!((node.status, node.last_seen), (NodeStatus::Silent, seen));
}

#[test]
fn collect_revenue__should_change_nothing_without_storage_for_it() {
    // Given fees in a token that one of the nodes never kept, and no room in its deposit.
    let mut relay = collector();
    relay.market.chain.list_token("other.near");
    let now = relay.market.chain.now();
    let spec = Market::spec(Terms { reward: Amount(1_000_000), ..terms(now) }, 3);
    let batch = BatchId(relay.market.chain.mirror.root.next_batch);
    let message = DepositMessage::CreateBatch(spec);
    relay.market.chain.transfer_call("other.near", REQUESTER, 10_u128.pow(12), message).expect("batch");
    relay.market.draw("b.near", batch, At::Group(0));
    let answers: &[u8] = &[1, 2, 3];
    relay.market.round(batch, 0, &["b.near", "c.near", "d.near"].map(|node| (node, answers)));
    relay.market.chain.pass(config().epoch_s);
    settle_epoch(&mut relay.market).expect("over");
    relay.market.chain.storage_withdraw("a.near", None).expect("withdraw");

    // When it asks for its share, nothing of it comes and nothing is lost.
    let sign = |relay: &Relay, nonce| relay.wallet.sign(&relay.intent("a.near", Action::CollectRevenue {}), nonce);
    let before = relay.market.account("a.near");
    let first = sign(&relay, 1);
    assert_eq!(relay.one(first), Some(Skip::Storage));
    let after = relay.market.account("a.near");
    assert_eq!((&after.balances, after.storage_used), (&before.balances, before.storage_used));

    // Then, with room, it gets both tokens.
    relay.market.chain.storage_deposit("a.near", storage::cost(storage::BALANCE_BYTES)).expect("deposit");
    let second = sign(&relay, 2);
    assert_eq!(relay.one(second), None);
    assert_eq!(relay.market.account("a.near").balances.len(), before.balances.len() + 1);
}
