//! A chain that makes blocks when told to, and what its transactions burn.

use std::{ops::AddAssign, path::Path, time::Duration};

use anyhow::{Context, bail};
use near_crypto::{KeyType, SecretKey};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, CreateAccountAction, DeployContractAction, FunctionCallAction, TransferAction},
    transaction::{SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, BlockId, BlockReference, Gas},
    views::FinalExecutionStatus,
};
use piecework_localnet::{Config, chain};
use serde::Serialize;

/// What a transaction burns over all its receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Burnt {
    /// Gas.
    pub gas: u64,
    /// Compute.
    pub compute: u64,
}

impl AddAssign for Burnt {
    fn add_assign(&mut self, other: Self) {
        self.gas += other.gas;
        self.compute += other.compute;
    }
}

/// The chain with its root account's key.
pub struct Chain {
    chain: chain::Chain,
    root: AccountId,
    root_key: SecretKey,
    nonce: u64,
}

/// An account with its key.
#[derive(Clone)]
pub struct Actor {
    /// Account.
    pub id: AccountId,
    key: SecretKey,
}

/// A call to make.
pub struct Call<'a> {
    /// Receiver.
    pub contract: &'a AccountId,
    /// Method.
    pub method: &'a str,
    /// Arguments.
    pub args: Vec<u8>,
    /// Attached gas.
    pub gas: u64,
    /// Attached yoctoNEAR.
    pub deposit: u128,
}

impl Chain {
    /// A chain at a fixed time with a fixed seed.
    pub fn new() -> anyhow::Result<Self> {
        let mut config = Config::ephemeral();
        config.seed = Some("piecework gas".to_owned());
        config.manual_time = Some(Duration::from_secs(1_800_000_000));
        let (root, root_key) = (config.validator.account_id.clone(), config.validator.secret_key.clone());
        let mut chain = config.chain()?;
        chain.produce_block()?;
        Ok(Self { chain, root, root_key, nonce: 0 })
    }

    /// Creates `<name>.<root>` with some NEAR, and code if there is any.
    pub fn account(&mut self, name: &str, near: u128, wasm: Option<&Path>) -> anyhow::Result<Actor> {
        let id: AccountId = format!("{name}.{}", self.root).parse()?;
        let key = SecretKey::from_seed(KeyType::ED25519, name);
        let mut actions = vec![
            Action::CreateAccount(CreateAccountAction {}),
            Action::Transfer(TransferAction { deposit: Balance::from_near(near) }),
            Action::AddKey(Box::new(AddKeyAction {
                public_key: key.public_key(),
                access_key: AccessKey::full_access(),
            })),
        ];
        if let Some(path) = wasm {
            let code = std::fs::read(path)
                .with_context(|| format!("cannot read {}: run scripts/build-contracts", path.display()))?;
            actions.push(Action::DeployContract(DeployContractAction { code }));
        }
        let root = Actor { id: self.root.clone(), key: self.root_key.clone() };
        self.send(&root, &id, actions)?;
        Ok(Actor { id, key })
    }

    /// Makes a call and blocks until all its receipts have run.
    pub fn call(&mut self, signer: &Actor, call: Call<'_>) -> anyhow::Result<Burnt> {
        let Call { contract, method, args, gas, deposit } = call;
        let action = FunctionCallAction {
            method_name: method.to_owned(),
            args,
            gas: Gas::from_gas(gas),
            deposit: Balance::from_yoctonear(deposit),
        };
        self.send(signer, contract, vec![Action::FunctionCall(Box::new(action))])
            .with_context(|| format!("{method} by {}", signer.id))
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.chain.advance_time(Duration::from_secs(seconds));
        self.chain.produce_block()?;
        Ok(())
    }

    fn send(&mut self, signer: &Actor, receiver: &AccountId, actions: Vec<Action>) -> anyhow::Result<Burnt> {
        self.nonce += 1;
        let (block_hash, height) = {
            let history = self.chain.view().history();
            (history.head().hash, history.head().height())
        };
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer.id.clone(),
            public_key: signer.key.public_key(),
            nonce: height * AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER + self.nonce,
            receiver_id: receiver.clone(),
            block_hash,
            actions,
        });
        let (hash, _) = transaction.get_hash_and_size();
        let hash = self
            .chain
            .submit(SignedTransaction::new(signer.key.sign(hash.as_ref()), transaction))
            .map_err(|error| anyhow::anyhow!("refused: {error}"))?;
        while self.chain.has_work() {
            self.chain.produce_block()?;
        }
        let history = self.chain.view().history();
        let status = history.transaction_status(&hash).context("the transaction is in no block")?.outcome;
        if !matches!(status.status, FinalExecutionStatus::SuccessValue(_)) {
            bail!("failed: {:?}", status.status);
        }
        let mut burnt = Burnt::default();
        let outcomes = std::iter::once(&status.transaction_outcome).chain(&status.receipts_outcome);
        for outcome in outcomes {
            let place = history.outcome(&outcome.id).context("an outcome is missing")?;
            let block =
                history.block(&BlockReference::BlockId(BlockId::Height(place.height))).context("a block is missing")?;
            let outcome = &block.outcomes[place.index].outcome;
            burnt += Burnt { gas: outcome.gas_burnt.as_gas(), compute: outcome.compute_usage.unwrap_or_default() };
        }
        Ok(burnt)
    }
}
