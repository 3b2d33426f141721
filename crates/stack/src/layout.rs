//! Where a local network keeps its files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use piecework_chain::Network;
use piecework_console::Problem;

/// The directory of one local network.
#[derive(Clone, Debug)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Makes the directory, which must not hold another network.
    ///
    /// # Errors
    /// If it holds one, or cannot be made.
    pub fn create(dir: &Path) -> anyhow::Result<Self> {
        let layout = Self { dir: std::path::absolute(dir)? };
        if layout.chain().exists() {
            bail!(Problem::new(
                format!("{} holds the data of another local network", dir.display()),
                "choose another directory, or remove it",
            ));
        }
        for dir in [layout.logs(), layout.keys(), layout.blobs(), layout.nodes()] {
            fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        }
        Ok(layout)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The chain's home.
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.dir.join("chain")
    }

    /// The private Postgres.
    #[must_use]
    pub fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The gateway's blobs.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// Key files.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// Agents' configurations and states.
    fn nodes(&self) -> PathBuf {
        self.dir.join("nodes")
    }

    /// An agent's configuration file by the node's short name.
    #[must_use]
    pub fn agent_config(&self, name: &str) -> PathBuf {
        self.nodes().join(format!("{name}.toml"))
    }

    /// An agent's state directory by the node's short name.
    #[must_use]
    pub fn agent_state(&self, name: &str) -> PathBuf {
        self.nodes().join(name)
    }

    /// A key file by the account's short name.
    #[must_use]
    pub fn key(&self, name: &str) -> PathBuf {
        self.keys().join(format!("{name}.json"))
    }

    /// A process's log.
    #[must_use]
    pub fn log(&self, process: &str) -> PathBuf {
        self.logs().join(format!("{process}.log"))
    }

    /// Logs of all processes.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The network file, for `--network`.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        self.dir.join("network.toml")
    }

    /// Writes the network file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_network(&self, network: &Network) -> anyhow::Result<()> {
        let path = self.network();
        fs::write(&path, toml::to_string(network)?).with_context(|| format!("{} cannot be written", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout__should_refuse_the_directory_of_another_network() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        fs::create_dir(layout.chain()).unwrap();
        assert!(Layout::create(dir.path()).unwrap_err().to_string().contains("another local network"));
    }
}
