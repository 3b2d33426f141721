//! The run: everything is started, driven and stopped.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use piecework_chain::{LAG, LAG_POLL, ft};
use piecework_console::{
    Interrupt, Output, Problem,
    amount::{ONE_NEAR, format_units},
};
use piecework_interface::{config::Config, ids::BatchId};
use piecework_stack::{LOCAL_TOKEN_DECIMALS, Layout, Plan, Programs, Stack, guide, local_config};

use crate::{
    agents::{Agents, FIRST, OTHERS},
    args::DemoArgs,
    checks::{self, Found},
    coalition,
    digits::{self, Digits},
    gas::Meter,
    incidents,
    ledger::{self, Follower},
    progress,
    report::Report,
    requester,
    run::Run,
};

/// Nodes of the demo.
const NODES: usize = 9;
/// yoctoNEAR that each stakes: one ticket, which small slashes do not take away.
const STAKE: u128 = 15 * ONE_NEAR;
/// Whole tokens of the requester.
const MINT: u128 = 1_000;
/// Bounds of the time for the work on a lot, and for its reveals, seconds.
const LOT_S: (u32, u32) = (10, 120);

/// Runs the demo. Whatever it starts is stopped at its end, also when it fails or is interrupted.
///
/// # Errors
/// If a step fails, or a check does not hold.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let output = Output::new(args.json, args.quiet);
    let dir = args.dir.clone().unwrap_or_else(|| Path::new(".piecework").join(format!("demo-{}", std::process::id())));
    let layout = Layout::create(&dir)?;
    let dir = layout.dir().to_owned();
    let report = run_in(output, layout, &args).await;
    if let Err(error) = report.and_then(|report| report.verdict()) {
        output.note(format!("the run's files are in {}, its logs in {}", dir.display(), dir.join("logs").display()));
        return Err(error);
    }
    std::fs::remove_dir_all(&dir).with_context(|| format!("{} cannot be removed", dir.display()))
}

/// Starts everything, drives it, and stops it.
async fn run_in(output: Output, layout: Layout, args: &DemoArgs) -> anyhow::Result<Report> {
    let programs = Programs::find()?;
    let mut interrupt = Interrupt::catch()?;
    let started = Instant::now();
    let stack = Stack::start(layout, programs, &plan(args), output, &mut interrupt).await?;
    output.note(format!(
        "chain, Postgres, indexer and gateway run, {NODES} nodes are staked ({:.1} s); page: {}",
        stack.start_time.as_secs_f32(),
        stack.site.gateway_url()
    ));
    let (meter, blocks) = Meter::start(&stack);
    let follower = Follower::start(&stack, blocks);
    let mut run = Run { stack, agents: Agents::default(), follower, meter };
    let finished = tokio::select! {
        finished = drive(&mut run, args, output, started) => finished,
        () = interrupt.wait() => Err(Problem::new("interrupted; everything is stopped", "run it again").into()),
    };
    if args.keep && finished.is_ok() {
        let site = &run.stack.site;
        let (piecework, items) = (site.programs.piecework.display(), site.layout.dir().join("items.jsonl"));
        let batch = run.stack.coordinator().root().await?.value.next_batch;
        let next = [
            format!("{piecework} batch create --from {} --reward 0.01 --lot-size 60", items.display()),
            format!("{piecework} batch watch {batch}"),
            format!("{piecework} batch results {batch} --out answers.jsonl"),
            format!("{piecework} node status {}", run.stack.nodes[0].owner.account_id),
            format!("{piecework} account withdraw"),
        ];
        output.note(guide(&run.stack, &next));
        tokio::select! {
            error = run.stack.watch() => output.note(format!("{error:#}")),
            () = interrupt.wait() => {}
        }
    }
    output.note("stopping everything");
    run.follower.stop().await;
    match &finished {
        Ok(_) => run.agents.stop().await,
        Err(_) => run.agents.kill().await?,
    }
    run.stack.stop().await;
    finished
}

fn plan(args: &DemoArgs) -> Plan {
    Plan {
        config: Config { liveness_window_s: 3_600, ..local_config() },
        nodes: NODES,
        stake: STAKE,
        mint: MINT,
        database_url: args.database_url.clone(),
        rpc_listen: "127.0.0.1:0".to_owned(),
        gateway_listen: "127.0.0.1:0".to_owned(),
        like: args.like,
    }
}

async fn drive(run: &mut Run, args: &DemoArgs, output: Output, started: Instant) -> anyhow::Result<Report> {
    let idle = checks::idle_near(&run.stack, &run.stack.rpc).await?;
    let digits = digits::load()?;
    let plot = coalition::begin(&run.stack, &digits, output).await?;
    run.agents.start(&run.stack, FIRST).await?;
    coalition::end(&run.stack, &digits, &plot, run.follower.ledger(), output).await?;
    run.agents.start(&run.stack, OTHERS).await?;

    let gas = run.gas().await?;
    let (batch, gold) = post(&run.stack, output, &digits).await?;
    let begun = Instant::now();
    let incidents = work(run, output, batch).await?;
    let batch_s = begun.elapsed();
    output.note(format!("the batch is closed after {:.1} s; checking", batch_s.as_secs_f32()));

    let findings = checks::Input { batch, digits: &digits, gold, incidents, plot, idle_near: idle, nodes: &run.agents };
    let mut report = Report::new(run, findings, args.like, (gas, batch_s)).await?;
    let paid = withdraw(run).await?;
    report.finish(paid, started.elapsed());
    output.result(report.json(), || report.text())?;
    Ok(report)
}

/// Of so many items the requester knows one's answer.
const GOLD_EACH: usize = 30;

/// Posts the batch the way a requester does: from a file of items, checked, uploaded, paid by a token transfer.
///
/// Three copies, an extension of three more, and times short enough to watch: the work on a lot may take the least time and as long
/// as starting everything took, so that a busy machine or a slow chain, where all takes longer, has more time for it.
async fn post(stack: &Stack, output: Output, digits: &Digits) -> anyhow::Result<(BatchId, PathBuf)> {
    let from = stack.site.layout.dir().join("items.jsonl");
    digits.write_items(&from, 0..digits.truth().len())?;
    let known = stack.site.layout.dir().join("known.jsonl");
    digits.write_gold(&known, GOLD_EACH)?;
    let start_s = u32::try_from(stack.start_time.as_secs()).unwrap_or(u32::MAX);
    let lot_time = format!("{}s", LOT_S.0.saturating_add(start_s).min(LOT_S.1));
    let created = requester::create(
        &stack.site,
        &stack.requester.key_file,
        &from,
        &[
            ("gold", &known.display().to_string()),
            ("reward", "0.01"),
            ("lot-size", "60"),
            ("replicas", "3"),
            ("quorum", "70"),
            ("claim-ttl", &lot_time),
            ("reveal-window", &lot_time),
            ("slice", "1s"),
            ("bond", "100"),
            ("dissent-slash", "20"),
            ("abandon-slash", "10"),
            ("expires", "1h"),
        ],
    )
    .await?;
    output.note(format!(
        "batch posted by {}: {} items in {} lots, {} of the token locked",
        stack.requester.account_id,
        created.items,
        created.lots,
        format_units(created.escrow.0, LOCAL_TOKEN_DECIMALS)
    ));
    Ok((created.batch, created.gold.context("the batch has no gold")?))
}

/// Follows the batch to its close, with the two accidents in between. A server that ends fails the run at once.
async fn work(run: &mut Run, output: Output, batch: BatchId) -> anyhow::Result<incidents::Incidents> {
    let Run { stack, agents, follower, .. } = run;
    let ledger = follower.ledger();
    let coordinator = stack.coordinator();
    let shown = progress::show(output, ledger.clone(), batch, agents.names());
    let finished = async {
        let incidents = incidents::happen(&coordinator, batch, agents, ledger.clone(), output).await?;
        ledger::until(ledger, "the batch to close", |ledger| ledger.is_closed(batch).then_some(())).await?;
        anyhow::Ok(incidents)
    };
    let result = tokio::select! {
        finished = finished => finished,
        error = stack.watch() => Err(error),
    };
    shown.abort();
    result
}

/// Withdraws the first node's reward to its token account.
async fn withdraw(run: &Run) -> anyhow::Result<Found> {
    let stack = &run.stack;
    let (owner, token) = (&stack.nodes[0].owner, &stack.deployment.token);
    let before = ft::balance(&stack.rpc, token, &owner.account_id).await?;
    requester::withdraw(&stack.site, &owner.key_file).await?;
    let end = Instant::now() + LAG;
    let after = loop {
        let after = ft::balance(&stack.rpc, token, &owner.account_id).await?;
        // The endpoint that answers may lag behind the one that took the withdrawal.
        if after > before || Instant::now() >= end {
            break after;
        }
        tokio::time::sleep(LAG_POLL).await;
    };
    let show = |units| format_units(units, LOCAL_TOKEN_DECIMALS);
    let text = format!("{} had {} of the token and now has {}", owner.account_id, show(before), show(after));
    Ok(if after > before { Ok(text) } else { Err(text) })
}
