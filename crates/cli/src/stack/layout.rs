//! Where a local network keeps its files, and where the programs are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use piecework_chain::Network;

use crate::problem::Problem;

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
            return Err(Problem::new(
                format!("{} holds the data of another local network", dir.display()),
                "choose another directory, or remove it",
            )
            .into());
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
    #[must_use]
    pub fn nodes(&self) -> PathBuf {
        self.dir.join("nodes")
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

/// The programs and contracts of one build.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `piecework-localnet`.
    pub localnet: PathBuf,
    /// `piecework-indexer`.
    pub indexer: PathBuf,
    /// `piecework-gateway`.
    pub gateway: PathBuf,
    /// `piecework-agent`.
    pub agent: PathBuf,
    /// `piecework-digits-worker`.
    pub worker: PathBuf,
    /// The coordinator's wasm.
    pub coordinator: PathBuf,
    /// The reward token's wasm.
    pub token: PathBuf,
}

impl Programs {
    /// Finds them beside this program, as `scripts/setup` builds them.
    ///
    /// # Errors
    /// If one is missing, with what makes it.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("this program's own place is unknown")?;
        Self::find_in(own.parent().unwrap_or(Path::new(".")))
    }

    /// Finds them in a directory of programs, such as `target/release`.
    ///
    /// # Errors
    /// As [`Programs::find`].
    pub fn find_in(bin: &Path) -> anyhow::Result<Self> {
        // scripts/build-contracts writes below the checkout even when CARGO_TARGET_DIR puts programs elsewhere.
        let contracts = [bin.join("../contracts"), PathBuf::from("target/contracts")];
        let contracts = contracts.iter().find(|dir| dir.exists()).unwrap_or(&contracts[0]);
        let programs = Self {
            localnet: bin.join("piecework-localnet"),
            indexer: bin.join("piecework-indexer"),
            gateway: bin.join("piecework-gateway"),
            agent: bin.join("piecework-agent"),
            worker: bin.join("piecework-digits-worker"),
            coordinator: contracts.join("piecework_coordinator.wasm"),
            token: contracts.join("piecework_reward_token.wasm"),
        };
        let Self { localnet, indexer, gateway, agent, worker, coordinator, token } = &programs;
        let missing =
            [localnet, indexer, gateway, agent, worker, coordinator, token].into_iter().find(|path| !path.exists());
        match missing {
            None => Ok(programs),
            Some(path) => {
                Err(Problem::new(format!("{} is missing", path.display()), "run ./scripts/setup in the checkout")
                    .into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(non_snake_case)]
    use super::*;
    use crate::problem::fix_of;

    #[test]
    fn layout__should_refuse_the_directory_of_another_network() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        fs::create_dir(layout.chain()).unwrap();
        assert!(Layout::create(dir.path()).unwrap_err().to_string().contains("another local network"));
    }

    #[test]
    fn programs__should_name_what_is_missing_and_what_makes_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Programs::find_in(dir.path()).unwrap_err();
        assert!(error.to_string().contains("piecework-localnet is missing"), "{error}");
        assert!(fix_of(&error).unwrap().contains("scripts/setup"));
    }
}
