//! A copy of a contract at one block: its code, every record, and what it holds.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use piecework_chain::{AccountId, BlockRef, Coordinator, RpcClient, ViewError};
use piecework_console::Problem;
use piecework_interface::amount::Amount;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::json;

/// A contract as it was at one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The chain's id.
    pub chain_id: String,
    /// The contract's account.
    pub contract: AccountId,
    /// Height of the block.
    pub block_height: u64,
    /// Its hash, base58.
    pub block_hash: String,
    /// Its time, Unix seconds.
    pub block_at: u32,
    /// Balance of the contract's account, yoctoNEAR.
    pub yoctonear: Amount,
    /// Bytes that the account stores, as the chain counts them.
    pub storage_usage: u64,
    /// What the contract holds of each listed token, by the token's account.
    pub held: BTreeMap<AccountId, Amount>,
    /// Its wasm.
    pub code: Bytes,
    /// Its records, by key.
    pub records: Vec<(Bytes, Bytes)>,
}

/// Bytes that are base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

impl Snapshot {
    /// Copies a contract at the newest final block.
    ///
    /// # Errors
    /// There is no coordinator, or no endpoint gives its whole state.
    pub async fn take(rpc: &RpcClient, contract: &AccountId) -> anyhow::Result<Self> {
        let head = rpc.head().await?;
        let block = BlockRef::Hash(head.hash);
        let account = rpc.view_account(contract, block).await?;
        let account = account.ok_or_else(|| ViewError::UnknownAccount(contract.clone()))?.value;
        let state = rpc.view_state(contract, block).await.map_err(|error| too_large(error, contract))?;
        let mut held = BTreeMap::new();
        for token in Coordinator::new(rpc, contract.clone()).at(block).tokens().await? {
            if token.account_id.is_empty() {
                continue;
            }
            let account_id: AccountId = token.account_id.parse()?;
            let args = json!({ "account_id": contract });
            let amount: Amount = rpc.view_function(&account_id, "ft_balance_of", &args, block).await?.value;
            held.insert(account_id, amount);
        }
        let records = state.records.into_iter().map(|(key, value)| (Bytes(key), Bytes(value))).collect();
        Ok(Self {
            chain_id: rpc.status().await?.chain_id,
            contract: contract.clone(),
            block_height: head.height,
            block_hash: head.hash.to_string(),
            block_at: u32::try_from(head.timestamp_ns / 1_000_000_000)?,
            yoctonear: Amount(account.amount.as_yoctonear()),
            storage_usage: account.storage_usage,
            held,
            code: Bytes(state.code),
            records,
        })
    }

    /// Reads a copy that was written before.
    ///
    /// # Errors
    /// The file cannot be read, or is no copy.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let fix = "take one: `piecework contract snapshot FILE`";
        let bytes = fs::read(path).with_context(|| Problem::new(format!("{} cannot be read", path.display()), fix))?;
        serde_json::from_slice(&bytes)
            .with_context(|| Problem::new(format!("{} is no copy of a contract", path.display()), fix))
    }

    /// Writes the copy to a file that does not exist yet.
    ///
    /// # Errors
    /// It exists, or cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        if path.exists() {
            bail!(Problem::new(format!("{} exists already", path.display()), "choose another file"));
        }
        fs::write(path, serde_json::to_vec(self)?).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Says what a node must offer, where its refusal is one for size.
fn too_large(error: ViewError, contract: &AccountId) -> anyhow::Error {
    match &error {
        ViewError::Other { endpoint, reason } if reason.contains("too large") => {
            let what = format!("{endpoint} gives the state of {contract} neither whole nor in pages");
            let fix = "pass --rpc-url of a node that answers view_state in pages (nearcore of protocol 88 does), or of your own \
                       with trie_viewer_state_size_limit in its config.json above the contract's storage";
            anyhow::Error::new(error).context(Problem::new(what, fix))
        }
        _ => error.into(),
    }
}
