//! `piecework revenue accrue`.

use anyhow::bail;
use clap::Args;
use piecework_console::{Problem, table};
use piecework_revenue::{Date, EpochNo, Kind, Report, Why};
use serde::Serialize;

use super::{PolicyFile, Symbols, load, read::Mirror};
use crate::context::Context;

/// `revenue accrue`.
#[derive(Debug, Args)]
pub struct AccrueArgs {
    #[command(flatten)]
    policy: PolicyFile,
    /// Number of the epoch [default: the running one]
    #[arg(long)]
    epoch: Option<u32>,
    /// Day of UTC such as 2026-12-01: its epoch up to the day's end
    #[arg(long, conflicts_with = "epoch")]
    date: Option<Date>,
}

/// A report as it is printed: `digest` is the SHA-256 of the text of `report`.
#[derive(Serialize)]
struct Printed<'a> {
    digest: &'a str,
    report: &'a Report,
}

pub(super) async fn run(context: &Context, args: AccrueArgs) -> anyhow::Result<()> {
    let mirror = Mirror::open(context.gateway()?, load(&args.policy.policy)?).await?;
    let policy = &mirror.policy;
    let now = mirror.network.block_at;
    let (epoch, until) = match (args.epoch, args.date) {
        (Some(epoch), _) => (EpochNo(epoch), now),
        (None, Some(date)) => {
            (EpochNo::at(date.begins_at(), policy.epoch_days), Date(date.0.saturating_add(1)).begins_at().min(now))
        }
        (None, None) => (EpochNo::at(now, policy.epoch_days), now),
    };
    if policy.bounds(epoch).0 > now {
        bail!(Problem::new(
            format!(
                "epoch {epoch} has not begun by the mirror's clock, which is in epoch {}",
                EpochNo::at(now, policy.epoch_days)
            ),
            "name one that has",
        ));
    }
    let report = mirror.report(epoch, until, &context.output.spinner("reading the journal")).await?;
    let (_, digest) = report.bytes()?;
    let symbols = Symbols::read(&mirror.gateway).await?;
    let digest = hex::encode(digest);
    let printed = Printed { digest: &digest, report: &report };
    context.output.result(&printed, || describe(&report, &digest, &symbols))
}

fn describe(report: &Report, digest: &str, symbols: &Symbols) -> String {
    let (begins, ends) = (Date::at(report.begins_at), Date::at(report.until.saturating_sub(1)));
    let state = if report.is_final { "final" } else { "running" };
    let mut text = format!(
        "epoch {}, {begins} to {ends}, {state}: lines {} to {} of the journal\npolicy {}\nreport {digest}\n",
        report.epoch,
        report.journal.first_seq,
        report.journal.next_seq,
        hex::encode(report.policy),
    );
    let rows: Vec<Vec<String>> = report
        .lines
        .iter()
        .map(|line| {
            let show = |units: u128| symbols.show(line.token, units);
            let kind = match line.kind {
                Kind::Node => "node",
                Kind::Referrer => "referrer",
                Kind::Reserve => "reserve",
            };
            let why = match &line.why {
                None => "carried".to_owned(),
                Some(Why::Work { fees, bound, .. }) if fees > bound => {
                    format!("fees {}, its stake stands behind {}", show(fees.0), show(bound.0))
                }
                Some(Why::Work { fees, .. } | Why::Referral { fees }) => format!("fees {}", show(fees.0)),
                Some(Why::Rest { own, unbacked }) => {
                    format!("own work {}, too little stake {}", show(own.0), show(unbacked.0))
                }
            };
            let (payout, carried) = (show(line.payout.0), show(line.carried_out.0));
            vec![line.account_id.clone(), kind.to_owned(), show(line.amount.0), payout, carried, why]
        })
        .collect();
    text += &table(&["account", "kind", "share", "payout", "carried on", "of"], &rows);
    for total in &report.totals {
        let show = |units: u128| symbols.show(total.token, units);
        text += &format!(
            "\nfees {} = nodes {} + referrers {} + reserve {}; with {} carried in, {} are paid and {} carried on",
            show(total.fees.0),
            show(total.nodes.0),
            show(total.referrers.0),
            show(total.reserve.0),
            show(total.carried_in.0),
            show(total.payout.0),
            show(total.carried_out.0),
        );
    }
    for day in &report.days {
        text += &format!("\n{}: fees {}", day.date, symbols.show(day.token, day.fees.0));
    }
    for other in &report.other_fees {
        text += &format!("\nnot shared: fees {}", symbols.show(other.token, other.fees.0));
    }
    text
}
