//! A wallet that signs what the gateway makes, by near-api-js as `scripts/setup --test` installs it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use piecework_interface::ids::BatchId;
use piecework_sandbox_tests::{Market, Setup, Stack};
use sqlx::PgPool;
use tokio::process::Command;

#[sqlx::test(migrations = false)]
async fn wallet__should_create_a_batch_by_signing_what_the_gateway_makes(pool: PgPool) -> Result<()> {
    // Given a market with indexer and gateway, and a requester whose tokens are in its own account
    let market = Market::start(Setup { nodes: 1 }).await?;
    let stack = Stack::start(&market, &pool).await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/wallet.mjs");
    let dir = near_api_js()?;
    fs::copy(script, dir.join("wallet.mjs"))?;

    // When a wallet asks for transactions, signs and sends them
    let requester = &market.requester;
    let expires_at = market.now_s().await? + 86_400;
    let output = Command::new("node")
        .args(["wallet.mjs", &market.worker.rpc_addr(), stack.site.gateway_url(), requester.id().as_str()])
        .args([requester.secret_key().to_string(), expires_at.to_string()])
        .current_dir(&dir)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    // Then the batch exists with what it asked for, and its escrow is locked
    let batch = market.batch(BatchId(said.trim().parse()?)).await?;
    let open = batch.open.context("the batch is open")?;
    ensure!(open.requester == market.number(requester).await?, "{open:?}");
    ensure!((open.items, open.appendable, open.escrow.0) == (12, true, 61_200_000), "{open:?}");
    ensure!(market.balance(requester).await? == 38_800_000);
    stack.stop().await
}

/// Where near-api-js is.
fn near_api_js() -> Result<PathBuf> {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
    let dir = env::var_os("CARGO_TARGET_DIR").map_or_else(built, PathBuf::from).join("clients/near-api-js");
    ensure!(dir.join("installed").exists(), "near-api-js is not installed: run scripts/setup --test");
    Ok(dir)
}
