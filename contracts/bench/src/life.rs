//! Lives of batches, call by call.

use std::path::Path;

use borsh::BorshSerialize;
use near_primitives::types::AccountId;
use piecework_interface::{
    amount::Amount,
    call::{
        BatchCreateArgs, BatchSpec, CALL_GAS, DepositMessage, NodeRegisterArgs, POKE, TRANSFER_CALL_GAS, TokenListArgs,
        WITHDRAW_GAS, WORK, WithdrawArgs, poke_gas, work_gas,
    },
    commitment::{Place, commitment},
    config::{Bounds, Config},
    host::sha256,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    op::{At, Op, Target},
    terms::{Terms, Verification},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    chain::{Actor, Burnt, Call, Chain},
    report::Figure,
};

const NEAR: u128 = 10_u128.pow(24);
const TERA: u64 = 1_000_000_000_000;
const GIGA: u64 = 1_000_000_000;
const TOKEN: TokenId = TokenId(1);
/// Nodes: three for the first copies, three that meet no lot before.
const NODES: usize = 6;
/// Lots in one call of the agent's normal mode.
const LOTS: u32 = 8;
const ITEMS: u8 = 64;

/// Runs everything and returns the figures.
///
/// # Errors
/// A contract is missing or a call fails.
pub fn measure(contracts: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut market = Market::new(contracts)?;
    market.presence()?;
    market.creation()?;
    market.veterans()?;
    market.single_lot()?;
    market.eight_lots()?;
    market.lone_job()?;
    market.payout()?;
    Ok(market.figures)
}

struct Market {
    chain: Chain,
    coordinator: AccountId,
    token: AccountId,
    requester: Actor,
    nodes: Vec<Actor>,
    batches: u32,
    figures: Vec<Figure>,
}

impl Market {
    fn new(contracts: &Path) -> anyhow::Result<Self> {
        let mut chain = Chain::new()?;
        let coordinator = chain.account("market", 1_000, Some(&contracts.join("piecework_coordinator.wasm")))?;
        let token = chain.account("token", 100, Some(&contracts.join("piecework_reward_token.wasm")))?;
        // 27 characters each, as in the targets.
        let requester = chain.account("requester-0123456", 10_000, None)?;
        let nodes = (0..=NODES)
            .map(|index| chain.account(&format!("node-{index}-0123456789"), 1_000, None))
            .collect::<anyhow::Result<_>>()?;
        let (coordinator_id, token_id) = (coordinator.id.clone(), token.id.clone());
        let mut market = Self {
            chain,
            coordinator: coordinator_id,
            token: token_id,
            requester,
            nodes,
            batches: 0,
            figures: Vec::new(),
        };
        let bounds = Bounds { claim_ttl_s: (10, 604_800), reveal_window_s: (10, 86_400), ..Bounds::default() };
        let config = Config { bounds, ..Config::default() };
        market.json(&coordinator, "new", &json!({"owner_id": coordinator.id, "config": config}), 0)?;
        let metadata = json!({"spec": "ft-1.0.0", "name": "Reward", "symbol": "RWD", "decimals": 6});
        let args = json!({"owner_id": token.id, "total_supply_cap": u128::MAX.to_string(), "metadata": metadata});
        market.token_json(&token, "new", &args, 0)?;
        let listed = TokenListArgs {
            account_id: market.token.to_string(),
            min_reward: Amount(1),
            rep_unit: Amount(1_000),
            bond_rate: Amount(1 << 70),
        };
        market.json(&coordinator, "token_list", &listed, 1)?;
        for account in [vec![coordinator.clone(), market.requester.clone()], market.nodes.clone()].concat() {
            market.token_json(&account, "storage_deposit", &json!({}), NEAR / 100)?;
        }
        let supply = json!({"account_id": market.requester.id, "amount": (10_u128.pow(30)).to_string()});
        market.token_json(&token, "mint", &supply, 1)?;
        let requester = market.requester.clone();
        market.json(&requester, "storage_deposit", &json!({}), 100 * NEAR)?;
        Ok(market)
    }

    /// Registration and heartbeat.
    fn presence(&mut self) -> anyhow::Result<()> {
        let args = NodeRegisterArgs { classes: vec![ClassId(7)] };
        for index in 0..=NODES {
            let node = self.nodes[index].clone();
            let storage = self.json(&node, "storage_deposit", &json!({}), NEAR / 10)?;
            let register = self.json(&node, "node_register", &args, 100 * NEAR)?;
            if index == NODES {
                self.figure("storage_deposit, new account", storage, 0);
                self.figure("node_register", register, 2_300);
            }
        }
        self.chain.pass(10)?;
        let node = self.nodes[0].clone();
        let heartbeat = self.json(&node, "heartbeat", &json!({}), 0)?;
        self.figure("heartbeat", heartbeat, 2_000);
        Ok(())
    }

    /// Both ways to create a batch.
    fn creation(&mut self) -> anyhow::Result<()> {
        let create = self.create_by_transfer(1, 1, 1)?;
        self.figure("batch_create by ft_transfer_call", create, 6_000);
        let create = self.create(1, 1, 1)?;
        self.figure("batch_create from the balance", create, 2_500);
        Ok(())
    }

    /// Ten settled lots each, so that the nodes may hold eight slots.
    fn veterans(&mut self) -> anyhow::Result<()> {
        self.create(60, 1, 1)?;
        self.draw(0)?;
        for node in 0..6 {
            for pair in 0..5 {
                let first = u32::try_from(node)? * 10 + pair * 2;
                self.round_of(node, &[first, first + 1], 1)?;
            }
        }
        Ok(())
    }

    /// One lot of 64 items, one op a call.
    fn single_lot(&mut self) -> anyhow::Result<()> {
        self.create(64, ITEMS, 3)?;
        self.chain.pass(5)?;
        let draw = self.draw(0)?;
        self.figure("draw, captures a seed", draw, 0);
        let names = ["claim, first of a lot", "claim, later", ""];
        for (node, (name, target)) in names.into_iter().zip([2_450, 2_350, 0]).enumerate() {
            let claim = self.claim(node, &[0])?;
            self.figure(name, claim, target);
        }
        for (node, name) in ["commit", "", "commit, last: opens the reveals"].into_iter().enumerate() {
            let commit = self.commit(node, &[0], ITEMS)?;
            self.figure(name, commit, 2_350);
        }
        for (node, (name, target)) in
            [("reveal", 2_400), ("", 0), ("reveal, last: tallies, settles, closes the batch", 0)]
                .into_iter()
                .enumerate()
        {
            let reveal = self.reveal(node, &[0], ITEMS)?;
            self.figure(name, reveal, target);
        }
        Ok(())
    }

    /// Eight lots of 64 items, eight ops a call: the life of an item.
    fn eight_lots(&mut self) -> anyhow::Result<()> {
        // Two lots first, so that the batch lives on and the figures are those of its middle.
        self.create(64 * (LOTS + 2), ITEMS, 3)?;
        self.chain.pass(5)?;
        let mut life = self.draw(0)?;
        let ones = self.three_copies(&[LOTS], &mut Burnt::default())?;
        self.figure("reveal, last: tallies and settles", ones[2], 2_900);
        let lots: Vec<_> = (0..LOTS).collect();
        let eight = self.three_copies(&lots, &mut life)?;
        let names = [
            ("8 commits in one call, each more", 220),
            ("8 reveals in one call, each more", 280),
            ("8 last reveals in one call, each more", 650),
        ];
        for ((name, target), (one, eight)) in names.into_iter().zip(ones.into_iter().zip(eight)) {
            let more = Burnt {
                gas: (eight.gas - one.gas) / u64::from(LOTS - 1),
                compute: (eight.compute - one.compute) / u64::from(LOTS - 1),
            };
            self.figure(name, more, target);
        }
        let items = u64::from(LOTS) * u64::from(ITEMS);
        let burnt = Burnt { gas: life.gas / items, compute: life.compute / items };
        self.figures.push(Figure {
            name: "life of an item: 64 a lot, 3 copies, 8 lots a call",
            burnt,
            gas_target: 75 * GIGA,
            compute_target: 120 * GIGA,
        });
        Ok(())
    }

    /// A job of one item, alone, and eight of them together.
    fn lone_job(&mut self) -> anyhow::Result<()> {
        self.create(1, 1, 3)?;
        self.chain.pass(5)?;
        let mut life = self.draw(0)?;
        self.lives(&[0], 1, &mut life)?;
        self.figure("a single-item job alone, creation not counted", life, 24_000);

        let first = self.batches;
        for _ in 0..LOTS {
            self.create(1, 1, 3)?;
        }
        self.chain.pass(5)?;
        let batches: Vec<_> = (first..self.batches).map(BatchId).collect();
        let draws = batches.iter().map(|batch| Op::Draw { batch: *batch, at: At::Group(0) }).collect();
        let mut life = self.work(0, draws)?;
        self.chain.pass(60)?;
        for step in 0..3 {
            for node in 0..3 {
                let ops = batches.iter().map(|batch| self.op(step, node, *batch, 0, 1)).collect();
                life += self.work(node, ops)?;
            }
        }
        let each = Burnt { gas: life.gas / u64::from(LOTS), compute: life.compute / u64::from(LOTS) };
        self.figure("a single-item job, eight a call", each, 5_500);
        Ok(())
    }

    /// Tally by poke, and the way out.
    fn payout(&mut self) -> anyhow::Result<()> {
        self.create(64, ITEMS, 3)?;
        self.chain.pass(5)?;
        self.draw(0)?;
        for node in 0..3 {
            self.claim(node, &[0])?;
        }
        self.commit(0, &[0], ITEMS)?;
        self.commit(1, &[0], ITEMS)?;
        self.chain.pass(5_000)?;
        let targets = [Target::Lot(self.batch(), LotId(0))];
        let requester = self.requester.clone();
        let poke = self.borsh(&requester, POKE, &targets.to_vec(), poke_gas(1))?;
        self.figure("poke, ends a round with one abandoned slot", poke, 0);
        let node = self.nodes[0].clone();
        let args = WithdrawArgs { token: TOKEN, amount: None };
        let contract = self.coordinator.clone();
        let call = Call {
            contract: &contract,
            method: "withdraw",
            args: serde_json::to_vec(&args)?,
            gas: WITHDRAW_GAS,
            deposit: 1,
        };
        let withdraw = self.chain.call(&node, call)?;
        self.figure("withdraw with ft_transfer and callback", withdraw, 5_800);
        Ok(())
    }

    /// Claims, commits and reveals of three nodes on these lots; returns what the second commit, the second reveal and
    /// the last reveal burnt.
    fn three_copies(&mut self, lots: &[u32], life: &mut Burnt) -> anyhow::Result<[Burnt; 3]> {
        self.lives(lots, ITEMS, life)
    }

    fn lives(&mut self, lots: &[u32], items: u8, life: &mut Burnt) -> anyhow::Result<[Burnt; 3]> {
        let mut seen = [Burnt::default(); 3];
        for node in 0..3 {
            *life += self.claim(node, lots)?;
        }
        for node in 0..3 {
            let commit = self.commit(node, lots, items)?;
            *life += commit;
            if node == 1 {
                seen[0] = commit;
            }
        }
        for node in 0..3 {
            let reveal = self.reveal(node, lots, items)?;
            *life += reveal;
            if node > 0 {
                seen[node] = reveal;
            }
        }
        Ok(seen)
    }

    fn round_of(&mut self, node: usize, lots: &[u32], items: u8) -> anyhow::Result<()> {
        self.claim(node, lots)?;
        self.commit(node, lots, items)?;
        self.reveal(node, lots, items)?;
        Ok(())
    }

    fn draw(&mut self, group: u32) -> anyhow::Result<Burnt> {
        self.chain.pass(5)?;
        let draw = self.work(0, vec![Op::Draw { batch: self.batch(), at: At::Group(group) }])?;
        // Long enough for the bar to reach one.
        self.chain.pass(60)?;
        Ok(draw)
    }

    fn claim(&mut self, node: usize, lots: &[u32]) -> anyhow::Result<Burnt> {
        self.step(0, node, lots, 0)
    }

    fn commit(&mut self, node: usize, lots: &[u32], items: u8) -> anyhow::Result<Burnt> {
        self.step(1, node, lots, items)
    }

    fn reveal(&mut self, node: usize, lots: &[u32], items: u8) -> anyhow::Result<Burnt> {
        self.step(2, node, lots, items)
    }

    fn step(&mut self, step: u8, node: usize, lots: &[u32], items: u8) -> anyhow::Result<Burnt> {
        let batch = self.batch();
        let ops = lots.iter().map(|lot| self.op(step, node, batch, *lot, items)).collect();
        self.work(node, ops)
    }

    /// Claim, commit or reveal.
    fn op(&self, step: u8, node: usize, batch: BatchId, lot: u32, items: u8) -> Op {
        let lot = LotId(lot);
        let salt = [u8::try_from(node).unwrap_or_default(); 32];
        // The third copy differs in one of twenty items.
        let answers: Vec<u8> = (0..items).map(|item| item % 10 + u8::from(node == 2 && item % 20 == 7)).collect();
        match step {
            0 => Op::Claim { batch, lot },
            1 => {
                // The requester is account 0.
                let account = AccountNo(u32::try_from(node).unwrap_or_default() + 1);
                let place = Place { contract: self.coordinator.as_str(), batch, lot, round: 0, node: account };
                Op::Commit { batch, lot, commitment: commitment(sha256, place, &answers, &salt) }
            }
            _ => Op::Reveal { batch, lot, answers, salt },
        }
    }

    fn spec(items: u32, lot_size: u8, start: u8) -> BatchSpec {
        let terms = Terms {
            class: ClassId(7),
            reward: Amount(50_000),
            lot_size,
            answer_width: 1,
            start,
            max: if start == 1 { 1 } else { start + 3 },
            quorum_pct: 60,
            claim_ttl_s: 600,
            reveal_window_s: 300,
            challenge_window_s: 0,
            slice_s: 3,
            bond_pct: 100,
            dissent_slash_pct: 20,
            abandon_slash_pct: 20,
            min_reputation: 0,
            expires_at: 1_800_000_000 + 10_000_000,
            verification: Verification::Consensus,
        };
        let uri = format!("blob:{}", "0".repeat(64));
        BatchSpec { terms, items, manifest: [7; 32], uri }
    }

    fn batch(&self) -> BatchId {
        BatchId(self.batches - 1)
    }

    fn create(&mut self, items: u32, lot_size: u8, start: u8) -> anyhow::Result<Burnt> {
        let requester = self.requester.clone();
        let args = BatchCreateArgs { token: TOKEN, batch: Self::spec(items, lot_size, start) };
        let burnt = self.json(&requester, "batch_create", &args, 1)?;
        self.batches += 1;
        Ok(burnt)
    }

    fn create_by_transfer(&mut self, items: u32, lot_size: u8, start: u8) -> anyhow::Result<Burnt> {
        let message = DepositMessage::CreateBatch(Self::spec(items, lot_size, start));
        let args = json!({
            "receiver_id": self.coordinator,
            "amount": (10_u128.pow(20)).to_string(),
            "msg": serde_json::to_string(&message)?,
        });
        let (requester, token) = (self.requester.clone(), self.token.clone());
        let call = Call {
            contract: &token,
            method: "ft_transfer_call",
            args: serde_json::to_vec(&args)?,
            gas: TRANSFER_CALL_GAS,
            deposit: 1,
        };
        self.batches += 1;
        self.chain.call(&requester, call)
    }

    fn work(&mut self, node: usize, ops: Vec<Op>) -> anyhow::Result<Burnt> {
        let node = self.nodes[node].clone();
        self.borsh(&node, WORK, &ops, work_gas(ops.len()))
    }

    fn borsh(&mut self, who: &Actor, method: &str, args: &impl BorshSerialize, gas: u64) -> anyhow::Result<Burnt> {
        let contract = self.coordinator.clone();
        self.chain.call(who, Call { contract: &contract, method, args: borsh::to_vec(args)?, gas, deposit: 0 })
    }

    fn json(&mut self, who: &Actor, method: &str, args: &impl Serialize, deposit: u128) -> anyhow::Result<Burnt> {
        let contract = self.coordinator.clone();
        let args = serde_json::to_vec(args)?;
        self.chain.call(who, Call { contract: &contract, method, args, gas: CALL_GAS, deposit })
    }

    fn token_json(&mut self, who: &Actor, method: &str, args: &impl Serialize, deposit: u128) -> anyhow::Result<Burnt> {
        let contract = self.token.clone();
        let args = serde_json::to_vec(args)?;
        self.chain.call(who, Call { contract: &contract, method, args, gas: 30 * TERA, deposit })
    }

    /// Notes a figure with its target in GGas; a figure without a name is only a step on the way.
    fn figure(&mut self, name: &'static str, burnt: Burnt, target_giga: u64) {
        if !name.is_empty() {
            self.figures.push(Figure { name, burnt, gas_target: target_giga * GIGA, compute_target: 0 });
        }
    }
}
