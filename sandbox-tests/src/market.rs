//! A small market on a fresh chain.

use std::{cell::RefCell, env, fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use near_workspaces::{
    Account, AccountId, Contract, Worker,
    network::Sandbox,
    result::ExecutionFinalResult,
    types::{AccessKey, Gas, KeyType, NearToken, PublicKey, SecretKey},
};
use piecework_chain::Network;
use piecework_client::{Call, calls, token};
use piecework_interface::{
    amount::Amount,
    call::{
        BatchSpec, CALL_GAS, ClassRegisterArgs, DepositMessage, HEARTBEAT, POKE, TRANSFER_CALL_GAS, TokenListArgs, WORK,
    },
    config::{Bounds, Config},
    event::Entry,
    host::sha256,
    ids::{BatchId, ClassId, TokenId},
    merkle,
    op::Op,
    terms::{Terms, Verification},
};
use serde_json::json;

use crate::{
    PublicNetwork,
    finality::{Finality, Moment},
};

/// The reward token's number: the first that is listed.
pub const TOKEN: TokenId = TokenId(1);
/// The class of the work: the first that is registered.
pub const CLASS: ClassId = ClassId(0);
/// One whole reward token: six decimals.
pub const ONE: u128 = 1_000_000;
/// Tokens minted to the requester.
pub const REQUESTER_TOKENS: u128 = 1_000_000 * ONE;
/// What one slot of one item bonds with [`Market::terms`]: 0.01 NEAR per reward of one token.
const BOND_PER_TOKEN: u128 = 10_u128.pow(22);
/// yoctoNEAR that registers an account on a token, and more.
pub const TOKEN_STORAGE: u128 = 10_u128.pow(22);
/// What the chain's root account gives each account of the market.
const ACCOUNT_BALANCE: NearToken = NearToken::from_near(100);
/// Time between blocks, where the node can be asked for it and [`BLOCK_INTERVAL`] names no other.
const BLOCK_INTERVAL_MS: u32 = 20;
/// The variable that names another time between blocks, in milliseconds: 600 is about that of a public network.
const BLOCK_INTERVAL: &str = "PIECEWORK_TEST_BLOCK_INTERVAL_MS";

/// A contract, as text, that stores what it is told of a closed batch, and tells it by `heard`.
pub const LISTENER: &str = r#"
(module
  (import "env" "input" (func $input (param i64)))
  (import "env" "storage_write" (func $write (param i64 i64 i64 i64 i64) (result i64)))
  (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
  (import "env" "value_return" (func $return (param i64 i64)))
  (memory 1)
  (data (i32.const 0) "k")
  (func (export "on_piecework_results")
    (call $input (i64.const 0))
    (drop (call $write (i64.const 1) (i64.const 0) (i64.const -1) (i64.const 0) (i64.const 1))))
  (func (export "heard")
    (drop (call $read (i64.const 1) (i64.const 0) (i64.const 0)))
    (call $return (i64.const -1) (i64.const 0))))
"#;

/// A bridge's contract, as text, that holds tokens of this contract: `relay` sends of them what its arguments, those of
/// `ft_transfer_call`, say.
#[must_use]
pub fn bridge(token: &AccountId) -> String {
    format!(
        r#"
(module
  (import "env" "input" (func $input (param i64)))
  (import "env" "register_len" (func $length (param i64) (result i64)))
  (import "env" "read_register" (func $read (param i64 i64)))
  (import "env" "promise_create" (func $promise (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
  (import "env" "promise_return" (func $return (param i64)))
  (memory 1)
  (data (i32.const 0) "{token}")
  (data (i32.const 64) "ft_transfer_call")
  (data (i32.const 80) "\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (func (export "relay")
    (call $input (i64.const 0))
    (call $read (i64.const 0) (i64.const 1024))
    (call $return (call $promise
      (i64.const {length}) (i64.const 0)
      (i64.const 16) (i64.const 64)
      (call $length (i64.const 0)) (i64.const 1024)
      (i64.const 80)
      (i64.const {TRANSFER_CALL_GAS})))))
"#,
        length = token.len()
    )
}

/// How many accounts take part.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Registered nodes with the least stake.
    pub nodes: usize,
}

/// Token, coordinator, requester and nodes on a chain of their own.
pub struct Market {
    /// The chain.
    pub worker: Worker<Sandbox>,
    /// NEP-141 reward token.
    pub token: Contract,
    /// The coordinator.
    pub coordinator: Contract,
    /// Who pays.
    pub requester: Account,
    /// Nodes, registered and staked.
    pub nodes: Vec<Account>,
    /// How far its transactions reach.
    pub finality: Finality,
    /// Whether the pace of the chain is the market's to choose.
    is_paced: bool,
    pub(crate) journal: RefCell<Vec<Written>>,
}

/// A journal line and where it was written.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) line: String,
    pub(crate) at: Moment,
    /// The ops of the call.
    pub(crate) ops: Vec<Op>,
}

/// What a transaction did.
pub struct Done {
    /// Entries of the coordinator's journal, in order.
    pub entries: Vec<Entry>,
    /// The transaction.
    pub result: ExecutionFinalResult,
}

impl Market {
    /// Starts a chain and sets everything up.
    ///
    /// # Errors
    /// The node binary or a contract's wasm is missing, or a step of the set-up failed.
    pub async fn start(setup: Setup) -> Result<Self> {
        ensure!(
            env::var_os("NEAR_SANDBOX_BIN_PATH").is_some(),
            "NEAR_SANDBOX_BIN_PATH must name a node binary, for example target/release/piecework-localnet"
        );
        let worker = near_workspaces::sandbox().await?;
        // A chain that is to be like another network keeps its own pace.
        let is_paced = env::var_os("PIECEWORK_LOCALNET_LIKE").is_none();
        Self::on(worker, is_paced, setup).await
    }

    /// A market on a public network's like.
    ///
    /// # Errors
    /// A contract's wasm is missing, or a step of the set-up failed.
    pub async fn start_on(network: &PublicNetwork, setup: Setup) -> Result<Self> {
        Self::on(network.worker().await?, false, setup).await
    }

    async fn on(worker: Worker<Sandbox>, is_paced: bool, setup: Setup) -> Result<Self> {
        let finality = Finality::of(&worker.rpc_addr())?;
        if is_paced {
            pace(&worker.rpc_addr(), block_interval_ms()?).await?;
        }
        let root = worker.root_account()?;
        let account = async |name: &str, code: Option<&[u8]>| {
            let id: AccountId = format!("{name}.{}", root.id()).parse()?;
            let key = SecretKey::from_random(KeyType::ED25519);
            let mut create = root.batch(&id).create_account().transfer(ACCOUNT_BALANCE);
            create = create.add_key(key.public_key(), AccessKey::full_access());
            if let Some(code) = code {
                create = create.deploy(code);
            }
            let created = create.transact().await?;
            finality.note(&created).await?;
            created.into_result()?;
            anyhow::Ok(Account::from_secret_key(id, key, &worker))
        };
        let token = account("token", Some(&wasm("piecework_reward_token")?)).await?;
        let coordinator = account("coordinator", Some(&wasm("piecework_coordinator")?)).await?;
        let requester = account("requester", None).await?;
        let mut nodes = Vec::with_capacity(setup.nodes);
        for number in 0..setup.nodes {
            nodes.push(account(&format!("node{number}"), None).await?);
        }
        // Whatever asks an endpoint that lags for one of them finds it there.
        finality.catch_up().await?;
        let contract =
            |account: Account| Contract::from_secret_key(account.id().clone(), account.secret_key().clone(), &worker);
        let (token, coordinator) = (contract(token), contract(coordinator));
        let journal = RefCell::default();
        let market = Self { worker, token, coordinator, requester, nodes, finality, is_paced, journal };
        market.set_up().await?;
        Ok(market)
    }

    /// Makes blocks come no faster than that, for programs that have to tell the final head from the newest.
    ///
    /// # Errors
    /// The node does not answer.
    pub(crate) async fn slow_down(&self, interval_ms: u32) -> Result<()> {
        if self.is_paced {
            pace(&self.worker.rpc_addr(), interval_ms.max(block_interval_ms()?)).await?;
        }
        Ok(())
    }

    async fn set_up(&self) -> Result<()> {
        let (owner, coordinator) = (self.coordinator.as_account(), self.coordinator.id());
        self.init_token(&self.token).await?;
        // What signed intents name.
        let config = Config { chain_id: self.finality.rpc().status().await?.chain_id, ..Self::config() };
        self.call(owner, calls::new(coordinator.as_str(), &config)).await?;
        let listing = TokenListArgs {
            account_id: self.token.id().to_string(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount((BOND_PER_TOKEN / ONE) << 32),
        };
        self.call(owner, calls::token_list(&listing)).await?;

        self.register_on_token(coordinator).await?;
        self.register_on_token(self.requester.id()).await?;
        let mint = token::mint(self.requester.id().as_str(), REQUESTER_TOKENS);
        self.call_to(&self.token, self.token.as_account(), mint).await?;
        self.deposit_storage(&self.requester, NearToken::from_near(5)).await?;
        let class = ClassRegisterArgs { name: "test".to_owned(), ..ClassRegisterArgs::default() };
        self.call(&self.requester, calls::class_register(&class, config.class_deposit.0)).await?;
        for node in &self.nodes {
            self.register_node(node).await?;
        }
        Ok(())
    }

    /// Where it is found, by who asks the chain alone.
    #[must_use]
    pub fn network(&self) -> Network {
        Network {
            name: "sandbox".to_owned(),
            rpc_urls: vec![self.worker.rpc_addr()],
            contract: Some(self.coordinator.id().clone()),
            gateway_url: None,
        }
    }

    /// Deploys one more token of the same kind, which the coordinator does not know.
    ///
    /// # Errors
    /// A step failed.
    pub async fn deploy_token(&self) -> Result<Contract> {
        let token = self.worker.dev_deploy(&wasm("piecework_reward_token")?).await?;
        self.init_token(&token).await?;
        Ok(token)
    }

    /// Initializes a token that its own account mints.
    async fn init_token(&self, token: &Contract) -> Result<()> {
        let spec = token::TokenSpec { name: "Test reward".to_owned(), symbol: "TEST".to_owned(), decimals: 6 };
        self.call_to(token, token.as_account(), token::new(token.id().as_str(), REQUESTER_TOKENS, &spec)).await?;
        Ok(())
    }

    /// The configuration of this market: short times, so that tests need few blocks.
    #[must_use]
    pub fn config() -> Config {
        let bounds = Bounds {
            claim_ttl_s: (5, 3_600),
            reveal_window_s: (5, 3_600),
            challenge_window_s: (5, 3_600),
            slice_s: (1, 60),
            verdict_ttl_s: (5, 3_600),
            ..Bounds::default()
        };
        Config {
            grace_s: 2,
            liveness_window_s: 120,
            reputation_interval_s: 1,
            unbonding_s: 60,
            notice_s: 10,
            // Tests of appeals that never come to a jury need no more nodes than those that do the work.
            jury_nodes: 3,
            class_deposit: Amount(10_u128.pow(23)),
            bounds,
            ..Config::default()
        }
    }

    /// Terms for lots of four one-byte answers, three copies, all of which must agree, and an extension of three.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn terms(&self) -> Result<Terms> {
        Ok(Terms {
            class: CLASS,
            reward: Amount(ONE),
            lot_size: 4,
            answer_width: 1,
            start: 3,
            quorum_pct: 70,
            claim_ttl_s: 30,
            reveal_window_s: 20,
            challenge_window_s: 0,
            slice_s: 1,
            bond_pct: 100,
            dissent_slash_pct: 20,
            abandon_slash_pct: 20,
            min_reputation: 0,
            expires_at: self.now_s().await? + 3_600,
            verification: Verification::Consensus,
        })
    }

    /// Registers an account on the coordinator with this storage deposit.
    ///
    /// # Errors
    /// The call failed.
    pub async fn deposit_storage(&self, account: &Account, deposit: NearToken) -> Result<Done> {
        // Without an account id, the caller is registered.
        let call = calls::storage_deposit(account.id().as_str(), deposit.as_yoctonear());
        self.call(account, Call { args: b"{}".to_vec(), ..call }).await
    }

    /// Registers an account on the reward token.
    ///
    /// # Errors
    /// The call failed.
    pub async fn register_on_token(&self, account_id: &AccountId) -> Result<Done> {
        let deposit = calls::storage_deposit(account_id.as_str(), TOKEN_STORAGE);
        self.call_to(&self.token, self.token.as_account(), deposit).await
    }

    /// Registers an account as a node with the least stake.
    ///
    /// # Errors
    /// A call failed.
    pub async fn register_node(&self, node: &Account) -> Result<Done> {
        self.deposit_storage(node, NearToken::from_millinear(100)).await?;
        self.call(node, calls::node_register(vec![CLASS], Self::config().min_stake.0)).await
    }

    /// Adds a key to the node's account that can only work, as each machine of an operator has, and waits until a final
    /// block has it, since agents believe no other.
    ///
    /// # Errors
    /// The transaction failed.
    pub async fn add_machine_key(&self, node: &Account, public_key: PublicKey) -> Result<()> {
        let access = AccessKey::function_call_access(self.coordinator.id(), &[WORK, POKE, HEARTBEAT], None);
        self.record(node.batch(node.id()).add_key(public_key, access).transact().await?).await?.result.into_result()?;
        self.until_final().await
    }

    /// Creates a batch of so many items whose payloads nobody needs.
    ///
    /// # Errors
    /// The call failed, or the token was refunded.
    pub async fn create_batch(&self, terms: Terms, items: u32) -> Result<BatchId> {
        let digests: Vec<_> = (0..items).map(|item| sha256(&item.to_le_bytes())).collect();
        let manifest = merkle::root(sha256, &digests);
        self.post_batch(BatchSpec { terms, items, manifest, uri: "blob:test".to_owned(), ..BatchSpec::default() }).await
    }

    /// Creates a batch by `ft_transfer_call` of exactly its escrow.
    ///
    /// # Errors
    /// The call failed, or the token was refunded.
    pub async fn post_batch(&self, spec: BatchSpec) -> Result<BatchId> {
        let escrow = piecework_interface::money::escrow(&spec.terms, Self::config().fee_bps, spec.items);
        let message = DepositMessage::CreateBatch(spec);
        let done = self.transfer_call(&self.requester, escrow, &serde_json::to_string(&message)?).await?;
        done.entries
            .iter()
            .find_map(|entry| if let Entry::BatchCreated { batch, .. } = entry { Some(*batch) } else { None })
            .with_context(|| format!("no batch was created: {:?}", done.result))
    }

    /// Sends reward tokens to the coordinator with a message.
    ///
    /// # Errors
    /// The call itself failed; a refused message does not.
    pub async fn transfer_call(&self, sender: &Account, amount: u128, message: &str) -> Result<Done> {
        self.send_to(&self.token, sender, token::transfer_call(self.coordinator.id().as_str(), amount, message)).await
    }

    /// Gives a registered account so much internal balance in the reward token, out of the requester's tokens.
    ///
    /// # Errors
    /// A call failed.
    pub async fn fund(&self, account: &Account, amount: u128) -> Result<()> {
        if account.id() != self.requester.id() {
            self.register_on_token(account.id()).await?;
            let args = json!({ "receiver_id": account.id(), "amount": Amount(amount) }).to_string().into_bytes();
            let send = Call { method: "ft_transfer", args, gas: CALL_GAS, deposit: 1 };
            self.call_to(&self.token, &self.requester, send).await?;
        }
        let before = self.balance(account).await?;
        self.transfer_call(account, amount, &serde_json::to_string(&DepositMessage::Deposit {})?).await?;
        ensure!(self.balance(account).await? == before + amount, "{} was refunded", account.id());
        Ok(())
    }

    /// Withdraws everything of a token.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn withdraw(&self, account: &Account, token: TokenId) -> Result<Done> {
        self.send(account, calls::withdraw(token, None)).await
    }

    /// Calls the coordinator; every failing receipt is an error.
    ///
    /// # Errors
    /// The call failed.
    pub async fn call(&self, signer: &Account, call: Call) -> Result<Done> {
        self.call_to(&self.coordinator, signer, call).await
    }

    /// The same of any contract.
    ///
    /// # Errors
    /// The call failed.
    pub async fn call_to(&self, contract: &Contract, signer: &Account, call: Call) -> Result<Done> {
        let method = call.method;
        let done = self.send_to(contract, signer, call).await?;
        let failures = done.result.failures();
        ensure!(failures.is_empty(), "{method} failed: {failures:?}");
        Ok(done)
    }

    /// Calls the coordinator, whatever comes of it.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn send(&self, signer: &Account, call: Call) -> Result<Done> {
        self.send_to(&self.coordinator, signer, call).await
    }

    /// The same of any contract.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn send_to(&self, contract: &Contract, signer: &Account, call: Call) -> Result<Done> {
        self.record(transact(signer, contract.id(), call).await?).await
    }

    /// Deploys code that was proposed, as the owner, whatever comes of it.
    ///
    /// # Errors
    /// The node did not answer.
    pub async fn upgrade(&self, code: &[u8]) -> Result<Done> {
        self.send(self.coordinator.as_account(), calls::upgrade(code.to_vec())).await
    }
}

/// Sends a call by near-workspaces.
pub(crate) async fn transact(signer: &Account, receiver: &AccountId, call: Call) -> Result<ExecutionFinalResult> {
    let (gas, deposit) = (Gas::from_gas(call.gas), NearToken::from_yoctonear(call.deposit));
    Ok(signer.call(receiver, call.method).args(call.args).gas(gas).deposit(deposit).transact().await?)
}

/// The time between blocks that is asked for.
fn block_interval_ms() -> Result<u32> {
    match env::var(BLOCK_INTERVAL) {
        Ok(text) => {
            text.parse().with_context(|| format!("{BLOCK_INTERVAL} is {text:?}, and must be milliseconds: 600"))
        }
        Err(_) => Ok(BLOCK_INTERVAL_MS),
    }
}

/// Asks for more blocks a second, since nearly all of a test's time is waiting for the next one. Only piecework-localnet
/// does so; a node that does not know the method says that, and goes on at its own pace.
async fn pace(rpc_url: &str, interval_ms: u32) -> Result<()> {
    let params = json!({"mode": "interval", "interval_ms": interval_ms});
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "sandbox_set_cadence", "params": params});
    reqwest::Client::new().post(rpc_url).json(&ask).send().await?;
    Ok(())
}

/// A contract that scripts/build-contracts made.
///
/// # Errors
/// It is missing.
pub fn wasm(name: &str) -> Result<Vec<u8>> {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/contracts"));
    let folder = env::var_os("PIECEWORK_WASM_DIR").map_or_else(built, PathBuf::from);
    let path = folder.join(name).with_extension("wasm");
    fs::read(&path).with_context(|| format!("{} is missing: run scripts/build-contracts", path.display()))
}
