//! The planner refuses whatever does not follow, and tells which rows changed.

use super::paper::{BATCH, CHAIN, CONTRACT, NODES, Paper, REQUESTER, batch_created, begin, market, opened};
use piecework_chain::{CryptoHash, FinalBlock};
use piecework_indexer::plan::{PlanError, Planner};
use piecework_interface::{
    amount::Amount,
    event::Entry,
    ids::{AccountNo, LotId},
    view::Root,
};
use piecework_replay::{Mirror, ReplayError, testing::commit};
use piecework_store::{cursor::Cursor, load::Loaded};
use std::collections::BTreeMap;

fn planner() -> Planner {
    let cursor = Cursor {
        stream: CONTRACT.to_owned(),
        chain_id: CHAIN.to_owned(),
        height: 0,
        hash: None,
        timestamp_ns: 0,
        root: Root::default(),
        chain_height: 0,
        fence: 1,
    };
    Planner::new(Loaded { cursor, mirror: Mirror::default(), slots: BTreeMap::new() })
}

fn applied(blocks: &[FinalBlock]) -> Result<Planner, PlanError> {
    let mut planner = planner();
    for block in blocks {
        planner.apply(block)?;
    }
    Ok(planner)
}

#[test]
fn planner__should_reach_the_contracts_state() {
    let paper = market();
    let planner = applied(&paper.blocks).unwrap();
    assert_eq!(planner.mirror(), paper.mirror());
    assert_eq!(planner.planned().root, paper.mirror().root);
}

#[test]
fn planner__should_tell_how_every_slot_ended() {
    let planner = applied(&market().blocks).unwrap();
    let ends: Vec<_> = planner.change().slots.values().map(|slot| slot.end.as_ref().unwrap()).collect();
    let pays: u128 = ends.iter().map(|end| end.pay).sum();
    let slashes: u128 = ends.iter().map(|end| end.slash).sum();
    assert_eq!((ends.len(), pays, slashes), (9, 1_800, 60));
    // Claim and commit came in one line: the reservation and the commitment are known all the same.
    let late = planner.change().slots.values().find(|slot| slot.node == NODES[3] && slot.round == 1).unwrap();
    let Entry::Committed { commitment, .. } = commit(NODES[3], (LotId(0), 1), b"x") else { panic!("a commit") };
    assert_eq!(late.committed, Some((commitment, late.claimed_at)));
    assert_eq!(late.reserved_until, late.claimed_at + 600);
    // And it refers to the reveal that has its answers.
    let (reveal, _) = late.revealed.unwrap();
    assert_eq!(planner.change().reveals[&reveal].answers, b"x");
}

#[test]
fn planner__should_keep_what_the_contract_forgets() {
    let planner = applied(&market().blocks).unwrap();
    let batch = &planner.change().batches[&BATCH];
    assert_eq!(batch.status, None);
    assert!(batch.progress.is_some() && batch.ended_at.is_some() && batch.settled == 2);
    let guest = &planner.change().accounts[&AccountNo(6)];
    assert!(guest.closed_seq.is_some() && guest.account_id == "account-6.near");
}

#[test]
fn planner__should_refuse_a_block_that_does_not_link() {
    let paper = market();
    let mut blocks = paper.blocks;
    blocks[3].prev_hash = CryptoHash([9; 32]);
    assert!(matches!(applied(&blocks), Err(PlanError::BrokenLink { height, .. }) if height == blocks[3].height));
}

#[test]
fn planner__should_refuse_a_block_twice() {
    let paper = market();
    let mut planner = applied(&paper.blocks[..4]).unwrap();
    assert!(matches!(planner.apply(&paper.blocks[3]), Err(PlanError::BrokenLink { .. })));
}

#[test]
fn planner__should_refuse_a_gap_in_the_journal() {
    let mut blocks = market().blocks;
    blocks[1].receipts.clear();
    blocks[1].root = None;
    let error = applied(&blocks).unwrap_err();
    assert!(matches!(error, PlanError::Replay { source: ReplayError::Gap { seq: 2, expected: 1 }, .. }), "{error}");
}

#[test]
fn planner__should_refuse_a_head_that_is_not_the_contracts() {
    // Given a line whose text was changed on the way, in a way that replays.
    let mut blocks = market().blocks;
    let line = &mut blocks[1].receipts[0].logs[0];
    *line = line.replace("reward.near", "reword.near");
    assert!(matches!(applied(&blocks), Err(PlanError::Head { contract_seq: 2, mirror_seq: 2, .. })));
}

#[test]
fn planner__should_refuse_lines_without_a_root_change() {
    let mut blocks = market().blocks;
    blocks[1].root = None;
    assert!(matches!(applied(&blocks), Err(PlanError::NoRoot { .. })));
}

#[test]
fn planner__should_refuse_a_root_record_of_a_later_version() {
    let mut blocks = market().blocks;
    blocks[1].root.as_mut().unwrap()[0] = 1;
    assert!(matches!(applied(&blocks), Err(PlanError::RootVersion { .. })));
}

#[test]
fn planner__should_refuse_an_entry_it_does_not_know() {
    let mut blocks = market().blocks;
    let line = &mut blocks[1].receipts[0].logs[0];
    *line = line.replace("[\"token\"", "[\"surprise\"");
    let error = applied(&blocks).unwrap_err();
    assert!(matches!(&error, PlanError::Replay { source: ReplayError::Line(_), .. }), "{error}");
}

#[test]
fn planner__should_refuse_an_amount_that_nobody_can_hold() {
    // Given a token whose bond rate exceeds 128 bits
    let mut blocks = market().blocks;
    let lines = blocks.iter_mut().flat_map(|block| &mut block.receipts).map(|receipt| &mut receipt.logs[0]);
    let line = lines.into_iter().find(|line| line.contains("\"event\":\"token_list\"")).unwrap();
    let end = line.rfind("\"]").unwrap();
    line.insert_str(end, &"0".repeat(39));

    // When it is planned, then it is refused as a line that cannot be read
    let error = applied(&blocks).unwrap_err();
    assert!(matches!(&error, PlanError::Replay { source: ReplayError::Line(_), .. }), "{error}");
}

#[test]
fn planner__should_refuse_a_reveal_without_its_answers() {
    let mut blocks = market().blocks;
    let call = blocks
        .iter_mut()
        .flat_map(|block| &mut block.receipts)
        .find(|receipt| receipt.logs[0].contains("[\"reveal\""))
        .map(|receipt| &mut receipt.calls[0])
        .unwrap();
    call.args = borsh::to_vec::<Vec<u8>>(&vec![]).unwrap();
    assert!(matches!(applied(&blocks), Err(PlanError::Replay { source: ReplayError::Entry { .. }, .. })));
}

#[test]
fn planner__should_refuse_ops_it_cannot_read() {
    let mut blocks = market().blocks;
    let calls = blocks.iter_mut().flat_map(|block| &mut block.receipts).flat_map(|receipt| &mut receipt.calls);
    calls.filter(|call| call.method_name == "work").for_each(|call| call.args = vec![1, 0, 0, 0, 99]);
    assert!(matches!(applied(&blocks), Err(PlanError::Replay { source: ReplayError::Ops(_), .. })));
}

#[test]
fn planner__should_pass_over_lines_of_other_standards() {
    let mut paper = market();
    let foreign = [
        "plain text",
        "EVENT_JSON:{not json",
        r#"EVENT_JSON:{"standard":"nep141","version":"1.0.0","event":"ft_mint","data":[]}"#,
    ];
    paper.blocks[1].receipts[0].logs.extend(foreign.map(str::to_owned));
    assert_eq!(applied(&paper.blocks).unwrap().mirror().root, paper.mirror().root);
}

#[test]
fn planner__should_survive_a_nul_in_a_uri() {
    let mut paper = Paper::new();
    begin(&mut paper);
    let mut blocks = paper.blocks;
    // The batch's block is the last but one with a line; take the prefix up to it and write the batch anew.
    let at = blocks.iter().position(|block| block.receipts.iter().any(|r| r.logs[0].contains("[\"batch\""))).unwrap();
    blocks.truncate(at);
    let mut planner = applied(&blocks).unwrap();
    let mut again = Paper::after(&planner, blocks);
    let deposit =
        Entry::Deposited { account: REQUESTER, token: super::paper::TOKEN, amount: Amount(3_780), sender: None };
    let batch = batch_created(&again, "blob:\0");
    again.call("ft_on_transfer", None, vec![deposit, batch]);
    planner.apply(again.blocks.last().unwrap()).unwrap();
    assert_eq!(planner.change().new_batches[0].uri, "blob:\u{fffd}");
    assert!(!planner.change().events.last().unwrap().entries.contains('\0'));
}

#[test]
fn planner__should_keep_an_account_that_came_and_left_in_one_change() {
    let mut paper = Paper::new();
    begin(&mut paper);
    paper.call("storage_deposit", None, vec![opened(AccountNo(6))]);
    paper.call("storage_unregister", None, vec![Entry::AccountClosed { account: AccountNo(6) }]);
    let planner = applied(&paper.blocks).unwrap();
    let row = &planner.change().accounts[&AccountNo(6)];
    assert_eq!((Some(row.updated_seq), row.created_seq + 1), (row.closed_seq, row.updated_seq));
}
