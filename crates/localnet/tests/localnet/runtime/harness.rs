//! A chain under a test's control.

use std::time::Duration;

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::{
    account::{AccessKey, AccessKeyPermission, Account, FunctionCallPermission},
    action::{
        Action, AddKeyAction, CreateAccountAction, DeleteAccountAction, DeleteKeyAction, DeployContractAction,
        FunctionCallAction, TransferAction,
    },
    errors::{ActionErrorKind, InvalidTxError, TxExecutionError},
    hash::CryptoHash,
    transaction::{
        ExecutionOutcome, ExecutionOutcomeWithId, ExecutionStatus, SignedTransaction, Transaction, TransactionV0,
    },
    trie_key::TrieKey,
    types::{AccountId, Balance, Gas},
};
use piecework_localnet::{Config, chain::Chain};

/// Gas attached to calls, unless a test says otherwise.
pub const CALL_GAS: Gas = Gas::from_teragas(100);

/// An account with its key.
#[derive(Clone)]
pub struct Actor {
    pub id: AccountId,
    pub key: SecretKey,
}

pub struct Harness {
    pub chain: Chain,
    pub root: Actor,
    nonce: u64,
}

/// A transaction's outcome and those of all its receipts, in order.
pub struct Ran {
    pub transaction: ExecutionOutcomeWithId,
    pub receipts: Vec<ExecutionOutcomeWithId>,
}

impl Harness {
    pub fn new() -> Self {
        Self::open(&Self::config())
    }

    /// A chain whose time and random values are always the same.
    pub fn config() -> Config {
        let mut config = Config::ephemeral();
        config.seed = Some("runtime tests".to_owned());
        config.manual_time = Some(Duration::from_secs(1_800_000_000));
        config
    }

    /// Opens a chain and makes a block.
    pub fn open(config: &Config) -> Self {
        let root = Actor { id: config.validator.account_id.clone(), key: config.validator.secret_key.clone() };
        let mut chain = config.chain().unwrap();
        chain.produce_block().unwrap();
        Self { chain, root, nonce: 0 }
    }

    /// Creates `<name>.test.near` with a balance in NEAR.
    pub fn account(&mut self, name: &str, near: u128) -> Actor {
        let id: AccountId = format!("{name}.{}", self.root.id).parse().unwrap();
        let actor = Actor { key: SecretKey::from_seed(KeyType::ED25519, name), id };
        let root = self.root.clone();
        let ran = self.run(
            &root,
            &actor.id,
            vec![create(), add_full_key(actor.key.public_key()), transfer(Balance::from_near(near))],
        );
        ran.assert_success();
        actor
    }

    /// Creates an account with a contract given as text.
    pub fn contract(&mut self, name: &str, wat: &str) -> Actor {
        let actor = self.account(name, 100);
        let code = wat::parse_str(wat).unwrap();
        self.run(&actor, &actor.id, vec![deploy(code)]).assert_success();
        actor
    }

    /// A signed transaction with a nonce of its own.
    pub fn sign(&mut self, signer: &Actor, receiver: &AccountId, actions: Vec<Action>) -> SignedTransaction {
        self.nonce += 1;
        let height = self.chain.view().history().head().height();
        let nonce = height * AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER + self.nonce;
        self.sign_with_nonce(signer, receiver, actions, nonce)
    }

    pub fn sign_with_nonce(
        &self,
        signer: &Actor,
        receiver: &AccountId,
        actions: Vec<Action>,
        nonce: u64,
    ) -> SignedTransaction {
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer.id.clone(),
            public_key: signer.key.public_key(),
            nonce,
            receiver_id: receiver.clone(),
            block_hash: self.chain.view().history().head().hash,
            actions,
        });
        let (hash, _) = transaction.get_hash_and_size();
        SignedTransaction::new(signer.key.sign(hash.as_ref()), transaction)
    }

    /// Sends a transaction and makes blocks until nothing is left to do.
    pub fn run(&mut self, signer: &Actor, receiver: &AccountId, actions: Vec<Action>) -> Ran {
        let tx = self.sign(signer, receiver, actions);
        let hash = self.chain.submit(tx).unwrap();
        self.settle();
        self.ran(hash)
    }

    /// Sends a transaction that must be refused.
    pub fn refused(&mut self, signer: &Actor, receiver: &AccountId, actions: Vec<Action>) -> InvalidTxError {
        let tx = self.sign(signer, receiver, actions);
        self.chain.submit(tx).unwrap_err()
    }

    pub fn settle(&mut self) {
        while self.chain.has_work() {
            self.chain.produce_block().unwrap();
        }
    }

    pub fn ran(&self, hash: CryptoHash) -> Ran {
        let history = self.chain.view().history();
        let status = history.transaction_status(&hash).expect("the transaction is in a block");
        let raw = |id: &CryptoHash| {
            let place = history.outcome(id).unwrap();
            let block = history
                .block(&near_primitives::types::BlockReference::BlockId(near_primitives::types::BlockId::Height(
                    place.height,
                )))
                .unwrap();
            block.outcomes[place.index].clone()
        };
        Ran {
            transaction: raw(&hash),
            receipts: status.outcome.receipts_outcome.iter().map(|outcome| raw(&outcome.id)).collect(),
        }
    }

    pub fn stored(&self, id: &AccountId) -> Option<Account> {
        let view = self.chain.view();
        let height = view.history().head().height();
        view.snapshot(height).account(id).unwrap()
    }

    pub fn balance(&self, id: &AccountId) -> Balance {
        self.stored(id).map_or(Balance::ZERO, |account| account.amount())
    }

    pub fn access_key(&self, id: &AccountId, key: &PublicKey) -> Option<AccessKey> {
        let view = self.chain.view();
        let height = view.history().head().height();
        view.snapshot(height).access_key(id, key).unwrap()
    }

    /// What a contract has stored under `key`.
    pub fn data(&self, id: &AccountId, key: &[u8]) -> Option<Vec<u8>> {
        let view = self.chain.view();
        let height = view.history().head().height();
        let key = TrieKey::ContractData { account_id: id.clone(), key: key.to_vec() };
        view.snapshot(height).get(&key).map(|bytes| bytes.to_vec())
    }

    /// Everything that exists: balances and stakes of all accounts, and what gas keys hold.
    pub fn supply_held(&self) -> Balance {
        let view = self.chain.view();
        let snapshot = view.snapshot(view.history().head().height());
        let accounts = snapshot.range(&[0], None, usize::MAX).into_iter().map(|(_, bytes)| {
            let account: Account = borsh::from_slice(&bytes).unwrap();
            account.amount().checked_add(account.locked()).unwrap()
        });
        let keys = snapshot.range(&[2], None, usize::MAX).into_iter().filter_map(|(_, bytes)| {
            // Nonce lanes share the column; they are shorter than any key.
            let key = borsh::from_slice::<AccessKey>(&bytes).ok()?;
            key.gas_key_info().map(|info| info.balance)
        });
        accounts.chain(keys).fold(Balance::ZERO, |sum, amount| sum.checked_add(amount).unwrap())
    }
}

/// Whatever a test did: NEAR is conserved once nothing is under way.
impl Drop for Harness {
    fn drop(&mut self) {
        let view = self.chain.view();
        let snapshot = view.snapshot(view.history().head().height());
        let postponed = snapshot.range(&[6], None, 1).len() + snapshot.range(&[12], None, 1).len();
        if !std::thread::panicking() && postponed == 0 && !self.chain.has_work() {
            assert_eq!(self.supply_held(), view.history().head().total_supply);
        }
    }
}

impl Ran {
    pub fn assert_success(&self) {
        for receipt in &self.receipts {
            assert!(
                !matches!(receipt.outcome.status, ExecutionStatus::Failure(_)),
                "receipt failed: {:?}",
                receipt.outcome.status
            );
        }
        assert!(!matches!(self.transaction.outcome.status, ExecutionStatus::Failure(_)));
    }

    /// The first receipt: the transaction's own actions.
    pub fn first(&self) -> &ExecutionOutcome {
        &self.receipts[0].outcome
    }

    /// What the last action of the first receipt returned.
    pub fn value(&self) -> &[u8] {
        match &self.first().status {
            ExecutionStatus::SuccessValue(value) => value,
            other => panic!("no value but {other:?}"),
        }
    }

    pub fn failure(&self) -> &ActionErrorKind {
        match &self.first().status {
            ExecutionStatus::Failure(TxExecutionError::ActionError(error)) => &error.kind,
            other => panic!("no failure but {other:?}"),
        }
    }

    pub fn tokens_burnt(&self) -> Balance {
        self.receipts.iter().fold(self.transaction.outcome.tokens_burnt, |sum, receipt| {
            sum.checked_add(receipt.outcome.tokens_burnt).unwrap()
        })
    }
}

pub fn create() -> Action {
    Action::CreateAccount(CreateAccountAction {})
}

pub fn transfer(deposit: Balance) -> Action {
    Action::Transfer(TransferAction { deposit })
}

pub fn deploy(code: Vec<u8>) -> Action {
    Action::DeployContract(DeployContractAction { code })
}

pub fn delete_account(beneficiary_id: &AccountId) -> Action {
    Action::DeleteAccount(DeleteAccountAction { beneficiary_id: beneficiary_id.clone() })
}

pub fn add_full_key(public_key: PublicKey) -> Action {
    Action::AddKey(Box::new(AddKeyAction { public_key, access_key: AccessKey::full_access() }))
}

pub fn add_call_key(
    public_key: PublicKey,
    allowance: Option<Balance>,
    receiver_id: &AccountId,
    method_names: &[&str],
) -> Action {
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance,
        receiver_id: receiver_id.to_string(),
        method_names: method_names.iter().map(|name| (*name).to_owned()).collect(),
    });
    Action::AddKey(Box::new(AddKeyAction { public_key, access_key: AccessKey { nonce: 0, permission } }))
}

pub fn delete_key(public_key: PublicKey) -> Action {
    Action::DeleteKey(Box::new(DeleteKeyAction { public_key }))
}

pub fn call(method_name: &str) -> Action {
    call_with(method_name, &[], CALL_GAS, Balance::ZERO)
}

pub fn call_with(method_name: &str, args: &[u8], gas: Gas, deposit: Balance) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method_name.to_owned(),
        args: args.to_vec(),
        gas,
        deposit,
    }))
}
