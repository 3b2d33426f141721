//! Where the programs and contracts of a build are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use piecework_console::Problem;
use tokio::process::Command;

use crate::{layout::Layout, process::command};

/// The variable that names a sandbox node, as for near-workspaces.
pub const SANDBOX: &str = "NEAR_SANDBOX_BIN_PATH";

/// The programs and contracts of one build.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The chain's node: `piecework-localnet`, or what `NEAR_SANDBOX_BIN_PATH` names.
    pub chain: PathBuf,
    /// Whether that variable names it.
    pub is_chain_named: bool,
    /// `piecework`.
    pub piecework: PathBuf,
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

    /// `piecework` on a network, as who has this key file, with results as JSON.
    #[must_use]
    pub fn piecework_command(&self, layout: &Layout, key_file: &Path) -> Command {
        let mut piecework = command(&self.piecework);
        piecework.arg("--json").arg("--network").arg(layout.network()).arg("--key-file").arg(key_file);
        piecework.kill_on_drop(true);
        piecework
    }

    fn find_with(bin: &Path, sandbox: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = sandbox.as_ref().filter(|path| !path.exists()) {
            let what = format!("{SANDBOX} names {}, which is missing", path.display());
            bail!(Problem::new(what, "set it to a sandbox node, or unset it"));
        }
        // scripts/build-contracts writes below the checkout even when CARGO_TARGET_DIR puts programs elsewhere.
        let contracts = [bin.join("../contracts"), PathBuf::from("target/contracts")];
        let contracts = contracts.iter().find(|dir| dir.exists()).unwrap_or(&contracts[0]);
        let programs = Self {
            is_chain_named: sandbox.is_some(),
            chain: sandbox.unwrap_or_else(|| bin.join("piecework-localnet")),
            piecework: bin.join("piecework"),
            indexer: bin.join("piecework-indexer"),
            gateway: bin.join("piecework-gateway"),
            agent: bin.join("piecework-agent"),
            worker: bin.join("piecework-digits-worker"),
            coordinator: contracts.join("piecework_coordinator.wasm"),
            token: contracts.join("piecework_reward_token.wasm"),
        };
        let Self { chain, piecework, indexer, gateway, agent, worker, coordinator, token, .. } = &programs;
        let all = [chain, piecework, indexer, gateway, agent, worker, coordinator, token];
        if let Some(path) = all.into_iter().find(|path| !path.exists()) {
            let what = format!("{} is missing", path.display());
            bail!(Problem::new(what, "run ./scripts/setup in the checkout"));
        }
        Ok(programs)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use piecework_console::fix_of;

    use super::*;

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
        fs::write(bin.join("neard"), "").unwrap();
        for name in ["", "-indexer", "-gateway", "-agent", "-digits-worker"] {
            fs::write(bin.join(format!("piecework{name}")), "").unwrap();
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
