//! What a started chain says of itself.

use std::{
    fmt::Write as _,
    io::{IsTerminal, stdout},
    path::Path,
    time::Duration,
};

use near_crypto::KeyFile;
use near_primitives::types::{AccountId, Balance};
use serde_json::{Value, json};

use crate::{
    localnet::Localnet,
    node::{Cadence, Mode},
    profile::Profile,
};

/// Everything to be said.
pub struct Report<'a> {
    /// The running chain.
    pub localnet: &'a Localnet,
    /// Its funded accounts.
    pub accounts: &'a [KeyFile],
    /// When blocks are made.
    pub cadence: Cadence,
    /// The network it behaves like.
    pub like: Option<Profile>,
    /// Where the chain is kept.
    pub home: Option<&'a Path>,
    /// Time from the program's start to the first request.
    pub took: Duration,
}

impl Report<'_> {
    /// For programs: one line.
    pub fn json(&self) -> Value {
        let account = |key: &KeyFile| {
            json!({
                "account_id": key.account_id,
                "public_key": key.public_key,
                "secret_key": key.secret_key,
                "balance": self.balance(&key.account_id),
            })
        };
        let chain = &self.localnet.node().chain;
        json!({
            "chain_id": chain.genesis.config.chain_id,
            "rpc_url": self.localnet.rpc_url(),
            "explorer_url": self.explorer_url(),
            "like": self.like.map(Profile::name),
            "home": self.home,
            "block_height": chain.history().head().height(),
            "root": account(self.localnet.root()),
            "accounts": self.accounts.iter().map(account).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let (bold, dim, plain) = if stdout().is_terminal() { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let chain = &self.localnet.node().chain;
        let width = self.accounts.iter().map(|key| key.account_id.len()).max().unwrap_or(0).max(9);
        let mut text = format!("\n  {bold}piecework-localnet{plain} {}\n\n", env!("CARGO_PKG_VERSION"));
        let mut line = |name: &str, value: &str, note: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {dim}{name:<10}{plain}{bold}{value}{plain}  {dim}{note}{plain}");
        };
        line("RPC", &self.localnet.rpc_url(), &format!("chain id {}", chain.genesis.config.chain_id));
        line("Explorer", &self.explorer_url(), "");
        let interval = self.cadence.interval.as_millis();
        let blocks = match self.cadence.mode {
            Mode::Interval => format!("every {interval} ms"),
            Mode::OnDemand => format!("on demand, at most every {interval} ms"),
            Mode::Instant => format!("at once when there is work, else every {interval} ms"),
        };
        line("Blocks", &blocks, "a block is final two blocks later");
        if let Some(like) = self.like {
            line("Like", like.name(), "a public RPC's latency, limits, lag and gaps; see the README");
        }
        match self.home {
            Some(home) => {
                let height = chain.history().head().height();
                line("Kept in", &home.display().to_string(), &format!("at block {height}"));
            }
            None => line("Kept", "nowhere", "gone when it stops; --home <dir> keeps it"),
        }
        text.push_str(
            "\n  Accounts and their secret keys. Everyone knows these keys: use them on this chain only.\n\n",
        );
        for key in std::iter::once(self.localnet.root()).chain(self.accounts) {
            let near =
                self.balance(&key.account_id).map_or_else(String::new, |amount| format!("{} NEAR", amount.as_near()));
            let (account_id, secret_key) = (&key.account_id, &key.secret_key);
            let _ = writeln!(text, "  {bold}{account_id:<width$}{plain}  {near:>16}  {dim}{secret_key}{plain}");
        }
        let took = self.took.as_millis();
        let _ = writeln!(
            text,
            "\n  {dim}Ready after {took} ms. Ctrl-C stops it; --help says what else it can do.{plain}\n"
        );
        text
    }

    fn explorer_url(&self) -> String {
        format!("{}/explorer", self.localnet.rpc_url())
    }

    /// The balance now.
    fn balance(&self, account_id: &AccountId) -> Option<Balance> {
        let chain = &self.localnet.node().chain;
        let snapshot = chain.snapshot(chain.history().head().height());
        Some(snapshot.account(account_id).ok()??.amount())
    }
}
