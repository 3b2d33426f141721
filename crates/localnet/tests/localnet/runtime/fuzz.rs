//! Transactions and code made up at random: each can only fail itself, and no NEAR appears or vanishes, which the
//! harness checks at the end of every case.
//!
//! The same cases in every run, unless `PIECEWORK_SOAK` is set; `PROPTEST_CASES` says how many.

use std::cell::Cell;

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::{
    account::{AccessKey, AccessKeyPermission, GasKeyInfo},
    action::{
        Action, AddKeyAction, DeployGlobalContractAction, DeterministicStateInitAction, GlobalContractDeployMode,
        GlobalContractIdentifier, StakeAction, TransferToGasKeyAction, UniversalStateInitAction,
        UseGlobalContractAction, WithdrawFromGasKeyAction,
        delegate::{DelegateAction, SignedDelegateAction},
    },
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    hash::CryptoHash,
    transaction::{ExecutionOutcomeWithId, ExecutionStatus},
    types::{AccountId, Balance, Gas},
    universal_state_init::{UniversalStateInit, UniversalStateInitV1},
    utils::{derive_near_deterministic_account_id, derive_universal_account_id},
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner},
};

use crate::runtime::{
    contracts::{BASIC, CALLEE, CALLER, HEAVY, YIELDER},
    harness::*,
};

fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let config = Cases { cases, failure_persistence: None, max_shrink_iters: 500, ..Cases::default() };
    if std::env::var_os("PIECEWORK_SOAK").is_some() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }
}

fn key(index: u8) -> SecretKey {
    SecretKey::from_seed(KeyType::ED25519, &format!("fuzz {}", index % 3))
}

fn public_key(index: u8) -> PublicKey {
    key(index).public_key()
}

fn deterministic() -> DeterministicAccountStateInit {
    let code = GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&wat::parse_str(CALLEE).unwrap()));
    let data = [(b"k".to_vec(), vec![7; 900])].into();
    DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 { code, data })
}

fn universal() -> UniversalStateInit {
    UniversalStateInit::V1(UniversalStateInitV1 {
        code: None,
        data: Default::default(),
        access_keys: [(&public_key(0)).into()].into(),
    })
}

/// One action in numbers, made from them once the chain is there.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    amount: u8,
    who: Index,
    small: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..19_u8, any::<u8>(), any::<Index>(), any::<u8>()).prop_map(|(kind, amount, who, small)| Step {
        kind,
        amount,
        who,
        small,
    })
}

impl Step {
    /// From nothing over a few NEAR to more than there is.
    fn amount(&self) -> Balance {
        match self.amount {
            0..40 => Balance::ZERO,
            40..80 => Balance::from_yoctonear(1),
            80..120 => Balance::from_millinear(u128::from(self.small)),
            120..250 => Balance::from_near(u128::from(self.small % 8)),
            250..255 => Balance::from_near(2_000_000),
            255 => Balance::from_yoctonear(u128::MAX),
        }
    }

    fn action(&self, people: &[AccountId], sender: &Actor) -> Action {
        let who = self.who.get(people);
        let methods = ["set", "fail", "noop", "relay", "both", "spend", "ask", "give", "weighted", "two_keys", "no"];
        let method = methods[usize::from(self.small) % methods.len()];
        let gas_key = |balance, lanes| {
            let permission = AccessKeyPermission::GasKeyFullAccess(GasKeyInfo { balance, num_nonces: lanes });
            AddKeyAction { public_key: public_key(self.small), access_key: AccessKey { nonce: 7, permission } }
        };
        match self.kind {
            0 => create(),
            1 | 2 => transfer(self.amount()),
            3..6 => call_with(method, &[self.small], Gas::from_teragas(30), self.amount()),
            6 => deploy(wat::parse_str([BASIC, CALLER, YIELDER, HEAVY][usize::from(self.small % 4)]).unwrap()),
            7 => add_full_key(public_key(self.small)),
            8 => add_call_key(public_key(self.small), Some(self.amount()), who, &["set"]),
            9 => Action::AddKey(Box::new(gas_key(Balance::ZERO, u16::from(self.small % 4)))),
            10 => delete_key(public_key(self.small)),
            11 => delete_account(who),
            12 => {
                let stake = StakeAction { stake: self.amount(), public_key: public_key(self.small) };
                Action::Stake(Box::new(stake))
            }
            13 => {
                let deposit = self.amount();
                let fund = TransferToGasKeyAction { public_key: public_key(self.small), deposit };
                Action::TransferToGasKey(Box::new(fund))
            }
            14 => {
                let amount = self.amount();
                let withdraw = WithdrawFromGasKeyAction { public_key: public_key(self.small), amount };
                Action::WithdrawFromGasKey(Box::new(withdraw))
            }
            15 => Action::DeployGlobalContract(DeployGlobalContractAction {
                code: wat::parse_str(CALLEE).unwrap().into(),
                deploy_mode: GlobalContractDeployMode::CodeHash,
            }),
            16 => {
                let contract_identifier = deterministic().code().clone();
                Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
            }
            17 if self.small.is_multiple_of(2) => {
                let init = DeterministicStateInitAction { state_init: deterministic(), deposit: self.amount() };
                Action::DeterministicStateInit(Box::new(init))
            }
            17 => {
                let init = UniversalStateInitAction { state_init: universal().to_raw(), deposit: self.amount() };
                Action::UniversalStateInit(Box::new(init))
            }
            _ => {
                let inner = Self { kind: self.kind % 5, ..self.clone() };
                let delegate_action = DelegateAction {
                    sender_id: sender.id.clone(),
                    receiver_id: who.clone(),
                    actions: vec![inner.action(people, sender).try_into().unwrap()],
                    nonce: 6_000_000 + u64::from(self.small),
                    max_block_height: u64::MAX,
                    public_key: sender.key.public_key(),
                };
                let signature = sender.key.sign(delegate_action.get_nep461_hash().as_bytes());
                Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
            }
        }
    }
}

#[test]
fn transactions__should_only_fail_themselves() {
    let transaction =
        (any::<Index>(), any::<Index>(), any::<u8>(), proptest::collection::vec(step(), 1..4), any::<bool>());
    let transactions = proptest::collection::vec(transaction, 1..24);

    let (sent, accepted, succeeded) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);

    let outcome = runner(48).run(&transactions, |transactions| {
        // Given people, contracts, and ids nobody has created
        let mut chain = Harness::new();
        let actors = vec![
            chain.account("alice", 1_000),
            chain.account("bob", 3),
            chain.contract("a", CALLER),
            chain.contract("b", CALLEE),
            chain.contract("yielder", YIELDER),
            Actor { id: derive_universal_account_id(&universal().to_raw()), key: key(0) },
        ];
        let mut people: Vec<AccountId> = actors.iter().map(|actor| actor.id.clone()).collect();
        people.push("new.alice.test.near".parse().unwrap());
        people.push("ab".repeat(32).parse().unwrap());
        people.push(format!("0x{}", "cd".repeat(20)).parse().unwrap());
        people.push(derive_near_deterministic_account_id(&deterministic()));

        // When they send whatever comes to mind, some of it in one block
        let first = chain.chain.view().history().head().height() + 1;
        for (signer, receiver, other_key, steps, settles) in transactions {
            let mut signer = signer.get(&actors).clone();
            // Most actions are for oneself only.
            let receiver = if other_key.is_multiple_of(2) { signer.id.clone() } else { receiver.get(&people).clone() };
            let actions = steps.iter().map(|step| step.action(&people, &signer)).collect();
            if other_key < 40 {
                signer.key = key(other_key);
            }
            let tx = chain.sign(&signer, &receiver, actions);
            count(&sent);
            if chain.chain.submit(tx).is_ok() {
                count(&accepted);
            }
            if settles {
                chain.settle();
            }
        }
        chain.settle();

        // Then all yields end, and every block's gas is that of its outcomes
        for _ in 0..205 {
            chain.chain.produce_block().unwrap();
        }
        chain.settle();
        let history = chain.chain.view().history();
        for height in first..=history.head().height() {
            let Some(block) = history.block_at_height(height) else { continue };
            let gas: u64 = block.outcomes.iter().map(|outcome| outcome.outcome.gas_burnt.as_gas()).sum();
            prop_assert_eq!(block.gas_used.as_gas(), gas);
            let done = |outcome: &&ExecutionOutcomeWithId| {
                matches!(outcome.outcome.status, ExecutionStatus::SuccessValue(_))
                    && outcome.outcome.tokens_burnt > Balance::ZERO
            };
            block.outcomes.iter().filter(done).for_each(|_| count(&succeeded));
        }
        Ok(())
    });

    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Enough of it must have got somewhere to say something
    let (sent, accepted, succeeded) = (sent.get(), accepted.get(), succeeded.get());
    assert!(accepted * 3 > sent && succeeded * 15 > sent, "{accepted} and {succeeded} of {sent}");
}

#[test]
fn broken_code__should_only_fail_itself() {
    let codes: Vec<Vec<u8>> =
        [BASIC, CALLER, YIELDER, HEAVY].into_iter().map(|text| wat::parse_str(text).unwrap()).collect();
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 1..8);
    let methods = ["set", "seed", "relay", "both", "ask", "two_keys", "reread", "done"];

    let outcome = runner(96).run(&(any::<Index>(), changes), |(code, changes)| {
        // Given a contract with some bytes changed
        let mut code = code.get(&codes).clone();
        for (place, byte) in changes {
            let place = place.index(code.len());
            code[place] ^= byte;
        }
        let mut chain = Harness::new();
        let contract = chain.account("contract", 100);

        // When it is deployed and called
        chain.run(&contract, &contract.id, vec![deploy(code)]).assert_success();
        for method in methods {
            chain.run(&contract, &contract.id, vec![call_with(method, &[1], Gas::from_teragas(20), Balance::ZERO)]);
        }

        // Then the account can still be used
        chain.run(&contract, &contract.id, vec![transfer(Balance::ZERO)]).assert_success();
        Ok(())
    });

    if let Err(error) = outcome {
        panic!("{error}");
    }
}
