#![doc = include_str!("../README.md")]

pub mod account;
pub mod amount;
pub mod answer;
pub mod batch;
pub mod blob;
pub mod class;
#[cfg(feature = "client")]
pub mod client;
pub mod gold;
pub mod health;
mod hex_option;
pub mod journal;
pub mod lot;
pub mod manifest;
pub mod network;
pub mod node;
pub mod page;
pub mod problem;
pub mod token;
pub mod transaction;

pub use account::{Account, LedgerEntry};
pub use batch::{Batch, BatchSegment, BatchState, Counts, LotResult};
pub use blob::Stored;
pub use class::Class;
pub use gold::{BatchGold, GoldDocument, GoldItem, GoldPage, GoldStored};
pub use health::{Indexed, Reconciliation, Status};
pub use journal::{Event, EventPage};
pub use lot::{Challenge, Lot, LotState, LotStates, LotWithSlots, Settlement, Slot, SlotPhase};
pub use manifest::Manifest;
pub use network::{BatchTotals, ItemTotals, LotTotals, Network, NodeTotals, TokenTotals};
pub use node::{Node, StakeSpan};
pub use page::Page;
pub use problem::{Problem, ProblemKind};
pub use token::Token;
pub use transaction::{FunctionCall, Signed, UnsignedTransaction};

#[cfg(test)]
mod tests {
    use piecework_interface::{
        amount::Amount,
        case::Case,
        config::Fixed,
        draw::{Draw, Seed},
        history::SlotEnd,
        ids::{AccountNo, BatchId, ClassId, LotId, NEAR, TokenId},
        terms::{Terms, Verification},
        view::{self, OpenBatch, Progress, Referrer},
    };
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::{Value, json};

    use super::*;

    /// The JSON of a value, which is read back as it was.
    fn json_of<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(value: &T) -> Value {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn batch__should_have_the_records_fields_beside_its_own() {
        let verification = Verification::Adjudicated { adjudicator: AccountNo(3), verdict_ttl_s: 9 };
        let mut progress = Progress::default();
        progress.window.draws[1] = Draw::Seeded(Seed { value: [7; 16], at: 1, height: 2, tickets: 3, appeal: true });
        let record = OpenBatch {
            requester: AccountNo(1),
            requester_operator: AccountNo(1),
            token: NEAR,
            terms: Terms { verification, reward: Amount(u128::MAX), ..Terms::default() },
            fixed: Fixed::default(),
            items: 4,
            manifest: [0xAB; 32],
            created_at: 5,
            appendable: false,
            forget_on_close: false,
            referrer: Some(Referrer { account: AccountNo(2), part_pct: 20 }),
            appended: [0; 32],
            progress,
            escrow: Amount(6),
        };
        let json = json_of(&Batch {
            batch: BatchId(2),
            status: BatchState::Forgotten,
            requester_id: "a.near".to_owned(),
            referrer_id: Some("b.near".to_owned()),
            lots: 1,
            callback: None,
            uri: String::new(),
            gold_root: [0xCD; 32],
            record,
            settled: 1,
            results_root: [1; 32],
            counts: Counts::default(),
            ended_at: None,
            created_seq: 8,
            updated_seq: 9,
        });
        assert_eq!((&json["status"], &json["items"], &json["escrow"]), (&json!("forgotten"), &json!(4), &json!("6")));
        assert_eq!((&json["manifest"], &json["gold_root"]), (&json!("ab".repeat(32)), &json!("cd".repeat(32))));
        assert_eq!(json["terms"]["verification"]["adjudicated"]["adjudicator"], 3);
        assert_eq!(json["progress"]["draws"][1]["seeded"]["value"], "07".repeat(16));
        assert_eq!(
            (&json["referrer"], &json["referrer_id"]),
            (&json!({ "account": 2, "part_pct": 20 }), &json!("b.near"))
        );
        assert!(json["callback"].is_null() && json["ended_at"].is_null());
    }

    #[test]
    fn lot__should_have_item_sets_and_bytes_in_hex() {
        let slot = Slot {
            batch: BatchId(0),
            lot: LotId(1),
            claimed_seq: 2,
            node: AccountNo(3),
            node_id: "n.near".to_owned(),
            operator: AccountNo(3),
            round: 0,
            phase: SlotPhase::Revealed,
            reserved_until: 4,
            commitment: Some([9; 32]),
            answers: Some(vec![1, 2]),
            claimed_at: 5,
            committed_at: Some(6),
            revealed_at: None,
            outcome: Some(SlotEnd::Settled),
            pay: Amount(7),
            juror_fee: Amount(0),
            slash: Amount(0),
            reputation: None,
            agreed: Some(3),
            ended_at: None,
        };
        let live = Slot { commitment: None, answers: None, outcome: None, agreed: None, ..slot.clone() };
        let settlement = Settlement { n: 0, accepted: 1 << 63, accepted_items: 1, settled_at: 8 };
        let lot = Lot {
            batch: BatchId(0),
            lot: LotId(1),
            state: LotState::Judging,
            first_item: 0,
            items: 64,
            round: 0,
            begun_at: 1,
            reward: Some(Amount(1_000)),
            appeal: true,
            clock_at: 0,
            phase_at: 0,
            leavers: vec![AccountNo(4)],
            open_items: 5,
            draw: Draw::Opened(6),
            case: Some(Box::new(Case { open_until: 6, ..Case::default() })),
            reserved: 0,
            committed: 0,
            revealed: 1,
            settlement: Some(settlement),
            updated_seq: None,
        };
        let challenge = Challenge {
            seq: 7,
            account: AccountNo(4),
            account_id: "c.near".to_owned(),
            items: 6,
            deposit: Amount(11),
            evidence: [8; 32],
            evidence_held: false,
            replaced: None,
            challenged_at: 9,
        };
        let json = json_of(&LotWithSlots { lot, slots: vec![slot, live], challenges: vec![challenge] });
        assert_eq!((&json["state"], &json["draw"]), (&json!("judging"), &json!({ "opened": 6 })));
        assert_eq!((&json["open_items"], &json["case"]["open_until"]), (&json!("0000000000000005"), &json!(6)));
        assert_eq!((&json["begun_at"], &json["appeal"]), (&json!(1), &json!(true)));
        assert_eq!(json["reward"], "1000");
        let challenge = &json["challenges"][0];
        assert_eq!(
            (&challenge["items"], &challenge["evidence"]),
            (&json!("0000000000000006"), &json!("08".repeat(32)))
        );
        assert_eq!(json["settlement"]["accepted"], "8000000000000000");
        let (past, live) = (&json["slots"][0], &json["slots"][1]);
        assert_eq!((&past["answers"], &past["agreed"]), (&json!("0102"), &json!("0000000000000003")));
        assert_eq!((&past["phase"], &past["outcome"]), (&json!("revealed"), &json!("settled")));
        assert!(live["answers"].is_null() && live["agreed"].is_null() && live["outcome"].is_null());
    }

    #[test]
    fn rows__should_stand_beside_what_the_mirror_adds() {
        let row = view::Token {
            token: TokenId(1),
            account_id: "t.near".to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(2),
            bond_rate: Amount(3),
            pool: Amount(4),
            in_flight: Amount(5),
        };
        let token = json_of(&Token { row, symbol: None, decimals: Some(6) });
        assert_eq!((&token["pool"], &token["symbol"], &token["decimals"]), (&json!("4"), &Value::Null, &json!(6)));
        let record =
            view::Class { class: ClassId(2), name: "labels".to_owned(), gated: true, ..view::Class::default() };
        let class = json_of(&Class { record, owner_id: "o.near".to_owned(), updated_seq: 3 });
        assert_eq!(
            (&class["class"], &class["name"], &class["owner_id"], &class["schema"]),
            (&json!(2), &json!("labels"), &json!("o.near"), &json!("00".repeat(32)))
        );
        let node = json_of(&Node {
            account: AccountNo(1),
            account_id: "n.near".to_owned(),
            record: view::Node::new(7),
            earned: Vec::new(),
            slashed: Amount(8),
            agreed_items: 9,
            updated_seq: 10,
        });
        assert_eq!(
            (&node["status"], &node["registered_at"], &node["slashed"]),
            (&json!("active"), &json!(7), &json!("8"))
        );
    }
}
