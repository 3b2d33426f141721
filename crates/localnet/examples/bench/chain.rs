//! The measured process and the accounts in it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::Context;
use near_crypto::SecretKey;
use near_primitives::{
    action::Action,
    hash::CryptoHash,
    transaction::{SignedTransaction, Transaction, TransactionV0},
    types::AccountId,
};
use serde_json::{Value, json};

use crate::http::Connection;

/// A running chain.
pub struct Chain {
    process: Child,
    /// Where its RPC listens.
    pub addr: String,
    /// Funded accounts; the root account first.
    pub accounts: Vec<Sender>,
}

/// An account that signs.
#[derive(Clone)]
pub struct Sender {
    pub id: AccountId,
    pub key: SecretKey,
}

impl Sender {
    /// Signs a transaction.
    pub fn sign(
        &self,
        receiver_id: &AccountId,
        actions: Vec<Action>,
        nonce: u64,
        block: CryptoHash,
    ) -> SignedTransaction {
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: self.id.clone(),
            public_key: self.key.public_key(),
            nonce,
            receiver_id: receiver_id.clone(),
            block_hash: block,
            actions,
        });
        let (hash, _) = transaction.get_hash_and_size();
        SignedTransaction::new(self.key.sign(hash.as_ref()), transaction)
    }
}

impl Chain {
    /// Starts the binary with these options and says how many milliseconds it took until `status` was answered.
    pub async fn start(binary: &Path, home: &Path, options: &[&str]) -> anyhow::Result<(Self, f64)> {
        let begun = Instant::now();
        let mut process = Command::new(binary)
            .args(["--json", "--rpc-addr", "127.0.0.1:0", "--home"])
            .arg(home)
            .args(options)
            .env("RUST_LOG", "warn,genesis=error")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| binary.display().to_string())?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("stdout")?).read_line(&mut line)?;
        let report: Value = serde_json::from_str(&line).context("the binary's report")?;
        let addr =
            report["rpc_url"].as_str().and_then(|url| url.strip_prefix("http://")).context("rpc_url")?.to_owned();
        Connection::open(&addr).await?.call("status", &json!([])).await?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        let sender = |account: &Value| -> anyhow::Result<Sender> {
            let text = |name: &str| account[name].as_str().with_context(|| name.to_owned());
            Ok(Sender { id: text("account_id")?.parse()?, key: text("secret_key")?.parse()? })
        };
        let funded = report["accounts"].as_array().context("accounts")?;
        let accounts = std::iter::once(&report["root"]).chain(funded).map(sender).collect::<Result<_, _>>()?;
        Ok((Self { process, addr, accounts }, took))
    }

    /// The newest height.
    pub async fn head(&self) -> anyhow::Result<u64> {
        let status = Connection::open(&self.addr).await?.call("status", &json!([])).await?;
        status["sync_info"]["latest_block_height"].as_u64().context("height")
    }

    /// The most memory it ever had.
    pub fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        self.status_mib("VmHWM:")
    }

    /// The memory it has.
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        self.status_mib("VmRSS:")
    }

    /// Processor time it has used, of all threads.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("stat")?;
        // The 14th and 15th field of the file; Linux counts them in hundredths of a second.
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
        Ok(ticks / 100.0)
    }

    fn status_mib(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
    }
}
