//! A chain that makes blocks when told to, and what its transactions burn.

use std::{ops::AddAssign, path::Path, time::Duration};

use anyhow::{Context, bail};
use near_crypto::{KeyType, SecretKey, Signature};
use near_primitives::{
    account::AccessKey,
    action::{Action, AddKeyAction, CreateAccountAction, DeployContractAction, FunctionCallAction, TransferAction},
    transaction::{ExecutionMetadata, SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, Gas},
    views::{ExecutionOutcomeView, FinalExecutionStatus},
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
    root: Actor,
    nonce: u64,
    /// The contract whose state is measured.
    coordinator: AccountId,
    /// The receipts of the last transaction in the order in which they ran.
    ran: Vec<ExecutionOutcomeView>,
}

/// Bytes that a receipt logged.
pub fn log_bytes(receipt: &ExecutionOutcomeView) -> usize {
    receipt.logs.iter().map(String::len).sum()
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
        let mut chain = config.chain()?;
        chain.produce_block()?;
        let root = Actor { id: config.validator.account_id, key: config.validator.secret_key };
        let coordinator = format!("{COORDINATOR}.{}", root.id).parse()?;
        Ok(Self { chain, root, nonce: 0, coordinator, ran: Vec::new() })
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
        let id: AccountId = format!("{name}.{}", self.root.id).parse()?;
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
        self.send(&self.root.clone(), &id, actions)?;
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
    pub fn ran(&self) -> &[ExecutionOutcomeView] {
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
        self.ran = status.receipts_outcome.iter().map(|receipt| receipt.outcome.clone()).collect();
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
            let block = history.block_at_height(place.height).context("a block is missing")?;
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
