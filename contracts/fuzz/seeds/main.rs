//! Writes the seeds of every target into `corpus/`.

use std::{fs, io, path::PathBuf};

use piecework_fuzz::market;
use piecework_interface::{amount::Amount, call::{BatchCreateArgs, BatchSkipLotsArgs, BatchSpec, ChallengeArgs, ClassNodeArgs, ClassRegisterArgs, DepositMessage, NodeRegisterArgs, OperatorConfirmArgs, ResultClaim, TokenListArgs, VerdictArgs, WithdrawArgs}, commitment::{Place, commitment}, config::Config, draw::At, host::sha256, ids::{AccountNo, BatchId, ClassId, LotId, TokenId}, intent::{Action, Challenge, Intent, Payment}, merkle, op::{Op, Target}, terms::{JURY, Terms, Verification}, view::Callback};
use serde::Serialize;
use serde_json::json;

fn main() -> io::Result<()> {
    messages()?;
    ops()?;
    proofs()?;
    intents()
}

fn put(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir)?;
    fs::write(dir.join(name), bytes)
}

fn messages() -> io::Result<()> {
    let put = |name, value: &dyn erased::Json| put("messages", name, &value.bytes());
    let terms = Terms { reward: Amount(1_000), lot_size: 32, answer_width: 1, start: 3, ..Terms::default() };
    let spec = BatchSpec {
        terms: terms.clone(),
        items: 900,
        manifest: [7; 32],
        uri: "blob:00".to_owned(),
        ..BatchSpec::default()
    };
    put("terms", &terms)?;
    put("spec", &spec)?;
    put("batch_create", &BatchCreateArgs { token: TokenId(1), batch: spec.clone() })?;
    let verification = Verification::Adjudicated { adjudicator: AccountNo(3), verdict_ttl_s: 600 };
    let callback = Callback { account_id: "listener.near".to_owned(), tgas: 20 };
    let adjudicated = Terms { verification, challenge_window_s: 600, ..terms.clone() };
    put("spec_adjudicated", &BatchSpec { terms: adjudicated, callback: Some(callback), ..spec.clone() })?;
    let golden = Terms { challenge_window_s: 600, ..terms };
    put("spec_gold", &BatchSpec { terms: golden, gold_root: [5; 32], ..spec.clone() })?;
    let verdict = VerdictArgs { batch: BatchId(1), lot: LotId(2), scores: vec![10_000, 0, 5_000], report: [6; 32] };
    put("verdict", &verdict)?;
    put("challenge", &json!({"batch": 1, "lot": 2, "items": [0, 63], "evidence": "07".repeat(32)}))?;
    put("deposit", &DepositMessage::Deposit {})?;
    put("deposit_batch", &DepositMessage::CreateBatch(spec))?;
    put("config", &Config::default())?;
    let listed = TokenListArgs {
        account_id: "token.near".to_owned(),
        min_reward: Amount(1),
        rep_unit: Amount(u128::MAX),
        bond_rate: Amount(3),
    };
    put("token_list", &listed)?;
    put("withdraw", &WithdrawArgs { token: TokenId(1), amount: Some(Amount(5)) })?;
    put("node_register", &NodeRegisterArgs { classes: vec![ClassId(7), ClassId(8)] })?;
    put("class_register", &ClassRegisterArgs { name: "digits".to_owned(), schema: [8; 32], gated: true })?;
    put("class_admit", &ClassNodeArgs { class: ClassId(7), account_id: "a.near".to_owned() })?;
    put("operator_confirm", &OperatorConfirmArgs { account_id: "a.near".to_owned(), accept: true })?;
    put("skip_lots", &BatchSkipLotsArgs { batch: BatchId(1), lots: vec![LotId(2), LotId(3)] })?;
    put("claim", &ResultClaim { answers: vec![1, 2, 3], proof: vec![9; 64], ..ResultClaim::default() })?;
    put("ft", &json!({"sender_id": "a.near", "amount": "12", "msg": "{\"deposit\":{}}"}))?;
    put("pause", &json!({"features": ["deposits", "claims"], "role": "guardian", "account_id": null}))?;
    put("change", &json!({"code": {"hash": "00".repeat(32)}}))?;
    put("deep", &json!({"unknown": [[[{"a": [1, -2.5e3, true, null, "\u{1F600}\n"]}]]]}))
}

fn ops() -> io::Result<()> {
    let (batch, lot) = (BatchId(0), LotId);
    // Numbers of the model's market: the requester is 0, the nodes follow.
    let commit = |node: u32, name: &str, to: u32, round, answers: &[u8]| {
        let place = Place { contract: "market.near", batch, lot: lot(to), round, node: AccountNo(node) };
        let commitment = commitment(sha256, place, answers, &sha256(name.as_bytes()));
        vec![Op::Commit { batch, lot: lot(to), commitment }]
    };
    let reveal = |name: &str, to: u32, answers: &[u8]| {
        vec![Op::Reveal { batch, lot: lot(to), answers: answers.to_vec(), salt: sha256(name.as_bytes()) }]
    };
    let claim = |to: u32| vec![Op::Claim { batch, lot: lot(to) }];
    let mut reveals = call(6, 1, &reveal("g.near", 2, &[1, 2, 3]));
    reveals.extend(call(7, 1, &reveal("h.near", 2, &[1, 2, 3])));
    reveals.extend(call(8, 1, &reveal("i.near", 2, &[1, 2, 4])));
    reveals.extend(call(9, 230, &vec![Target::Lot(batch, lot(2)), Target::Lot(batch, lot(0))]));
    put("ops", "reveal_and_settle", &reveals)?;
    let mut extension = Vec::new();
    for (node, name) in [(0, "a.near"), (1, "b.near"), (2, "c.near")] {
        extension.extend(call(node, 20, &claim(1)));
        extension.extend(call(node, 0, &commit(u32::from(node) + 1, name, 1, 1, &[5])));
    }
    for (node, name) in [(0, "a.near"), (1, "b.near"), (2, "c.near")] {
        extension.extend(call(node, 0, &reveal(name, 1, &[5])));
    }
    put("ops", "extension", &extension)?;
    // Two jurors have claimed already; four agree on other answers to the challenged items than the lot has, and the fifth
    // does not reveal.
    let jurors = ["d.near", "e.near", "f.near", "g.near", "h.near"];
    let verdict = [9, 8];
    let mut jury = Vec::new();
    for juror in 5..8 {
        jury.extend(call(juror, 1, &claim(0)));
    }
    for (juror, name) in (3..).zip(jurors) {
        jury.extend(call(juror, 0, &commit(u32::from(juror) + 1, name, 0, JURY, &verdict)));
    }
    for (juror, name) in (3..7).zip(jurors) {
        jury.extend(call(juror, 0, &reveal(name, 0, &verdict)));
    }
    jury.extend(call(9, 255, &vec![Target::Lot(batch, lot(0))]));
    put("ops", "jury", &jury)?;
    let mut mixed = call(0, 1, &vec![Op::Draw { batch, at: At::Group(0) }, Op::Claim { batch, lot: lot(4) }]);
    mixed.extend(call(0, 1, &vec![Op::Release { batch, lot: lot(4) }, Op::Claim { batch: BatchId(1), lot: lot(1) }]));
    mixed.extend(call(1, 1, &vec![Op::Draw { batch, at: At::Lot(lot(1)) }, Op::Claim { batch, lot: lot(3) }]));
    mixed.extend(call(6, 120, &vec![Op::Release { batch, lot: lot(3) }]));
    put("ops", "claims_and_releases", &mixed)?;
    let late = vec![
        Target::Lot(batch, lot(1)),
        Target::Lot(batch, lot(2)),
        Target::Lot(batch, lot(3)),
        Target::Batch(batch),
        Target::Node(AccountNo(1)),
        Target::Token(TokenId(1)),
    ];
    let mut pokes = call(9, 250, &late);
    pokes.extend(call(9, 250, &late));
    pokes.extend(call(9, 255, &late));
    put("ops", "pokes", &pokes)
}

/// A call of the target: caller, seconds, length, arguments.
fn call(who: u8, seconds: u8, args: &impl borsh::BorshSerialize) -> Vec<u8> {
    let args = borsh::to_vec(args).expect("borsh");
    let mut bytes = vec![who, seconds];
    bytes.extend(u16::try_from(args.len()).expect("short").to_le_bytes());
    bytes.extend(args);
    bytes
}

fn proofs() -> io::Result<()> {
    // The closed batch of the target: lots settled in this order, three items each, the second lot's middle one open.
    let lots = [3_u32, 0, 4, 1, 2];
    let result = |lot: u32| if lot == 1 { (0b101, [7, 0, 9]) } else { (0b111, [7, 8, 9]) };
    let leaves: Vec<_> = (0..)
        .zip(lots)
        .map(|(n, lot)| {
            let (accepted, answers) = result(lot);
            merkle::result_leaf(sha256, n, LotId(lot), accepted, &sha256(&answers))
        })
        .collect();
    for (n, lot) in (0_u8..).zip(lots) {
        let (accepted, answers) = result(lot);
        let proof = merkle::prove(sha256, &leaves, n.into()).expect("a leaf");
        let head = [0, lot.to_le_bytes()[0], n, u8::try_from(accepted).expect("three bits"), 3];
        put("proofs", &format!("lot_{lot}"), &[head.as_slice(), &answers, &proof.concat()].concat())?;
    }
    put("proofs", "nothing", &[0; 5])
}

/// Messages of the target's wallets, with deadlines within a day of the market's first block.
fn intents() -> io::Result<()> {
    // Implicit account of the third wallet.
    const IMPLICIT: &str = "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1";
    let (token, amount) = (TokenId(1), Amount(5));
    let payment = |receiver: &str, memo: Option<&str>| Payment {
        receiver_id: receiver.to_owned(),
        token,
        amount,
        memo: memo.map(str::to_owned),
    };
    let text = |account_id: &str, kind| {
        let (chain_id, account_id) = ("test".to_owned(), account_id.to_owned());
        serde_json::to_string(&Intent { chain_id, account_id, deadline: 1_700_050_000, kind }).expect("json")
    };
    let terms = Terms { expires_at: 1_700_050_000, ..batch_terms() };
    let spec = BatchSpec { terms, items: 9, manifest: [7; 32], uri: "blob:\u{1}".to_owned(), ..BatchSpec::default() };
    let requester = "requester.near";
    let transfer = text(requester, Action::Transfer(payment("a.near", None)));
    let tip = text(requester, Action::Transfer(payment("b.near", Some("\"\u{1F600}\n"))));
    let withdraw = text(requester, Action::Withdraw(WithdrawArgs { token, amount: Some(amount) }));
    let everything = text(IMPLICIT, Action::Withdraw(WithdrawArgs { token, amount: None }));
    let create = text(requester, Action::CreateBatch(BatchCreateArgs { token, batch: spec }));
    let challenge = ChallengeArgs { batch: BatchId(0), lot: LotId(0), items: vec![1], evidence: [6; 32] };
    let challenge = |account_id| text(account_id, Action::Challenge(Challenge { token, challenge: challenge.clone() }));
    let challenges = challenge("a.near");
    put("intents", "transfer", &intent(1, 0, 1, &transfer))?;
    put("intents", "tip", &[intent(2, 0, 1, &tip), intent(2, 0, 2, &transfer)].concat())?;
    put("intents", "withdraw", &[intent(1, 0, 1, &withdraw), intent(1, 0, 2, &withdraw)].concat())?;
    put("intents", "implicit", &[intent(3, 0, 1, &everything), intent(3, 0, 2, &everything)].concat())?;
    put("intents", "create_batch", &intent(1, 0, 7, &create))?;
    put("intents", "challenge", &[intent(1, 0, 1, &challenges), intent(1, 0, 2, &challenges)].concat())?;
    let mut together = Vec::new();
    for (number, text) in (1..).zip([&transfer, &tip, &withdraw, &create]) {
        together.extend(intent(1, 0x80, number, text));
    }
    together.extend(intent(1, 0, 5, &challenge(requester)));
    put("intents", "together", &together)?;
    let spoiled: Vec<_> = (1..7).flat_map(|flaw| intent(2, flaw, flaw, &tip)).collect();
    put("intents", "spoiled", &spoiled)?;
    let removed = text("b.near", Action::Transfer(payment("a.near", None)));
    put("intents", "removed", &intent(2, 0, 1, &removed))
}

/// An intent of the target: wallet, flaw, number, seconds, length, message.
fn intent(wallet: u8, flaw: u8, number: u8, message: &str) -> Vec<u8> {
    let mut bytes = vec![wallet, flaw, number, 1];
    bytes.extend(u16::try_from(message.len()).expect("short").to_le_bytes());
    bytes.extend(message.as_bytes());
    bytes
}

/// Terms that the model's market allows.
fn batch_terms() -> Terms {
    Terms { expires_at: 0, ..market::terms(0) }
}

mod erased {
    /// Anything that serde_json writes.
    pub trait Json {
        fn bytes(&self) -> Vec<u8>;
    }

    impl<T: super::Serialize> Json for T {
        fn bytes(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("json")
        }
    }
}
