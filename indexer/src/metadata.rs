//! Symbols and decimals of listed tokens, for people: each token's contract is asked for its NEP-148 metadata.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use piecework_chain::ft::{self, Metadata};
use piecework_interface::ids::TokenId;
use piecework_store::{
    DatabaseUrl, connect_one,
    token_metadata::{TokenMetadata, token_metadata_missing, token_metadata_put},
};
use tokio::time::sleep;

use crate::config::Chain;

/// Between two looks for tokens that are new.
const INTERVAL: Duration = Duration::from_secs(10);
/// A contract that gave none is asked again after this.
const AGAIN: Duration = Duration::from_secs(3_600);
/// Characters of a symbol at most; a contract may say anything.
const SYMBOL_MAX: usize = 32;
/// Decimals at most: 2^128 has 39 digits.
const DECIMALS_MAX: u8 = 38;

/// Asks every token that is listed and not known yet, for as long as it runs. Nothing depends on it.
pub async fn ask_often(chain: Chain, database: DatabaseUrl, statement_timeout: Duration) {
    let mut tried = BTreeMap::new();
    loop {
        if let Err(error) = ask(&chain, &database, statement_timeout, &mut tried).await {
            tracing::warn!(error = format!("{error:#}"), "token metadata cannot be kept");
        }
        sleep(INTERVAL).await;
    }
}

async fn ask(
    chain: &Chain,
    database: &DatabaseUrl,
    statement_timeout: Duration,
    tried: &mut BTreeMap<TokenId, Instant>,
) -> anyhow::Result<()> {
    let mut conn = connect_one(database, "piecework-metadata", statement_timeout).await?;
    for (token, account_id) in token_metadata_missing(&mut conn).await? {
        if tried.get(&token).is_some_and(|at| at.elapsed() < AGAIN) {
            continue;
        }
        tried.insert(token, Instant::now());
        match read(chain, &account_id).await {
            Ok(Some(metadata)) => token_metadata_put(&mut conn, token, &metadata).await?,
            Ok(None) => tracing::warn!(%token, account_id, "the token's symbol or decimals cannot be shown"),
            Err(error) => tracing::warn!(%token, account_id, error = format!("{error:#}"), "the token has no metadata"),
        }
    }
    Ok(())
}

async fn read(chain: &Chain, account_id: &str) -> anyhow::Result<Option<TokenMetadata>> {
    let account_id = account_id.parse().context("no account id")?;
    Ok(shown(ft::metadata(&chain.rpc, &account_id).await?))
}

/// What can be shown of an answer: letters, digits and ASCII signs, so that nothing turns the text around, and no other token
/// passes for NEAR.
fn shown(Metadata { symbol, decimals }: Metadata) -> Option<TokenMetadata> {
    let symbol: String =
        symbol.chars().filter(|char| char.is_alphanumeric() || char.is_ascii_graphic()).take(SYMBOL_MAX).collect();
    let poses = symbol.is_empty() || symbol.eq_ignore_ascii_case("near");
    (!poses && decimals <= DECIMALS_MAX).then_some(TokenMetadata { symbol, decimals })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown__should_be_short_and_printable() {
        let of = |symbol: &str, decimals| shown(Metadata { symbol: symbol.to_owned(), decimals });
        let some = |symbol: &str| Some(TokenMetadata { symbol: symbol.to_owned(), decimals: 6 });
        assert_eq!(of("USDC", 6), some("USDC"));
        assert_eq!(of(" a\0\u{202e}\nb ", 6), some("ab"));
        assert_eq!(of(&"x".repeat(10_000), 6), some(&"x".repeat(32)));
        for (symbol, decimals) in [("", 6), ("\n", 6), ("X", 39), ("Near", 24)] {
            assert_eq!(of(symbol, decimals), None, "{symbol}");
        }
    }
}
