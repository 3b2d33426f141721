//! Where a local network keeps its files, and where the programs are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use piecework_chain::Network;

use super::chain::SANDBOX;
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
    /// The chain's node: `piecework-localnet`, or what `NEAR_SANDBOX_BIN_PATH` names.
    pub chain: PathBuf,
    /// Whether that variable names it.
    pub is_chain_named: bool,
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
        Self::find_with(bin, std::env::var_os(SANDBOX).filter(|name| !name.is_empty()).map(PathBuf::from))
    }

    fn find_with(bin: &Path, sandbox: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = sandbox.as_ref().filter(|path| !path.exists()) {
            let what = format!("{SANDBOX} names {}, which is missing", path.display());
            return Err(Problem::new(what, "set it to a sandbox node, or unset it").into());
        }
        // scripts/build-contracts writes below the checkout even when CARGO_TARGET_DIR puts programs elsewhere.
        let contracts = [bin.join("../contracts"), PathBuf::from("target/contracts")];
        let contracts = contracts.iter().find(|dir| dir.exists()).unwrap_or(&contracts[0]);
        let programs = Self {
            is_chain_named: sandbox.is_some(),
            chain: sandbox.unwrap_or_else(|| bin.join("piecework-localnet")),
            indexer: bin.join("piecework-indexer"),
            gateway: bin.join("piecework-gateway"),
            agent: bin.join("piecework-agent"),
            worker: bin.join("piecework-digits-worker"),
            coordinator: contracts.join("piecework_coordinator.wasm"),
            token: contracts.join("piecework_reward_token.wasm"),
        };
        let Self { chain, indexer, gateway, agent, worker, coordinator, token, .. } = &programs;
        let missing =
            [chain, indexer, gateway, agent, worker, coordinator, token].into_iter().find(|path| !path.exists());
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
        let error = Programs::find_with(dir.path(), None).unwrap_err();
        assert!(error.to_string().contains("piecework-localnet is missing"), "{error}");
        assert!(fix_of(&error).unwrap().contains("scripts/setup"));
    }

    #[test]
    fn programs__should_take_the_node_that_the_environment_names() {
        // Given a directory with all programs but a chain's
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("release");
        fs::create_dir_all(dir.path().join("contracts")).unwrap();
        fs::create_dir(&bin).unwrap();
        for name in ["piecework-indexer", "piecework-gateway", "piecework-agent", "piecework-digits-worker", "neard"] {
            fs::write(bin.join(name), "").unwrap();
        }
        for name in ["coordinator", "reward_token"] {
            fs::write(dir.path().join("contracts").join(format!("piecework_{name}.wasm")), "").unwrap();
        }

        // When the variable names one, then that is taken; and one that is missing is named with the variable
        let programs = Programs::find_with(&bin, Some(bin.join("neard"))).unwrap();
        assert_eq!((programs.chain, programs.is_chain_named), (bin.join("neard"), true));
        let error = Programs::find_with(&bin, Some(bin.join("gone"))).unwrap_err();
        assert!(error.to_string().contains("NEAR_SANDBOX_BIN_PATH names") && fix_of(&error).is_some(), "{error}");
    }
}
