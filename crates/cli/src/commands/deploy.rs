//! `piecework deploy`: a market by a plan, from a funded account to a configuration that only proposals change.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use piecework_console::{
    Problem,
    amount::{format_near, format_units},
};
use piecework_stack::launch::{Done, Launch, Standing, State, Step};
use serde_json::json;

use crate::context::Context;

const TENTH_TGAS: u64 = 100_000_000_000;

/// `deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Plan of the market, such as deploy/plan.example.toml
    #[arg(value_name = "PLAN.toml")]
    plan: PathBuf,
    /// Show all steps, what they cost and whether they stand; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave the signing key on the contract's account, where it can replace the code at once
    #[arg(long)]
    keep_key: bool,
    /// Stop once this step stands
    #[arg(long, value_name = "STEP", conflicts_with = "dry_run")]
    until: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// If a step fails, or something else stands than the plan has.
pub async fn run(context: &Context, args: DeployArgs) -> anyhow::Result<()> {
    let mut launch = Launch::open(&context.rpc, &args.plan, context.key()?, args.keep_key).await?;
    let digest = hex::encode(launch.plan().code_hash);
    context.output.note(format!("the plan's code has the SHA-256 {digest}"));
    if let Some(until) = &args.until {
        check_step(&launch.standing().await?, until)?;
    }
    let mut done = Vec::new();
    while !args.dry_run && !stands(&launch, args.until.as_deref()).await? {
        let Some(step) = launch.next(context.output).await? else { break };
        let tgas = tgas(step.gas_burnt.as_gas());
        context.output.note(format!("{}: done, {tgas} TGas, transaction {}", step.step, step.tx_hash));
        done.push(step);
    }
    let standing = launch.standing().await?;
    let result = json!({
        "contract": launch.plan().contract,
        "code_sha256": digest,
        "steps": standing.steps,
        "missing_yoctonear": standing.yoctonear.to_string(),
        "gas_price": standing.gas_price.to_string(),
        "done": done.iter().map(described).collect::<Vec<_>>(),
    });
    context.output.result(&result, || describe(&standing))?;
    // A dry run says first what stands, and then why the launch would not go on.
    standing.check()
}

/// Whether everything stands up to the step that is the last one to be done.
async fn stands(launch: &Launch, until: Option<&str>) -> anyhow::Result<bool> {
    let Some(until) = until else { return Ok(false) };
    let steps = launch.standing().await?.steps;
    let end = steps.iter().position(|step| step.step == until).map_or(steps.len(), |index| index + 1);
    Ok(steps.iter().take(end).all(|step| step.state == State::Done))
}

fn check_step(standing: &Standing, name: &str) -> anyhow::Result<()> {
    let names: Vec<&str> = standing.steps.iter().map(|step| step.step.as_str()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    bail!(Problem::new(format!("there is no step {name}"), format!("pass --until with one of: {}", names.join(", "))))
}

fn described(done: &Done) -> serde_json::Value {
    json!({ "step": done.step, "gas_burnt": done.gas_burnt.as_gas(), "tx_hash": done.tx_hash })
}

/// Gas in TGas, with one digit after the point.
pub(super) fn tgas(gas: u64) -> String {
    format_units(u128::from(gas / TENTH_TGAS), 1)
}

/// All steps, one a line, and what is left.
fn describe(standing: &Standing) -> String {
    let mut lines: Vec<String> = standing.steps.iter().map(line).collect();
    if standing.yoctonear > 0 {
        let (needed, held) = (format_near(standing.yoctonear), format_near(standing.held));
        lines.push(format!("what is missing takes up to {needed} NEAR with its gas; the signing account holds {held}"));
    }
    lines.join("\n")
}

/// A step with its state, what it costs, and what stands or who does it instead.
fn line(step: &Step) -> String {
    let (state, more) = match &step.state {
        State::Done => ("stands", String::new()),
        State::Missing if step.yoctonear == 0 => ("missing", format!(" ({} TGas at most)", tgas(step.gas))),
        State::Missing => {
            ("missing", format!(" ({} TGas at most, {} NEAR)", tgas(step.gas), format_near(step.yoctonear)))
        }
        State::Differs { found, fix } => ("differs", format!("; {found}; {fix}")),
        State::Waits { fix } => ("waits", format!("; {fix}")),
    };
    format!("{state:<8} {}: {}{more}", step.step, step.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(state: State, gas: u64, yoctonear: u128) -> Step {
        Step::shown("class", "class 0 is \"digits\"", state, gas, yoctonear)
    }

    #[test]
    fn line__should_say_what_a_step_costs_or_who_does_it() {
        let near = 10_u128.pow(24);
        let differs = State::Differs { found: "it is \"a\"".to_owned(), fix: "the owner's".to_owned() };
        for (step, text) in [
            (step(State::Done, 0, 0), "stands   class: class 0 is \"digits\""),
            (
                step(State::Missing, 11_000_000_000_000, near),
                "missing  class: class 0 is \"digits\" (11 TGas at most, 1 NEAR)",
            ),
            (step(State::Missing, 2_150_000_000_000, 0), "missing  class: class 0 is \"digits\" (2.1 TGas at most)"),
            (step(differs, 0, 0), "differs  class: class 0 is \"digits\"; it is \"a\"; the owner's"),
        ] {
            assert_eq!(line(&step), text);
        }
    }
}
