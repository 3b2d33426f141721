//! A chain that makes blocks when told to, and what its transactions burn.

use std::{ops::AddAssign, path::Path, time::Duration};

use anyhow::{Context, bail};
use near_crypto::{KeyType, SecretKey, Signature};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, CreateAccountAction, DeployContractAction, FunctionCallAction, TransferAction},
    transaction::{ExecutionMetadata, SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, BlockId, BlockReference, Gas},
    views::{ExecutionOutcomeWithIdView, ExecutionStatusView, FinalExecutionStatus},
};
use piecework_client::Call;
use piecework_interface::event::{Entry, Line};
use piecework_localnet::{Config, chain};

/// What a transaction burns over all its receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burnt {
    /// Gas that somebody pays for. Refunds of unspent gas burn 0.22 TGas each for free: they count as compute only.
    pub gas: u64,
    /// Part of the gas that the contract's instructions burnt.
    pub wasm_gas: u64,
    /// Compute.
    pub compute: u64,
    /// Receipts.
    pub receipts: u64,
    /// Bytes by which the state of the coordinator grew.
    pub storage_bytes: i64,
}

impl Burnt {
    /// The mean of so many.
    #[must_use]
    pub fn each(self, count: u64) -> Self {
        let Self { gas, wasm_gas, compute, receipts, storage_bytes } = self;
        Self {
            gas: gas / count,
            wasm_gas: wasm_gas / count,
            compute: compute / count,
            receipts: receipts / count,
            storage_bytes: storage_bytes / i64::try_from(count).unwrap_or(i64::MAX),
        }
    }

    /// What this burnt more than `base`.
    #[must_use]
    pub const fn beyond(self, base: Self) -> Self {
        Self {
            gas: self.gas.saturating_sub(base.gas),
            wasm_gas: self.wasm_gas.saturating_sub(base.wasm_gas),
            compute: self.compute.saturating_sub(base.compute),
            receipts: self.receipts.saturating_sub(base.receipts),
            storage_bytes: self.storage_bytes - base.storage_bytes,
        }
    }
}

impl AddAssign for Burnt {
    fn add_assign(&mut self, other: Self) {
        self.gas += other.gas;
        self.wasm_gas += other.wasm_gas;
        self.compute += other.compute;
        self.receipts += other.receipts;
        self.storage_bytes += other.storage_bytes;
    }
}

/// Name of the coordinator below the root account.
pub const COORDINATOR: &str = "market";

/// The chain with its root account's key.
pub struct Chain {
    chain: chain::Chain,
    root: AccountId,
    root_key: SecretKey,
    nonce: u64,
    /// The contract whose state is measured.
    coordinator: AccountId,
    /// The receipts of the last transaction in the order in which they ran.
    ran: Vec<Ran>,
}

/// What one receipt did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Where it ran.
    pub executor: AccountId,
    /// Gas that it burnt.
    pub gas: u64,
    /// What it burnt that gas for: actions, host functions, instructions.
    pub costs: Vec<(String, u64)>,
    /// What it logged.
    pub logs: Vec<String>,
    /// Whether it succeeded.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests of the worst calls read it"))]
    pub ok: bool,
}

impl Ran {
    fn of(outcome: &ExecutionOutcomeWithIdView) -> Self {
        let outcome = &outcome.outcome;
        let costs = outcome.metadata.gas_profile.iter().flatten();
        Self {
            executor: outcome.executor_id.clone(),
            gas: outcome.gas_burnt.as_gas(),
            costs: costs.map(|cost| (cost.cost.to_lowercase(), cost.gas_used.as_gas())).collect(),
            logs: outcome.logs.clone(),
            ok: !matches!(outcome.status, ExecutionStatusView::Failure(_) | ExecutionStatusView::Unknown),
        }
    }

    /// Bytes that it logged.
    pub fn log_bytes(&self) -> usize {
        self.logs.iter().map(String::len).sum()
    }
}

/// An account with its key.
#[derive(Clone)]
pub struct Actor {
    /// Account.
    pub id: AccountId,
    key: SecretKey,
}

impl Actor {
    /// The ed25519 public key.
    ///
    /// # Errors
    /// The key is of another kind.
    pub fn public_key(&self) -> anyhow::Result<[u8; 32]> {
        Ok(self.key.public_key().key_data().try_into()?)
    }

    /// Signs a digest.
    ///
    /// # Errors
    /// The key is of another kind.
    pub fn sign(&self, digest: &[u8]) -> anyhow::Result<[u8; 64]> {
        match self.key.sign(digest) {
            Signature::ED25519(signature) => Ok(signature.to_bytes()),
            _ => bail!("not an ed25519 key"),
        }
    }
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
        let coordinator = format!("{COORDINATOR}.{root}").parse()?;
        Ok(Self { chain, root, root_key, nonce: 0, coordinator, ran: Vec::new() })
    }

    /// The protocol that prices everything.
    pub fn protocol_version(&self) -> u32 {
        self.chain.view().genesis.config.protocol_version
    }

    /// Unix time of the newest block, seconds.
    pub fn now_s(&self) -> u64 {
        self.chain.view().history().head().lite.timestamp / 1_000_000_000
    }

    /// Bytes of the coordinator's state, its code left out; 0 before it exists.
    pub fn storage_bytes(&self) -> anyhow::Result<i64> {
        let height = self.chain.view().history().head().height();
        let account = self.chain.view().snapshot(height).account(&self.coordinator)?;
        Ok(i64::try_from(account.map_or(0, |account| account.storage_usage()))?)
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
    pub fn call(&mut self, signer: &Actor, contract: &AccountId, call: Call) -> anyhow::Result<Burnt> {
        let Call { method, args, gas, deposit } = call;
        let action = FunctionCallAction {
            method_name: method.to_owned(),
            args,
            gas: Gas::from_gas(gas),
            deposit: Balance::from_yoctonear(deposit),
        };
        self.send(signer, contract, vec![Action::FunctionCall(Box::new(action))])
            .with_context(|| format!("{method} by {}", signer.id))
    }

    /// Calls a method without changing anything.
    pub fn view(&self, contract: &AccountId, method: &str, args: &[u8]) -> anyhow::Result<Vec<u8>> {
        let view = self.chain.view();
        let context = view.history().head().context();
        let result = view.runtime.view_call(&view.snapshot(context.height), &context, contract, method, args)?;
        Ok(result.result)
    }

    /// An account's yoctoNEAR.
    #[cfg(test)]
    pub fn near(&self, account_id: &AccountId) -> u128 {
        let height = self.chain.view().history().head().height();
        let account = self.chain.view().snapshot(height).account(account_id).expect("state").expect("an account");
        account.amount().as_yoctonear()
    }

    /// The receipts of the last transaction.
    pub fn ran(&self) -> &[Ran] {
        &self.ran
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.chain.advance_time(Duration::from_secs(seconds));
        self.chain.produce_block()?;
        Ok(())
    }

    fn send(&mut self, signer: &Actor, receiver: &AccountId, actions: Vec<Action>) -> anyhow::Result<Burnt> {
        self.nonce += 1;
        let storage_before = self.storage_bytes()?;
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
        self.ran = status.receipts_outcome.iter().map(Ran::of).collect();
        if !matches!(status.status, FinalExecutionStatus::SuccessValue(_)) {
            bail!("failed: {:?}", status.status);
        }
        let receipts = u64::try_from(status.receipts_outcome.len())?;
        let mut burnt = Burnt { receipts, ..Burnt::default() };
        let outcomes = std::iter::once(&status.transaction_outcome).chain(&status.receipts_outcome);
        for outcome in outcomes {
            if let Some(line) = outcome.outcome.logs.iter().find(|line| says_no(line)) {
                bail!("an op was skipped or an intent failed: {line}");
            }
            let place = history.outcome(&outcome.id).context("an outcome is missing")?;
            let block =
                history.block(&BlockReference::BlockId(BlockId::Height(place.height))).context("a block is missing")?;
            let outcome = &block.outcomes[place.index].outcome;
            let wasm = match &outcome.metadata {
                ExecutionMetadata::V4(metadata) => metadata.profile.get_wasm_cost().as_gas(),
                _ => 0,
            };
            if !outcome.tokens_burnt.is_zero() {
                burnt.gas += outcome.gas_burnt.as_gas();
            }
            burnt.compute += outcome.compute_usage.unwrap_or_default();
            burnt.wasm_gas += wasm;
        }
        drop(history);
        burnt.storage_bytes = self.storage_bytes()? - storage_before;
        Ok(burnt)
    }
}

/// Whether a line of the journal tells of something that was not done.
fn says_no(line: &str) -> bool {
    let refusal = |entry: &Entry| matches!(entry, Entry::Skipped { .. } | Entry::Intent { failed: Some(_), .. });
    matches!(Line::parse(line), Ok(Some(line)) if line.log.iter().any(refusal))
}
