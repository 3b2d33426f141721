//! Classes and operators.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    call::{ClassNodeArgs, ClassRegisterArgs, NodeRegisterArgs, OperatorConfirmArgs},
    draw::At,
    ids::{BatchId, ClassId, LotId},
    op::{Op, Target},
    skip::Skip,
    terms::Terms,
};

use crate::{
    chain::{Call, NEAR},
    market::{Market, REQUESTER, drawn, terms},
};

/// The class that the requester gates.
const GATED: ClassId = ClassId(20);

fn class_of(market: &Market, class: ClassId) -> (u32, u32) {
    let row = &market.chain.mirror.classes[&class];
    (row.nodes, row.tickets)
}

fn admit(market: &mut Market, who: &str, node: &str) -> Result<(), Error> {
    let args = ClassNodeArgs { class: GATED, account_id: node.to_owned() };
    market.call(who, 1, |engine| engine.class_admit(&args))
}

fn remove(market: &mut Market, node: &str) -> Result<(), Error> {
    let args = ClassNodeArgs { class: GATED, account_id: node.to_owned() };
    market.call(REQUESTER, 1, |engine| engine.class_remove(&args))
}

/// Nodes that declared a gated class, none of them admitted.
fn gated(nodes: usize) -> Market {
    let mut market = Market::new(nodes);
    assert_eq!(market.chain.register_class(REQUESTER, "experts", true), Ok(GATED));
    for node in &crate::market::NODES[..nodes] {
        let args = NodeRegisterArgs { classes: vec![ClassId(7), GATED] };
        market.call(node, 1, |engine| engine.node_update(args)).expect("declared");
    }
    market
}

#[test]
fn class_register__should_cost_its_deposit_and_have_a_name() {
    let mut market = Market::new(0);
    let burnt = market.chain.mirror.root.burnt.0;
    let mut register = |deposit, name: &str| {
        let args = ClassRegisterArgs { name: name.to_owned(), schema: [3; 32], gated: false };
        market.call(REQUESTER, deposit, |engine| engine.class_register(args))
    };
    assert!(matches!(register(NEAR - 1, "digits"), Err(Error::Deposit(_))));
    assert!(matches!(register(NEAR + 1, "digits"), Err(Error::Deposit(_))));
    assert_eq!(register(NEAR, ""), Err(Error::Argument("name")));
    assert_eq!(register(NEAR, &"x".repeat(33)), Err(Error::Argument("name")));
    for control in ["\0", "a\nb", "\u{1b}[2J", "\u{85}"] {
        assert_eq!(register(NEAR, control), Err(Error::Argument("name")));
    }
    assert_eq!(register(NEAR, &"x".repeat(32)), Ok(GATED));
    assert_eq!(market.chain.mirror.root.burnt.0, burnt + NEAR);
}

#[test]
fn class__should_be_registered_before_it_is_used() {
    let mut market = Market::new(1);
    let now = market.chain.now();
    assert!(matches!(market.create(Terms { class: GATED, ..terms(now) }, 3), Err(Error::Batch(_))));
    let args = NodeRegisterArgs { classes: vec![GATED] };
    assert!(matches!(market.call("a.near", 1, |engine| engine.node_update(args)), Err(Error::Classes(_))));
}

#[test]
fn class__should_count_active_nodes_that_declared_it_and_their_tickets() {
    let mut market = Market::new(3);
    assert_eq!(class_of(&market, ClassId(7)), (3, 3));
    market.register("a.near", 20 * NEAR).expect("more");
    assert_eq!(class_of(&market, ClassId(7)), (3, 5));
    market.call("a.near", 0, |engine| engine.node_pause()).expect("pause");
    assert_eq!(class_of(&market, ClassId(7)), (2, 2));
    let args = NodeRegisterArgs { classes: vec![ClassId(8)] };
    market.call("b.near", 1, |engine| engine.node_update(args)).expect("another class");
    assert_eq!((class_of(&market, ClassId(7)), class_of(&market, ClassId(8))), ((1, 1), (1, 1)));
    market.chain.pass(3_601);
    market.chain.poke(&[Target::Node(market.chain.number("c.near"))]).expect("silent");
    assert_eq!(class_of(&market, ClassId(7)), (0, 0));
    // Its own call brings a silent node back.
    market.call("c.near", 0, |engine| engine.heartbeat()).expect("heartbeat");
    assert_eq!(class_of(&market, ClassId(7)), (1, 1));
}

#[test]
fn audit_4__should_draw_among_the_tickets_of_the_class_alone() {
    // Given many tickets of the network and three of the class: the first three of it need not wait for the bar
    let mut market = Market::new(9);
    for node in ["a.near", "b.near", "c.near"] {
        let args = NodeRegisterArgs { classes: vec![ClassId(8)] };
        market.call(node, 1, |engine| engine.node_update(args)).expect("classes");
    }
    let now = market.chain.now();
    let batch = market.batch(Terms { class: ClassId(8), ..terms(now) }, 3);
    market.chain.pass(3);
    market.op("d.near", Op::Draw { batch, at: At::Group(0) }).expect("draw");
    market.chain.pass(1);
    for node in ["a.near", "b.near", "c.near"] {
        assert_eq!(market.claim(node, batch, 0), Ok(()));
    }
}

#[test]
fn gate__should_let_in_who_its_owner_admitted() {
    let mut market = gated(4);
    assert_eq!(admit(&mut market, "a.near", "b.near"), Err(Error::Caller("the class's owner")));
    for node in ["a.near", "b.near", "c.near"] {
        admit(&mut market, REQUESTER, node).expect("admitted");
    }
    assert!(matches!(admit(&mut market, REQUESTER, "a.near"), Err(Error::Classes(_))), "once");
    let now = market.chain.now();
    let batch = market.batch(Terms { class: GATED, ..terms(now) }, 6);
    market.draw("a.near", batch, At::Group(0));
    assert_eq!(class_of(&market, GATED), (3, 3));
    let open = ClassNodeArgs { class: ClassId(7), account_id: "a.near".to_owned() };
    assert!(matches!(market.call(REQUESTER, 1, |engine| engine.class_admit(&open)), Err(Error::Classes(_))));

    // A node that is not admitted takes no seat; one that is removed takes none of a round 0 any more.
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Class));
    market.claim("a.near", batch, 0).expect("claim");
    market.chain.pass(1);
    remove(&mut market, "b.near").expect("removed");
    assert!(matches!(remove(&mut market, "b.near"), Err(Error::Classes(_))));
    assert_eq!(class_of(&market, GATED), (2, 2));
    assert_eq!(market.claim("b.near", batch, 0), Err(Skip::Class));
    assert_eq!(market.claim("b.near", batch, 1), Err(Skip::Class));
    // It is admitted again once it has declared the class again: its owner makes nobody a latecomer for the lots that have begun.
    assert!(matches!(admit(&mut market, REQUESTER, "b.near"), Err(Error::Classes(_))));
    market.chain.pass(1);
    for classes in [vec![ClassId(7)], vec![ClassId(7), GATED]] {
        market.call("b.near", 1, |engine| engine.node_update(NodeRegisterArgs { classes })).expect("declared");
    }
    admit(&mut market, REQUESTER, "b.near").expect("admitted again");
}

#[test]
fn gate__should_keep_out_who_was_not_admitted() {
    let mut market = gated(4);
    let now = market.chain.now();
    let batch = market.batch(Terms { class: GATED, ..terms(now) }, 6);
    market.draw("a.near", batch, At::Group(0));
    assert_eq!(market.claim("d.near", batch, 0), Err(Skip::Class));
    assert_eq!(class_of(&market, GATED), (0, 0));
}

#[test]
fn gate__should_not_close_the_later_rounds_of_lots_that_had_begun() {
    // Given a lot with an extension, whose owner removes who would sit there
    let mut market = gated(6);
    for node in &crate::market::NODES[..6] {
        admit(&mut market, REQUESTER, node).expect("admitted");
    }
    market.chain.pass(10);
    let now = market.chain.now();
    let batch = market.batch(Terms { class: GATED, ..terms(now) }, 1);
    market.draw("a.near", batch, At::Group(0));
    market.round(batch, 0, &[("a.near", &[1]), ("b.near", &[2]), ("c.near", &[3])]);
    for node in ["d.near", "e.near", "f.near"] {
        remove(&mut market, node).expect("removed");
    }
    market.draw("a.near", batch, At::Lot(LotId(0)));
    assert_eq!(market.claim("d.near", batch, 0), Ok(()));
}

fn confirm(market: &mut Market, who: &str, node: &str, accept: bool) -> Result<(), Error> {
    let args = OperatorConfirmArgs { account_id: node.to_owned(), accept };
    market.call(who, 1, |engine| engine.operator_confirm(&args))
}

fn name(market: &mut Market, node: &str, operator: Option<&str>) -> Result<(), Error> {
    market.call(node, 1, |engine| engine.node_operator(operator.map(str::to_owned)))
}

#[test]
fn operator__should_hold_once_both_named_each_other_and_end_by_either() {
    let mut market = Market::new(2);
    let operator = market.chain.number(REQUESTER);
    assert_eq!(confirm(&mut market, REQUESTER, "a.near", true), Err(Error::Caller("the operator that the node named")));
    assert!(matches!(name(&mut market, "a.near", Some("stranger.near")), Err(Error::Account(_))));
    assert_eq!(name(&mut market, "a.near", Some("a.near")), Err(Error::Argument("account_id")));
    name(&mut market, "a.near", Some(REQUESTER)).expect("named");
    assert_eq!(market.node("a.near").operator, None);
    confirm(&mut market, REQUESTER, "a.near", true).expect("confirmed");
    assert_eq!(market.node("a.near").operator, Some(operator));
    assert!(matches!(confirm(&mut market, REQUESTER, "a.near", true), Err(Error::Status(_))));
    confirm(&mut market, REQUESTER, "a.near", false).expect("ended");
    assert_eq!((market.node("a.near").asked, market.node("a.near").operator), (None, None));
    name(&mut market, "a.near", Some(REQUESTER)).expect("named again");
    confirm(&mut market, REQUESTER, "a.near", true).expect("confirmed");
    name(&mut market, "a.near", None).expect("ended");
    assert_eq!(market.node("a.near").operator, None);
}

#[test]
fn operator__should_take_one_seat_of_a_lot_with_all_its_nodes() {
    let mut market = Market::new(4);
    market.chain.storage_deposit("firm.near", NEAR).expect("storage");
    for node in ["a.near", "b.near", "c.near"] {
        name(&mut market, node, Some("firm.near")).expect("named");
        confirm(&mut market, "firm.near", node, true).expect("confirmed");
    }
    let now = market.chain.now();
    let batch = market.batch(terms(now), 6);
    market.draw("a.near", batch, At::Group(0));
    market.claim("a.near", batch, 0).expect("claim");
    assert_eq!(market.claim("b.near", batch, 0), Err(Skip::Again));
    market.claim("b.near", batch, 1).expect("another lot");
    market.release("a.near", batch, 0).expect("left");
    assert_eq!(market.claim("b.near", batch, 0), Err(Skip::Again), "the operator left it");
    // Nor may an operator sit beside its node by naming another.
    market.register("firm.near", 10 * NEAR).expect("a node of its own");
    market.chain.storage_deposit("other.near", NEAR).expect("storage");
    name(&mut market, "firm.near", Some("other.near")).expect("named");
    confirm(&mut market, "other.near", "firm.near", true).expect("confirmed");
    assert_eq!(market.claim("firm.near", batch, 1), Err(Skip::Again));
    // Nor does a node come back that names nobody any more.
    let mut alone = market.clone();
    name(&mut alone, "a.near", None).expect("drops it");
    assert_eq!(alone.claim("a.near", batch, 0), Err(Skip::Again));
    // Operators count as at the claim: leaving one afterwards frees no seat.
    name(&mut market, "b.near", None).expect("ended");
    assert_eq!(market.claim("c.near", batch, 1), Err(Skip::Again));
    assert_eq!(market.claim("b.near", batch, 1), Err(Skip::Again));
}

#[test]
fn audit_20__should_give_a_requester_no_seat_of_its_own_batch() {
    let (mut market, batch) = drawn(3, 3, |_| {});
    market.register(REQUESTER, 10 * NEAR).expect("node");
    market.chain.pass(30);
    assert_eq!(market.claim(REQUESTER, batch, 0), Err(Skip::Party));
    // Nor to nodes of the operator that it had at the creation.
    market.chain.storage_deposit("firm.near", NEAR).expect("storage");
    for node in [REQUESTER, "a.near"] {
        name(&mut market, node, Some("firm.near")).expect("named");
        confirm(&mut market, "firm.near", node, true).expect("confirmed");
    }
    let now = market.chain.now();
    let batch = market.batch(terms(now), 3);
    market.draw("b.near", batch, At::Group(0));
    assert_eq!(market.claim("a.near", batch, 0), Err(Skip::Party));
    assert_eq!(market.claim("b.near", batch, 0), Ok(()));
    assert_eq!(market.chain.call(Call::by("a.near"), |engine| engine.heartbeat()), Ok(()));
    assert_eq!(batch, BatchId(1));
}
