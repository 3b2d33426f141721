//! The end of the run: a table for people, one JSON line for programs, and the verdict.

use std::time::Duration;

use piecework_console::{
    Problem,
    amount::{format_near, format_units},
    table,
};
use piecework_interface::lots::lot_items;
use piecework_stack::{LOCAL_TOKEN_DECIMALS, Like};
use serde::Serialize;

use crate::{
    checks::{self, Check, Checks, Found, Input, reputation},
    run::Run,
    settle,
};

/// The JSON line, with exactly these keys.
#[derive(Clone, Debug, Serialize)]
struct Figures {
    /// The chain's node and its version.
    chain: String,
    /// Which network it behaved like, if one was asked for.
    like: Option<Like>,
    items: u32,
    accepted: u32,
    unresolved: u32,
    accuracy: f64,
    extended_items: u32,
    tgas_per_item: f64,
    conserved: bool,
    journal_verified: bool,
    mirror_equal: bool,
    restarted_node_paid: bool,
    random_node_last: bool,
    coalition_gained_nothing: bool,
    /// Whether a jury corrected a lie; null where the class has too few nodes for appeals.
    jury_overturned: Option<bool>,
    seconds: f64,
}

/// Everything that is said at the end.
pub(super) struct Report {
    figures: Figures,
    checks: Checks,
    nodes: Vec<Vec<String>>,
    batch_s: Duration,
    withdrawal: Option<Check>,
}

impl Report {
    /// Takes the figures and checks everything.
    pub(super) async fn new(
        run: &Run,
        input: Input<'_>,
        like: Option<Like>,
        (gas_before, batch_s): (u64, Duration),
    ) -> anyhow::Result<Self> {
        let gas = run.gas().await?.saturating_sub(gas_before);
        let receiver = run.follower.ledger();
        // The ledger stands still while it is read, so that all checks see the same block.
        let ledger = receiver.borrow().clone();
        let checks = checks::run(run, &ledger, &input).await?;
        let (accepted, right) = settle::accepted(&ledger, input.batch, input.digits.truth());
        let open = ledger.closed(input.batch);
        let items = open.map_or(0, |open| open.items);
        let settled: u32 = open.map_or(0, |open| {
            let lots = ledger.history.results.iter().filter(|result| result.batch == input.batch);
            lots.map(|result| u32::from(lot_items(open.items, open.terms.lot_size, result.lot))).sum()
        });
        let accuracy = settle::accuracy(&ledger, input.batch, input.digits.truth());
        let nodes = input.nodes.iter().map(|agent| {
            let (answered, right) = accuracy.get(&agent.account).copied().unwrap_or_default();
            vec![
                agent.name.clone(),
                agent.classifier.to_owned(),
                answered.to_string(),
                percent(right, answered),
                format_units(ledger.earned(agent.account), LOCAL_TOKEN_DECIMALS),
                format_near(ledger.slashed(agent.account)),
                reputation(&ledger, agent.account).to_string(),
            ]
        });
        let figures = Figures {
            chain: run.stack.chain.clone(),
            like,
            items,
            accepted,
            unresolved: settled - accepted,
            accuracy: ratio(u64::from(right), u64::from(accepted)),
            extended_items: ledger.extended_items(input.batch),
            tgas_per_item: ratio(gas, u64::from(items) * 1_000_000_000_000),
            conserved: checks.conserved.holds(),
            journal_verified: checks.journal.holds(),
            mirror_equal: checks.mirror.holds(),
            restarted_node_paid: checks.restarted.holds(),
            random_node_last: checks.random.holds(),
            coalition_gained_nothing: checks.cancelled.holds(),
            jury_overturned: input.plot.lied.is_ok().then(|| checks.jury.holds()),
            seconds: 0.0,
        };
        Ok(Self { figures, nodes: nodes.collect(), checks, batch_s, withdrawal: None })
    }

    /// Adds the withdrawal and the whole time.
    pub(super) fn finish(&mut self, found: Found, elapsed: Duration) {
        self.figures.seconds = (elapsed.as_secs_f64() * 10.0).round() / 10.0;
        self.withdrawal = Some(Check { name: "a reward was withdrawn to its NEP-141 balance", found });
    }

    pub(super) fn json(&self) -> &impl Serialize {
        &self.figures
    }

    pub(super) fn text(&self) -> String {
        let Figures { chain, like, items, accepted, unresolved, accuracy, extended_items, tgas_per_item, .. } =
            &self.figures;
        let seconds = self.figures.seconds;
        let like = like.map(|like| format!(", like {like}")).unwrap_or_default();
        let nodes =
            table(&["node", "classifier", "answers", "right", "earned", "slashed NEAR", "reputation"], &self.nodes);
        let summary = [
            ("chain", format!("{chain}{like}")),
            ("items", items.to_string()),
            ("accepted", accepted.to_string()),
            ("unresolved", unresolved.to_string()),
            ("accuracy", format!("{:.2} % of the accepted answers", accuracy * 100.0)),
            ("extended items", extended_items.to_string()),
            ("gas per item", format!("{tgas_per_item:.4} TGas")),
            ("batch", format!("{:.1} s", self.batch_s.as_secs_f64())),
            ("all", format!("{seconds:.1} s")),
        ];
        let summary = summary.map(|(name, value)| format!("{name:<15} {value}")).join("\n");
        let checks: Vec<String> = self.checks().map(describe).collect();
        format!("\n{nodes}\n\n{summary}\n\n{}", checks.join("\n"))
    }

    /// Fails unless every check holds.
    pub(super) fn verdict(&self) -> anyhow::Result<()> {
        let wrong: Vec<String> = self.checks().filter(|check| !check.holds()).map(describe).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            format!("the demo's checks do not all hold:\n{}", wrong.join("\n")),
            "read the logs of the run",
        )
        .into())
    }

    fn checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.all().into_iter().chain(&self.withdrawal)
    }
}

fn describe(check: &Check) -> String {
    match &check.found {
        Ok(found) => format!("ok    {}: {found}", check.name),
        Err(wrong) => format!("FAIL  {}: {wrong}", check.name),
    }
}

fn percent(part: u32, whole: u32) -> String {
    format!("{:.1} %", ratio(u64::from(part), u64::from(whole)) * 100.0)
}

/// A ratio for people to look at; 0 of nothing is 0. Nothing is decided by it.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures__should_have_exactly_the_agreed_keys() {
        let figures = Figures {
            chain: "piecework-localnet 1".to_owned(),
            like: Some(Like::Mainnet),
            items: 0,
            accepted: 0,
            unresolved: 0,
            accuracy: 0.0,
            extended_items: 0,
            tgas_per_item: 0.0,
            conserved: true,
            journal_verified: true,
            mirror_equal: true,
            restarted_node_paid: true,
            random_node_last: true,
            coalition_gained_nothing: true,
            jury_overturned: Some(true),
            seconds: 0.0,
        };
        let text = serde_json::to_string(&figures).unwrap();
        assert_eq!(
            text,
            "{\"chain\":\"piecework-localnet 1\",\"like\":\"mainnet\",\"items\":0,\"accepted\":0,\"unresolved\":0,\"accuracy\":0.0,\"extended_items\":0,\"tgas_per_item\":0.0,\
             \"conserved\":true,\"journal_verified\":true,\"mirror_equal\":true,\"restarted_node_paid\":true,\
             \"random_node_last\":true,\"coalition_gained_nothing\":true,\"jury_overturned\":true,\"seconds\":0.0}"
        );
    }

    #[test]
    fn ratio__should_be_zero_of_nothing() {
        assert!(ratio(0, 0).abs() < f64::EPSILON);
        assert_eq!(percent(1, 3), "33.3 %");
    }
}
