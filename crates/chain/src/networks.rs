//! Networks by name, or from a TOML file of one's own.

use crate::{AccountId, RpcConfig};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a Piecework deployment is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What people call it.
    pub name: String,
    /// RPC endpoints, preferred first.
    pub rpc_urls: Vec<String>,
    /// The coordinator contract, if it is known for this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<AccountId>,
    /// The gateway, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
}

/// Why a network could not be found.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// It is neither a known name nor a file.
    #[error("there is no network {0:?}; use localnet, testnet, mainnet or the path of a TOML file")]
    Unknown(String),
    /// The file could not be read.
    #[error("network file {} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has another form.
    #[error("network file {} must hold name, rpc_urls and optionally contract and gateway_url", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: Box<toml::de::Error>,
    },
}

impl Network {
    /// A network we know: `localnet`, `testnet` or `mainnet`.
    pub fn named(name: &str) -> Option<Self> {
        let (rpc_urls, gateway_url): (&[&str], _) = match name {
            "localnet" => (&["http://127.0.0.1:3030"], Some("http://127.0.0.1:8080")),
            "testnet" => (&["https://rpc.testnet.fastnear.com", "https://rpc.testnet.near.org"], None),
            "mainnet" => (&["https://rpc.mainnet.fastnear.com", "https://rpc.mainnet.near.org"], None),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            rpc_urls: rpc_urls.iter().map(|&url| url.to_owned()).collect(),
            contract: None,
            gateway_url: gateway_url.map(str::to_owned),
        })
    }

    /// A known network, or the one a TOML file describes.
    ///
    /// # Errors
    /// If it is neither, or the file is not a network file.
    pub fn load(name_or_path: &str) -> Result<Self, NetworkError> {
        if let Some(network) = Self::named(name_or_path) {
            return Ok(network);
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none() && !path.exists() {
            return Err(NetworkError::Unknown(name_or_path.to_owned()));
        }
        let text =
            std::fs::read_to_string(path).map_err(|source| NetworkError::Io { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| NetworkError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }

    /// The client configuration for its endpoints.
    pub fn rpc_config(&self) -> RpcConfig {
        RpcConfig::new(&self.rpc_urls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network__should_be_found_by_name() {
        for name in ["localnet", "testnet", "mainnet"] {
            assert_eq!(Network::load(name).unwrap().name, name);
        }
        assert!(matches!(Network::load("betanet"), Err(NetworkError::Unknown(_))));
    }

    #[test]
    fn network__should_be_read_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ours.toml");
        let text = "name = \"ours\"\nrpc_urls = [\"http://10.0.0.1:3030\"]\ncontract = \"pw.near\"\n";
        std::fs::write(&path, text).unwrap();
        let network = Network::load(path.to_str().unwrap()).unwrap();
        assert_eq!(network.contract.as_ref().unwrap(), "pw.near");
        assert_eq!(network.rpc_urls, ["http://10.0.0.1:3030"]);
    }

    #[test]
    fn network__should_name_the_file_and_the_mistake() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ours.toml");
        std::fs::write(&path, "name = \"ours\"\nrpc_url = \"http://10.0.0.1:3030\"\n").unwrap();
        let error = Network::load(path.to_str().unwrap()).unwrap_err();
        assert!(error.to_string().contains("ours.toml"), "{error}");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("rpc_url"));
    }
}
