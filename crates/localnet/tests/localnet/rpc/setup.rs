//! A running chain with a client and a funded account.

use std::time::Duration;

use near_crypto::{InMemorySigner, Signer};
use near_jsonrpc_client::{JsonRpcClient, methods};
use near_jsonrpc_primitives::types::query::QueryResponseKind;
use near_primitives::{
    action::{Action, DeployContractAction, FunctionCallAction, TransferAction},
    hash::CryptoHash,
    transaction::{SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, BlockReference, Finality, Gas},
    views::{FinalExecutionOutcomeView, QueryRequest, TxExecutionStatus},
};
use piecework_localnet::{Config, Localnet, node::Cadence, store::Layout};
use serde_json::{Value, json};

/// Keeps a message.
pub const CONTRACT: &str = include_str!("../message.wat");

pub struct Setup {
    pub localnet: Localnet,
    pub client: JsonRpcClient,
    pub root: AccountId,
    pub signer: Signer,
    nonce: std::sync::atomic::AtomicU64,
}

impl Setup {
    pub async fn start() -> Self {
        Self::with(Config::ephemeral()).await
    }

    /// A chain that makes a block only when told to.
    pub async fn paused() -> Self {
        Self::with(Self::paused_config()).await
    }

    pub fn paused_config() -> Config {
        let cadence = Cadence { interval: Duration::from_secs(3_600), ..Cadence::default() };
        Config { cadence, ..Config::ephemeral() }
    }

    /// Makes blocks and returns the newest one's height.
    pub async fn produce(&self, count: u64) -> u64 {
        let (_, answer) = self.raw("sandbox_produce_blocks", json!({ "count": count })).await;
        answer["result"]["block_height"].as_u64().unwrap()
    }

    /// A chain that is kept in a directory.
    pub async fn in_dir(dir: &std::path::Path) -> Self {
        Self::with(Config { data: Some(Layout::new(dir)), ..Config::ephemeral() }).await
    }

    pub async fn with(config: Config) -> Self {
        let localnet = Localnet::start(config).await.unwrap();
        let client = JsonRpcClient::connect(localnet.rpc_url());
        let root = localnet.root().account_id.clone();
        let signer = InMemorySigner::from_secret_key(root.clone(), localnet.root().secret_key.clone());
        Self { localnet, client, root, signer, nonce: Default::default() }
    }

    /// A chain whose root account has the test contract.
    pub async fn with_contract() -> Self {
        Self::with_contract_and(Config::ephemeral()).await
    }

    pub async fn with_contract_and(config: Config) -> Self {
        let setup = Self::with(config).await;
        let code = wat::parse_str(CONTRACT).unwrap();
        setup.send(&setup.root, vec![Action::DeployContract(DeployContractAction { code })]).await;
        setup
    }

    pub async fn head(&self) -> near_primitives::views::BlockView {
        self.block(BlockReference::Finality(Finality::None)).await
    }

    pub async fn block(&self, block_reference: BlockReference) -> near_primitives::views::BlockView {
        self.client.call(methods::block::RpcBlockRequest { block_reference }).await.unwrap()
    }

    /// Signs a transaction of the root account.
    pub async fn sign(&self, receiver_id: &AccountId, actions: Vec<Action>) -> SignedTransaction {
        let request = methods::query::RpcQueryRequest {
            block_reference: BlockReference::Finality(Finality::None),
            request: QueryRequest::ViewAccessKey {
                account_id: self.root.clone(),
                public_key: self.signer.public_key(),
            },
        };
        let response = self.client.call(request).await.unwrap();
        let QueryResponseKind::AccessKey(access_key) = response.kind else { panic!("no access key") };
        let step = self.nonce.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.sign_with(receiver_id, actions, access_key.nonce + 1 + step, response.block_hash)
    }

    pub fn sign_with(
        &self,
        receiver_id: &AccountId,
        actions: Vec<Action>,
        nonce: u64,
        block_hash: CryptoHash,
    ) -> SignedTransaction {
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: self.root.clone(),
            public_key: self.signer.public_key(),
            nonce,
            receiver_id: receiver_id.clone(),
            block_hash,
            actions,
        });
        let (hash, _) = transaction.get_hash_and_size();
        SignedTransaction::new(self.signer.sign(hash.as_ref()), transaction)
    }

    /// Sends actions of the root account and waits until everything is final.
    pub async fn send(&self, receiver_id: &AccountId, actions: Vec<Action>) -> FinalExecutionOutcomeView {
        let signed_transaction = self.sign(receiver_id, actions).await;
        let wait_until = TxExecutionStatus::Final;
        let request = methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until };
        let response = self.client.call(request).await.unwrap();
        assert_eq!(response.final_execution_status, TxExecutionStatus::Final);
        response.final_execution_outcome.unwrap().into_outcome()
    }

    /// A raw JSON-RPC call: HTTP status and body.
    pub async fn raw(&self, method: &str, params: Value) -> (u16, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": "test", "method": method, "params": params });
        let response = reqwest::Client::new().post(self.localnet.rpc_url()).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

pub fn call(method_name: &str, args: &[u8]) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method_name.to_owned(),
        args: args.to_vec(),
        gas: Gas::from_teragas(30),
        deposit: Balance::ZERO,
    }))
}

pub fn transfer(near: u128) -> Action {
    Action::Transfer(TransferAction { deposit: Balance::from_near(near) })
}

/// A transaction as the RPC takes it.
pub fn encoded(tx: &SignedTransaction) -> Value {
    json!(near_primitives::serialize::to_base64(&borsh::to_vec(tx).unwrap()))
}
