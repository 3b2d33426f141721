//! The journal's wire form: every entry survives render and parse, and its text never changes unseen.
use std::collections::BTreeSet;

use super::common::{fixed, terms};
use piecework_interface::{
    amount::Amount,
    answers::Items,
    case::{ChallengerPay, JurorPay},
    config::{Bounds, Config, Fixed},
    draw::At,
    event::{Abandoned, Entry, Line, SettledSlot},
    governance::{Change, Prices, Role},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    key::{Kind, Kinds, PublicKey},
    skip::Skip,
    terms::{Terms, Verification},
    view::{Callback, NodeStatus, Referrer},
};
use proptest::{collection::vec, prelude::*};

fn line(entry: Entry) -> Line {
    Line { seq: 12, event: "work".to_owned(), node: Some(AccountNo(7)), log: vec![entry] }
}

/// One entry per tag, and every form of the fields that have several.
fn samples() -> Vec<Entry> {
    let (account, token, batch, lot) = (AccountNo(7), TokenId(1), BatchId(3), LotId(5));
    let (amount, digest) = (Amount(10_u128.pow(24)), [0xab; 32]);
    let abandoned = || Abandoned { node: AccountNo(4), slash: Amount(60) };
    let classes = vec![ClassId(1), ClassId(65_535)];
    let settled = SettledSlot { node: account, pay: Amount(300), slash: Amount(0), reputation: 5_312 };
    let public_key = PublicKey([0xef; 32]);
    let prices = Prices { token: TokenId(1), min_reward: amount, rep_unit: amount, bond_rate: amount };
    vec![
        Entry::Configured { config: Config::default() },
        Entry::TokenListed {
            token,
            account_id: "usdc.near".to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(50_000),
            bond_rate: amount,
        },
        Entry::AccountOpened { account, account_id: "alice.near".to_owned(), paid: amount, used: 160 },
        Entry::Storage { account, paid: amount, used: 400 },
        Entry::AccountClosed { account },
        Entry::Deposited { account, token, amount, sender: None },
        Entry::Deposited { account, token, amount, sender: Some("bridge.near".to_owned()) },
        Entry::PayoutSet { account, account_id: Some("cold.near".to_owned()) },
        Entry::PayoutSet { account, account_id: None },
        Entry::Withdrawing { account, token, amount },
        Entry::Withdrawn { account, token, amount, ok: true },
        Entry::Withdrawn { account, token, amount, ok: false },
        Entry::NodeRegistered { account, stake: amount, classes: classes.clone() },
        Entry::NodeClasses { account, classes },
        Entry::Staked { account, stake: amount, unbonding: Amount(0), until: 1_700_000_000 },
        Entry::StatusChanged { account, status: NodeStatus::Active },
        Entry::StatusChanged { account, status: NodeStatus::Paused },
        Entry::StatusChanged { account, status: NodeStatus::Silent },
        Entry::BatchCreated {
            batch,
            requester: account,
            token,
            items: 900,
            manifest: digest,
            gold_root: digest,
            callback: Some(Callback { account_id: "dapp.near".to_owned(), tgas: 20 }),
            uri: "https://example.org/a\"b\\c\u{1F980}".to_owned(),
            escrow: amount,
            terms: terms(),
            fixed: fixed(),
            appendable: false,
            forget_on_close: false,
            referrer: Some(Referrer { account, part_pct: 20 }),
        },
        Entry::BatchCreated {
            batch,
            requester: account,
            token,
            items: 1,
            manifest: digest,
            gold_root: [0; 32],
            callback: None,
            uri: String::new(),
            escrow: amount,
            terms: Terms {
                verification: Verification::Adjudicated { adjudicator: account, verdict_ttl_s: 600 },
                ..terms()
            },
            fixed: fixed(),
            appendable: false,
            forget_on_close: false,
            referrer: None,
        },
        Entry::BatchAppended {
            batch,
            items: 32,
            manifest: digest,
            uri: "blob:\"\u{1}".to_owned(),
            escrow: amount,
            opened: true,
        },
        Entry::ExpiryExtended { batch, expires_at: 9 },
        Entry::AdjudicatorAccepted { batch, amount },
        Entry::AdjudicatorResigned { batch },
        Entry::ClassRegistered {
            class: ClassId(3),
            owner: account,
            name: "digits \"0-9\"".to_owned(),
            schema: digest,
            gated: true,
            burnt: amount,
        },
        Entry::ClassAdmitted { class: ClassId(3), account },
        Entry::ClassRemoved { class: ClassId(3), account },
        Entry::OperatorSet { account, operator: Some(AccountNo(8)), accepted: false },
        Entry::OperatorSet { account, operator: None, accepted: false },
        Entry::Passed { batch, lot },
        Entry::TreasuryPaid { account, token, amount },
        Entry::Judging { batch, lot },
        Entry::VerdictGiven { batch, lot, scores: vec![0, 10_000], report: digest },
        Entry::Challenged {
            batch,
            lot,
            account,
            items: Items(0b10),
            deposit: amount,
            evidence: digest,
            replaced: Some(AccountNo(8)),
        },
        Entry::JuryOpened { batch, lot },
        Entry::Ruled {
            batch,
            lot,
            overturned: Items(0b10),
            jurors: vec![JurorPay { node: account, fee: Amount(7), near: Amount(0) }],
            challengers: vec![ChallengerPay { account, tokens: amount, near: Amount(9) }],
            pot: Amount(3),
        },
        Entry::BatchTold { batch },
        Entry::DrawOpened { batch, at: At::Group(2) },
        Entry::DrawOpened { batch, at: At::Lot(lot) },
        Entry::Seeded { batch, at: At::Group(0), value: [0xcd; 16], tickets: 9, appeal: true },
        Entry::Raised { batch, reward: Amount(1_002), escrow: Amount(77) },
        Entry::Claimed { batch, lot, reward: Some(Amount(1_000)), replaced: None },
        Entry::Claimed { batch, lot, reward: None, replaced: Some(abandoned()) },
        Entry::Released { batch, lot, slash: Amount(6) },
        Entry::Committed { batch, lot, commitment: digest },
        Entry::Revealing { batch, lot, abandoned: vec![] },
        Entry::Revealing { batch, lot, abandoned: vec![abandoned(), abandoned()] },
        Entry::Revealed { batch, lot, digest },
        Entry::Extended { batch, lot, items: Items(0b100) },
        Entry::Extended { batch, lot, items: Items(u64::MAX) },
        Entry::Provisional { batch, lot, accepted: Items(0x10), digest },
        Entry::Freed { batch, lot, abandoned: vec![abandoned()] },
        Entry::Settled {
            batch,
            lot,
            n: 1,
            accepted: Items(0b11),
            digest,
            fee: Amount(45),
            refund: Amount(945),
            forfeit: Amount(8),
            slots: vec![settled.clone(), SettledSlot { slash: Amount(20), ..settled }],
        },
        Entry::Settled {
            batch,
            lot,
            n: 2,
            accepted: Items(0),
            digest,
            fee: Amount(0),
            refund: Amount(1_890),
            forfeit: Amount(0),
            slots: vec![],
        },
        Entry::BatchCancelled { batch },
        Entry::BatchPaid { batch, fees: Amount(3), referral: Amount(2), refund: Amount(4) },
        Entry::BatchClosed { batch, fees: Amount(1), referral: Amount(0), refund: Amount(0) },
        Entry::BatchForgotten { batch },
        Entry::OwnerProposed { account_id: Some("heir.near".to_owned()) },
        Entry::OwnerProposed { account_id: None },
        Entry::OwnerSet { account_id: "owner.near".to_owned() },
        Entry::RoleSet { role: Role::Guardian, account_id: Some("guard.near".to_owned()) },
        Entry::RoleSet { role: Role::TokenAdmin, account_id: None },
        Entry::TreasurySet { account: Some(account) },
        Entry::TreasurySet { account: None },
        Entry::Paused { features: 9 },
        Entry::Proposed { number: 0, ready_at: 7, change: Change::Config(Config::default()) },
        Entry::Proposed { number: 1, ready_at: 8, change: Change::Code(digest) },
        Entry::Proposed { number: 2, ready_at: 9, change: Change::Prices(prices) },
        Entry::Dropped { number: 1 },
        Entry::Applied { number: 2 },
        Entry::Skipped { op: 3, code: Skip::NotEligible },
        Entry::KeySet { account, public_key, kinds: Kinds(5), token, daily_cap: amount },
        Entry::KeySet { account, public_key, kinds: Kinds(0), token: TokenId(0), daily_cap: Amount(0) },
        Entry::Intent { op: 1, account, public_key, kind: Kind::Transfer, nonce: 9, spent: amount, failed: None },
        Entry::Intent {
            op: 2,
            account,
            public_key,
            kind: Kind::CreateBatch,
            nonce: u64::MAX,
            spent: Amount(0),
            failed: Some(Skip::Balance),
        },
        Entry::Transferred { account, receiver: AccountNo(8), token, amount, memo: None },
        Entry::Transferred { account, receiver: AccountNo(8), token, amount, memo: Some("thank \"you\"".to_owned()) },
    ]
}

#[test]
fn samples__should_cover_every_tag() {
    let seen: BTreeSet<_> = samples().iter().map(Entry::tag).collect();
    assert_eq!(seen, Entry::TAGS.iter().copied().collect());
    assert_eq!(seen.len(), Entry::TAGS.len(), "a tag is used twice");
}

/// Every wire text at once. When it must change, change `VERSION` too, and write the file anew with
/// `UPDATE_SNAPSHOTS=1 cargo test -p piecework-interface --test event`.
#[test]
fn lines__should_not_change_on_the_wire() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interface/event_lines.txt");
    let text: String = samples().into_iter().map(|entry| line(entry).render() + "\n").collect();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

#[test]
fn line__should_have_the_documented_form() {
    let line = Line {
        seq: 12,
        event: "work".to_owned(),
        node: Some(AccountNo(7)),
        log: vec![
            Entry::Claimed { batch: BatchId(0), lot: LotId(3), reward: Some(Amount(1_000)), replaced: None },
            Entry::Skipped { op: 1, code: Skip::Full },
        ],
    };
    assert_eq!(
        line.render(),
        r#"EVENT_JSON:{"standard":"piecework","version":"2.0.0","event":"work","data":{"seq":12,"node":7,"log":[["claim",0,3,"1000",null],["skip",1,8]]}}"#
    );
}

#[test]
fn parse__should_ignore_what_is_not_ours() {
    for text in [
        "hello",
        "EVENT_JSON:",
        "EVENT_JSON:{not json",
        "EVENT_JSON:[]",
        r#"EVENT_JSON:{"standard":"nep141","version":"1.0.0","event":"ft_transfer","data":[]}"#,
    ] {
        assert_eq!(Line::parse(text), Ok(None), "{text}");
    }
}

#[test]
fn parse__should_stop_at_what_it_cannot_read() {
    let good = line(Entry::Claimed { batch: BatchId(0), lot: LotId(3), reward: None, replaced: None }).render();
    for (from, to) in [
        ("2.0.0", "1.1.0"),
        ("\"seq\":12", "\"seq\":-1"),
        ("\"seq\":12,", ""),
        ("\"node\":7", "\"node\":\"seven\""),
        ("\"event\":\"work\"", "\"event\":7"),
        ("claim", "clam"),
        (",null", ""),
        (",null", ",null,0"),
        (",3,", ",4294967296,"),
        (",3,", ",\"3\","),
        ("[[", "[\""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        // A line of this standard that is no JSON at all cannot be told from another's.
        if serde_json::from_str::<serde_json::Value>(&bad["EVENT_JSON:".len()..]).is_ok() {
            assert!(Line::parse(&bad).is_err(), "{bad}");
        }
    }
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![any::<u128>(), 0..=10_u128, Just(u128::MAX)].prop_map(Amount)
}

fn account() -> impl Strategy<Value = AccountNo> {
    any::<u32>().prop_map(AccountNo)
}

fn token() -> impl Strategy<Value = TokenId> {
    any::<u16>().prop_map(TokenId)
}

fn place() -> impl Strategy<Value = (BatchId, LotId)> {
    (any::<u32>(), any::<u32>()).prop_map(|(batch, lot)| (BatchId(batch), LotId(lot)))
}

fn items() -> impl Strategy<Value = Items> {
    prop_oneof![any::<u64>(), Just(0), (0_u32..64).prop_map(|bit| 1 << bit)].prop_map(Items)
}

fn abandoned() -> impl Strategy<Value = Abandoned> {
    (account(), amount()).prop_map(|(node, slash)| Abandoned { node, slash })
}

fn classes() -> impl Strategy<Value = Vec<ClassId>> {
    vec(any::<u16>().prop_map(ClassId), 0..8)
}

fn at() -> impl Strategy<Value = At> {
    (any::<bool>(), any::<u32>()).prop_map(|(group, n)| if group { At::Group(n) } else { At::Lot(LotId(n)) })
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let small = (any::<u16>(), amount(), any::<[u8; 6]>());
    (small, any::<[u32; 5]>(), any::<[u16; 2]>()).prop_map(|((class, reward, bytes), times, rates)| {
        let [lot_size, answer_width, start, quorum_pct, dissent_slash_pct, abandon_slash_pct] = bytes;
        let [claim_ttl_s, reveal_window_s, challenge_window_s, slice_s, expires_at] = times;
        Terms {
            class: ClassId(class),
            reward,
            lot_size,
            answer_width,
            start,
            quorum_pct,
            claim_ttl_s,
            reveal_window_s,
            challenge_window_s,
            slice_s,
            bond_pct: rates[0],
            dissent_slash_pct,
            abandon_slash_pct,
            min_reputation: rates[1],
            expires_at,
            verification: if lot_size.is_multiple_of(2) {
                Verification::Consensus
            } else {
                Verification::Adjudicated { adjudicator: AccountNo(slice_s), verdict_ttl_s: expires_at }
            },
        }
    })
}

fn any_fixed() -> impl Strategy<Value = Fixed> {
    (any::<u16>(), amount(), amount(), any::<u32>(), any::<u32>()).prop_map(
        |(fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s)| Fixed {
            fee_bps,
            bond_rate,
            rep_unit,
            reputation_interval_s,
            grace_s,
            jury_nodes: fee_bps,
        },
    )
}

fn any_config() -> impl Strategy<Value = Config> {
    (amount(), any::<[u32; 5]>(), any::<(u16, u16)>(), any::<[(u32, u32); 4]>(), any::<u32>()).prop_map(
        |(min_stake, times, (fee_bps, jury_nodes), ranges, lifetime_max_s)| Config {
            min_stake,
            unbonding_s: times[0],
            notice_s: times[4],
            liveness_window_s: times[1],
            grace_s: times[2],
            fee_bps,
            reputation_interval_s: times[3],
            jury_nodes,
            class_deposit: min_stake,
            bounds: Bounds {
                claim_ttl_s: ranges[0],
                reveal_window_s: ranges[1],
                challenge_window_s: ranges[2],
                slice_s: ranges[3],
                lifetime_max_s,
                verdict_ttl_s: ranges[0],
            },
            chain_id: fee_bps.to_string(),
            relays: vec!["bridge.near".to_owned(); usize::from(fee_bps % 3)],
        },
    )
}

fn settled_slot() -> impl Strategy<Value = SettledSlot> {
    (account(), amount(), amount(), any::<u16>()).prop_map(|(node, pay, slash, reputation)| SettledSlot {
        node,
        pay,
        slash,
        reputation,
    })
}

fn money_entry() -> BoxedStrategy<Entry> {
    prop_oneof![
        any_config().prop_map(|config| Entry::Configured { config }),
        (token(), any::<String>(), amount(), amount(), amount()).prop_map(
            |(token, account_id, min_reward, rep_unit, bond_rate)| Entry::TokenListed {
                token,
                account_id,
                min_reward,
                rep_unit,
                bond_rate
            }
        ),
        (account(), any::<String>(), amount(), any::<u32>())
            .prop_map(|(account, account_id, paid, used)| { Entry::AccountOpened { account, account_id, paid, used } }),
        (account(), amount(), any::<u32>()).prop_map(|(account, paid, used)| Entry::Storage { account, paid, used }),
        account().prop_map(|account| Entry::AccountClosed { account }),
        (account(), token(), amount(), any::<Option<String>>())
            .prop_map(|(account, token, amount, sender)| Entry::Deposited { account, token, amount, sender }),
        (account(), any::<Option<String>>()).prop_map(|(account, account_id)| Entry::PayoutSet { account, account_id }),
        (account(), token(), amount()).prop_map(|(account, token, amount)| Entry::Withdrawing {
            account,
            token,
            amount
        }),
        (account(), token(), amount(), any::<bool>()).prop_map(|(account, token, amount, ok)| Entry::Withdrawn {
            account,
            token,
            amount,
            ok
        }),
        (account(), amount(), classes()).prop_map(|(account, stake, classes)| Entry::NodeRegistered {
            account,
            stake,
            classes
        }),
        (account(), classes()).prop_map(|(account, classes)| Entry::NodeClasses { account, classes }),
        (account(), amount(), amount(), any::<u32>()).prop_map(|(account, stake, unbonding, until)| Entry::Staked {
            account,
            stake,
            unbonding,
            until
        }),
        (account(), prop_oneof![Just(NodeStatus::Active), Just(NodeStatus::Paused), Just(NodeStatus::Silent)])
            .prop_map(|(account, status)| Entry::StatusChanged { account, status }),
        (account(), any::<[u8; 32]>(), any::<u16>(), token(), amount()).prop_map(
            |(account, key, kinds, token, daily_cap)| Entry::KeySet {
                account,
                public_key: PublicKey(key),
                kinds: Kinds(kinds),
                token,
                daily_cap
            }
        ),
        (
            any::<u8>(),
            account(),
            any::<[u8; 32]>(),
            prop::sample::select(&Kind::ALL[..]),
            any::<u64>(),
            amount(),
            prop::option::of(prop::sample::select(Skip::ALL))
        )
            .prop_map(|(op, account, key, kind, nonce, spent, failed)| Entry::Intent {
                op,
                account,
                public_key: PublicKey(key),
                kind,
                nonce,
                spent,
                failed
            }),
        (account(), account(), token(), amount(), prop::option::of(any::<String>())).prop_map(
            |(account, receiver, token, amount, memo)| Entry::Transferred { account, receiver, token, amount, memo }
        ),
    ]
    .boxed()
}

fn work_entry() -> BoxedStrategy<Entry> {
    let digest = any::<[u8; 32]>;
    prop_oneof![
        (
            (any::<u32>(), account(), token(), any::<u32>()),
            digest(),
            any::<String>(),
            amount(),
            any_terms(),
            any_fixed()
        )
            .prop_map(|((batch, requester, token, items), manifest, uri, escrow, terms, fixed)| {
                Entry::BatchCreated {
                    batch: BatchId(batch),
                    requester,
                    token,
                    items,
                    manifest,
                    gold_root: manifest,
                    callback: items.is_multiple_of(2).then(|| Callback { account_id: uri.clone(), tgas: 5 }),
                    uri,
                    escrow,
                    terms,
                    fixed,
                    appendable: false,
                    forget_on_close: false,
                    referrer: None,
                }
            }),
        (place(), at()).prop_map(|((batch, _), at)| Entry::DrawOpened { batch, at }),
        (place(), at(), any::<[u8; 16]>(), any::<u32>()).prop_map(|((batch, _), at, value, tickets)| Entry::Seeded {
            batch,
            at,
            value,
            tickets,
            appeal: tickets.is_multiple_of(2),
        }),
        (place(), prop::option::of(amount()), prop::option::of(abandoned()))
            .prop_map(|((batch, lot), reward, replaced)| Entry::Claimed { batch, lot, reward, replaced }),
        (place(), amount(), amount()).prop_map(|((batch, _), reward, escrow)| Entry::Raised { batch, reward, escrow }),
        (place(), amount()).prop_map(|((batch, lot), slash)| Entry::Released { batch, lot, slash }),
        (place(), digest()).prop_map(|((batch, lot), commitment)| Entry::Committed { batch, lot, commitment }),
        (place(), vec(abandoned(), 0..4)).prop_map(|((batch, lot), abandoned)| Entry::Revealing {
            batch,
            lot,
            abandoned
        }),
        (place(), digest()).prop_map(|((batch, lot), digest)| Entry::Revealed { batch, lot, digest }),
        (place(), items()).prop_map(|((batch, lot), items)| Entry::Extended { batch, lot, items }),
        (place(), items(), digest()).prop_map(|((batch, lot), accepted, digest)| Entry::Provisional {
            batch,
            lot,
            accepted,
            digest
        }),
        (place(), vec(abandoned(), 0..4)).prop_map(|((batch, lot), abandoned)| Entry::Freed { batch, lot, abandoned }),
        (place(), any::<u32>(), items(), digest(), amount(), amount(), vec(settled_slot(), 0..9)).prop_map(
            |((batch, lot), n, accepted, digest, fee, refund, slots)| Entry::Settled {
                batch,
                lot,
                n,
                accepted,
                digest,
                fee,
                refund,
                forfeit: fee,
                slots
            }
        ),
        place().prop_map(|(batch, _)| Entry::BatchCancelled { batch }),
        (place(), amount(), amount(), amount()).prop_map(|((batch, _), fees, referral, refund)| Entry::BatchPaid {
            batch,
            fees,
            referral,
            refund
        }),
        (place(), amount(), amount(), amount()).prop_map(|((batch, _), fees, referral, refund)| Entry::BatchClosed {
            batch,
            fees,
            referral,
            refund
        }),
        place().prop_map(|(batch, _)| Entry::BatchForgotten { batch }),
        (place(), vec(any::<u16>(), 0..5), digest()).prop_map(|((batch, lot), scores, report)| Entry::VerdictGiven {
            batch,
            lot,
            scores,
            report
        }),
        (place(), account(), items(), amount(), digest(), prop::option::of(account())).prop_map(
            |((batch, lot), account, items, deposit, evidence, replaced)| Entry::Challenged {
                batch,
                lot,
                account,
                items,
                deposit,
                evidence,
                replaced
            }
        ),
        (any::<u16>(), account(), any::<String>(), digest(), any::<bool>(), amount()).prop_map(
            |(class, owner, name, schema, gated, burnt)| Entry::ClassRegistered {
                class: ClassId(class),
                owner,
                name,
                schema,
                gated,
                burnt
            }
        ),
        (account(), prop::option::of(account()), any::<bool>())
            .prop_map(|(account, operator, accepted)| Entry::OperatorSet { account, operator, accepted }),
        (place(), items(), vec((account(), amount()), 0..5), amount()).prop_map(
            |((batch, lot), overturned, pays, pot)| {
                let (jurors, challengers) = pays
                    .into_iter()
                    .map(|(node, fee)| {
                        let challenger = ChallengerPay { account: node, tokens: fee, near: pot };
                        (JurorPay { node, fee, near: pot }, challenger)
                    })
                    .unzip();
                Entry::Ruled { batch, lot, overturned, jurors, challengers, pot }
            }
        ),
        (any::<u32>(), any::<u32>(), token(), amount(), digest(), 0..3_u8).prop_map(
            |(number, ready_at, token, price, hash, kind)| {
                let change = match kind {
                    0 => Change::Code(hash),
                    1 => Change::Prices(Prices { token, min_reward: price, rep_unit: price, bond_rate: price }),
                    _ => Change::Config(Config { min_stake: price, ..Config::default() }),
                };
                Entry::Proposed { number, ready_at, change }
            },
        ),
        prop::option::of(any::<String>()).prop_map(|account_id| Entry::RoleSet { role: Role::Guardian, account_id }),
        any::<String>().prop_map(|account_id| Entry::OwnerSet { account_id }),
        (any::<u8>(), prop::sample::select(Skip::ALL)).prop_map(|(op, code)| Entry::Skipped { op, code }),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn line__should_survive_render_and_parse(
        seq in any::<u64>(),
        event in "[a-z_]{1,20}",
        node in prop::option::of(account()),
        log in vec(prop_oneof![money_entry(), work_entry()], 0..6),
    ) {
        let line = Line { seq, event, node, log };
        prop_assert_eq!(Line::parse(&line.render()), Ok(Some(line)));
    }

    #[test]
    fn parse__should_never_panic(text in "EVENT_JSON:\\{\"standard\":\"piecework\",\"version\":\"1.0.0\".{0,80}", cut in any::<prop::sample::Index>()) {
        let _: Result<_, _> = Line::parse(&text);
        let good = line(samples().swap_remove(cut.index(samples().len()))).render();
        let end = good.char_indices().map(|(at, _)| at).nth(cut.index(good.chars().count()));
        let _: Result<_, _> = Line::parse(&good[..end.unwrap_or(0)]);
    }
}

#[test]
fn skip__should_have_one_stable_code_and_a_text_each() {
    for skip in Skip::ALL {
        assert_eq!(Skip::from_code(*skip as u8), Some(*skip));
        assert!(!skip.text().is_empty());
    }
    assert_eq!(Skip::from_code(0), None);
    assert_eq!(Skip::ALL.len(), Skip::ALL.iter().collect::<BTreeSet<_>>().len());
}
