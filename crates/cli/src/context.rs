//! What a command works with: the network, the coordinator, the gateway and the signing account.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::bail;
use piecework_api::client::Client;
use piecework_chain::{
    AccountId, Coordinator, KeyError, KeyFile, KeyPool, LAG_POLL, Network, Outcome, RpcClient, Sender, TxRequest,
};
use piecework_client::Call;
use piecework_console::{Output, Problem};
use piecework_interface::key::Kinds;

pub use crate::send::execute;
use crate::{credentials, global::GlobalArgs};

/// How long a key may be unknown: one that was added just now is so to a node that lags.
const KEY_WAIT: Duration = Duration::from_secs(6);

/// The global options, resolved.
pub struct Context {
    /// How results are shown.
    pub output: Output,
    /// The network, with the options' overrides.
    pub network: Network,
    /// A client of its RPC endpoints.
    pub rpc: RpcClient,
    account: Option<AccountId>,
    key_file: Option<PathBuf>,
}

impl Context {
    /// Resolves the options. Nothing is sent.
    ///
    /// # Errors
    /// If the network is unknown or its endpoints are malformed.
    pub fn new(global: GlobalArgs, output: Output) -> anyhow::Result<Self> {
        let mut network = Network::load(&global.network)?;
        if !global.rpc_urls.is_empty() {
            network.rpc_urls = global.rpc_urls;
        }
        network.contract = global.contract.or(network.contract);
        network.gateway_url = global.gateway_url.or(network.gateway_url);
        let rpc = RpcClient::new(network.rpc_config())?;
        Ok(Self { output, network, rpc, account: global.account, key_file: global.key_file })
    }

    /// The coordinator.
    ///
    /// # Errors
    /// If none is known for the network.
    pub fn coordinator(&self) -> Result<Coordinator, Problem> {
        let contract = self.network.contract.clone().ok_or_else(|| {
            Problem::new(
                format!("no coordinator is known on {}", self.network.name),
                "pass --contract ACCOUNT, or --network with the file that `piecework up` wrote",
            )
        })?;
        Ok(Coordinator::new(&self.rpc, contract))
    }

    /// The gateway.
    ///
    /// # Errors
    /// If none is known for the network, or its URL is malformed.
    pub fn gateway(&self) -> anyhow::Result<Client> {
        let url = self.network.gateway_url.as_deref().ok_or_else(|| {
            Problem::new(
                format!("no gateway is known on {}", self.network.name),
                "pass --gateway-url URL, or put gateway_url into the network file",
            )
        })?;
        Ok(Client::new(url, Default::default())?)
    }

    /// The account that the options name, whether or not its key is at hand.
    ///
    /// # Errors
    /// If they name none.
    pub fn account_id(&self) -> anyhow::Result<AccountId> {
        match (&self.account, &self.key_file) {
            (Some(account_id), _) => Ok(account_id.clone()),
            (None, Some(_)) => Ok(self.key()?.account_id),
            (None, None) => {
                bail!(Problem::new(
                    "no account is given",
                    "pass --account ID, or --key-file FILE; PIECEWORK_ACCOUNT and PIECEWORK_KEY_FILE do the same"
                ))
            }
        }
    }

    /// A sender for the signing account.
    ///
    /// # Errors
    /// If there is no key, or it is not on the account.
    pub async fn signer(&self) -> anyhow::Result<Sender> {
        let key = self.key()?;
        let began = Instant::now();
        let pool = loop {
            match KeyPool::open(&self.rpc, key.account_id.clone(), vec![key.secret_key().clone()]).await {
                Err(KeyError::NotOnAccount { .. }) if self.signs_intents(&key).await? => bail!(Problem::new(
                    format!("{} signs intents of {}, and no transactions", key.public_key, key.account_id),
                    "sign with it what another account relays: `batch create` or `append` with --spec-out FILE, then `piecework intent sign`",
                )),
                Err(KeyError::NotOnAccount { .. }) if began.elapsed() < KEY_WAIT => tokio::time::sleep(LAG_POLL).await,
                pool => break pool?,
            }
        };
        Ok(Sender::new(self.rpc.clone(), pool))
    }

    /// Whether a key was added for intents of its account, which makes it no access key.
    async fn signs_intents(&self, key: &KeyFile) -> anyhow::Result<bool> {
        let Ok(coordinator) = self.coordinator() else { return Ok(false) };
        let public_key = key.public_key.to_string();
        let keys = coordinator.intent_keys(&key.account_id).await?;
        Ok(keys.iter().any(|key| key.kinds != Kinds::NONE && key.public_key.to_string() == public_key))
    }

    /// Calls the coordinator, and waits until the effects are final.
    ///
    /// # Errors
    /// If none is known for the network, or the call does not succeed.
    pub async fn call(&self, signer: &Sender, call: Call) -> anyhow::Result<Outcome> {
        let contract = self.coordinator()?.account_id().clone();
        Ok(execute(signer, TxRequest::to(contract).call(call)).await?)
    }

    /// The chain's clock: the time of its newest final block, Unix seconds. Contracts count by it, and this machine's clock
    /// may be wrong.
    ///
    /// # Errors
    /// If the chain cannot be asked.
    pub async fn now_s(&self) -> anyhow::Result<u32> {
        Ok(u32::try_from(self.rpc.head().await?.timestamp_ns / 1_000_000_000)?)
    }

    /// The key that signs.
    ///
    /// # Errors
    /// If none is at hand.
    pub fn key(&self) -> anyhow::Result<KeyFile> {
        credentials::find(self.key_file.as_deref(), self.account.as_ref(), &self.network.name)
    }
}
