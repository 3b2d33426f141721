//! kill -9 at any moment: whatever a client has been told stays.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use near_crypto::{InMemorySigner, SecretKey, Signer};
use near_jsonrpc_client::{JsonRpcClient, methods};
use near_jsonrpc_primitives::types::query::QueryResponseKind;
use near_primitives::{
    action::{Action, TransferAction},
    hash::CryptoHash,
    transaction::{SignedTransaction, Transaction, TransactionV0},
    types::{AccountId, Balance, BlockId, BlockReference, Finality},
    views::{QueryRequest, TxExecutionStatus},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

const ROUNDS: u64 = 12;

struct Running {
    process: Child,
    client: JsonRpcClient,
    signer: Signer,
    to: AccountId,
}

impl Running {
    fn start(home: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_piecework-localnet"))
            .args(["--json", "--instant", "--block-interval-ms", "5", "--keep-blocks", "100000"])
            .args(["--rpc-addr", "127.0.0.1:0", "--home"])
            .arg(home)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key: SecretKey = text(&report["root"]["secret_key"]).parse().unwrap();
        let root: AccountId = text(&report["root"]["account_id"]).parse().unwrap();
        Self {
            process,
            client: JsonRpcClient::connect(text(&report["rpc_url"])),
            signer: InMemorySigner::from_secret_key(root, key),
            to: text(&report["accounts"][0]["account_id"]).parse().unwrap(),
        }
    }

    async fn transfer(&self) -> Option<(CryptoHash, CryptoHash, u64)> {
        let Signer::InMemory(signer) = &self.signer else { return None };
        let request = methods::query::RpcQueryRequest {
            block_reference: BlockReference::Finality(Finality::None),
            request: QueryRequest::ViewAccessKey {
                account_id: signer.account_id.clone(),
                public_key: self.signer.public_key(),
            },
        };
        let response = self.client.call(request).await.ok()?;
        let QueryResponseKind::AccessKey(access_key) = response.kind else { return None };
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer.account_id.clone(),
            public_key: self.signer.public_key(),
            nonce: access_key.nonce + 1,
            receiver_id: self.to.clone(),
            block_hash: response.block_hash,
            actions: vec![Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })],
        });
        let (hash, _) = transaction.get_hash_and_size();
        let signed_transaction = SignedTransaction::new(self.signer.sign(hash.as_ref()), transaction);
        let wait_until = TxExecutionStatus::ExecutedOptimistic;
        let request = methods::send_tx::RpcSendTransactionRequest { signed_transaction, wait_until };
        let outcome = self.client.call(request).await.ok()?.final_execution_outcome?.into_outcome();
        Some((hash, outcome.transaction_outcome.block_hash, self.balance().await?))
    }

    async fn balance(&self) -> Option<u64> {
        let block_reference = BlockReference::Finality(Finality::None);
        let request = QueryRequest::ViewAccount { account_id: self.to.clone() };
        let response = self.client.call(methods::query::RpcQueryRequest { block_reference, request }).await.ok()?;
        let QueryResponseKind::ViewAccount(account) = response.kind else { return None };
        u64::try_from(account.amount.as_yoctonear() - Balance::from_near(10_000).as_yoctonear()).ok()
    }

    async fn has_block(&self, hash: CryptoHash) -> bool {
        let block_reference = BlockReference::BlockId(BlockId::Hash(hash));
        self.client.call(methods::block::RpcBlockRequest { block_reference }).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_chain__should_keep_everything_it_has_told() {
    // Given a chain under load
    let home = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(9);
    let mut told: Vec<(CryptoHash, CryptoHash)> = Vec::new();
    let mut balance = 0;
    for round in 0..ROUNDS {
        let mut running = Running::start(home.path());

        // Then all that was told before the last kill is there
        assert!(running.balance().await.unwrap() >= balance, "round {round}");
        for (hash, block_hash) in &told {
            assert!(running.has_block(*block_hash).await, "round {round}: block {block_hash} is gone");
            let transaction_info =
                methods::tx::TransactionInfo::TransactionId { tx_hash: *hash, sender_account_id: running.to.clone() };
            let wait_until = TxExecutionStatus::None;
            let request = methods::tx::RpcTransactionStatusRequest { transaction_info, wait_until };
            let status = running.client.call(request).await.unwrap();
            assert_eq!(
                status.final_execution_outcome.unwrap().into_outcome().transaction_outcome.block_hash,
                *block_hash
            );
        }

        // When it is killed at a random moment
        let end = tokio::time::Instant::now() + Duration::from_micros(random.random_range(20_000..300_000));
        let pid = running.process.id();
        let killer = tokio::spawn(async move {
            tokio::time::sleep_until(end).await;
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        });
        while let Some((hash, block_hash, new_balance)) = running.transfer().await {
            told.push((hash, block_hash));
            balance = new_balance;
        }
        killer.await.unwrap();
        running.process.wait().unwrap();
    }
    assert!(told.len() > usize::try_from(ROUNDS).unwrap(), "too few transfers to mean anything");
}
