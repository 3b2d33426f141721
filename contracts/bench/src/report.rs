//! Figures against their targets.

use anyhow::bail;
use serde::Serialize;

use crate::chain::Burnt;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What was called.
    pub name: &'static str,
    /// What it burnt.
    #[serde(flatten)]
    pub burnt: Burnt,
    /// The most gas it should burn; 0 where there is no target.
    pub gas_target: u64,
    /// The most compute it should burn; 0 where there is no target.
    pub compute_target: u64,
}

impl Figure {
    /// Whether it is within its targets.
    fn holds(&self) -> bool {
        let within = |value, target| target == 0 || value <= target;
        within(self.burnt.gas, self.gas_target) && within(self.burnt.compute, self.compute_target)
    }
}

/// Prints a table in TGas.
#[expect(clippy::print_stdout, reason = "the table is the program's result")]
pub fn print_table(figures: &[Figure]) {
    println!("{:<52} {:>9} {:>9} {:>9}", "call", "gas T", "compute T", "target T");
    for figure in figures {
        let target = match (figure.gas_target, figure.compute_target) {
            (0, 0) => String::new(),
            (gas, 0) => tera(gas),
            (gas, compute) => format!("{} / {}", tera(gas), tera(compute)),
        };
        let verdict = if figure.holds() { "" } else { "  above" };
        let Burnt { gas, compute } = figure.burnt;
        println!("{:<52} {:>9} {:>9} {:>9}{verdict}", figure.name, tera(gas), tera(compute), target);
    }
}

/// Prints all figures as one JSON line.
///
/// # Errors
/// They cannot be written.
pub fn print_json(figures: &[Figure]) -> anyhow::Result<()> {
    serde_json::to_writer(std::io::stdout().lock(), figures)?;
    Ok(())
}

/// Fails naming the figures above their targets.
///
/// # Errors
/// There are some.
pub fn check(figures: &[Figure]) -> anyhow::Result<()> {
    let above: Vec<_> = figures.iter().filter(|figure| !figure.holds()).map(|figure| figure.name).collect();
    if above.is_empty() { Ok(()) } else { bail!("above target: {}", above.join(", ")) }
}

/// Units of 10^12 with four decimals, rounded down.
fn tera(value: u64) -> String {
    format!("{}.{:04}", value / 1_000_000_000_000, value / 100_000_000 % 10_000)
}
