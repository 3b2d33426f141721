//! `piecework revenue policy`.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use piecework_chain::AccountId;
use piecework_console::Problem;
use piecework_revenue::Policy;
use serde_json::json;

use super::{FILE, load};
use crate::{context::Context, tokens};

/// `revenue policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// File with the policy
    #[arg(default_value = FILE)]
    file: PathBuf,
    /// Write a policy to the file, which must not exist yet, with a comment on each field
    #[arg(long, requires = "treasury")]
    init: bool,
    /// Account that has the fees and pays, for --init
    #[arg(long, value_name = "ACCOUNT", requires = "init")]
    treasury: Option<AccountId>,
    /// Token whose fees are shared, for --init: account, number or near [default: the only listed one]
    #[arg(long, requires = "init")]
    token: Option<String>,
}

pub(super) async fn run(context: &Context, args: PolicyArgs) -> anyhow::Result<()> {
    if let Some(treasury) = &args.treasury {
        let (network, token) =
            (context.gateway()?.network(None).await?, tokens::resolve(context, args.token.as_deref()).await?);
        let text = Policy::template(
            (&network.chain_id, &network.contract_id),
            treasury.as_str(),
            (token.id(), token.decimals),
            network.block_at,
        );
        let file = OpenOptions::new().write(true).create_new(true).open(&args.file);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| {
            Problem::new(format!("{} cannot be written", args.file.display()), "name a file that does not exist yet")
        })?;
        context.output.note(format!("written to {}: change what differs, and publish it", args.file.display()));
    }
    let policy = load(&args.file)?;
    let digest = hex::encode(policy.digest()?);
    context.output.result(&json!({ "digest": digest, "policy": policy }), || describe(&policy, &digest))
}

fn describe(policy: &Policy, digest: &str) -> String {
    let Policy { version, contract_id, first_epoch, epoch_days, treasury_id, reserve_id, carry_epochs, .. } = policy;
    let (begins_at, _) = policy.bounds(*first_epoch);
    let date = piecework_revenue::Date::at(begins_at);
    let percent = |bps: u16| format!("{}.{:02} %", bps / 100, bps % 100);
    let mut text = format!(
        "version {version} for {contract_id}, digest {digest}\n\
         from epoch {first_epoch}, which began on {date}; {epoch_days} days each\n\
         {} of the fees on work for others to its nodes, {} of those on referred work to referrers\n\
         {treasury_id} pays, {reserve_id} gets the rest; small amounts wait {carry_epochs} epochs at most",
        percent(policy.node_bps),
        percent(policy.referrer_bps),
    );
    for token in &policy.tokens {
        text += &format!(
            "\ntoken {}: a NEAR of stake stands behind {} units of fees; {} are paid at least, {} an account at most",
            token.token, token.fees_per_near.0, token.payout_min.0, token.share_max.0
        );
    }
    for referral in &policy.referrers {
        text += &format!("\n{} was referred by {}", referral.requester_id, referral.referrer_id);
    }
    text
}
