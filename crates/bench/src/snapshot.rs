//! The figures that were last accepted: none may grow by more than three percent unseen.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Context as _;

use crate::report::Gas;

/// Gas per method.
type Snapshot = BTreeMap<String, u64>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("gas.snapshot.json")
}

fn of(gas: &Gas) -> Snapshot {
    gas.methods.iter().map(|figure| (figure.method.to_owned(), figure.burnt.gas)).collect()
}

/// Accepts the figures.
///
/// # Errors
/// The file cannot be written.
pub fn write(gas: &Gas) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&of(gas))? + "\n";
    fs::write(path(), text).with_context(|| format!("{} cannot be written", path().display()))
}

#[cfg(test)]
mod tests {
    use std::{env, path::Path};

    use super::*;
    use crate::methods;

    #[test]
    fn readme__should_say_what_the_snapshot_says() {
        // Given the table of the coordinator's README, and the accepted figures in its two decimals
        let text = include_str!("../../../contracts/coordinator/README.md");
        let accepted: Snapshot = serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap();
        let rows = text.lines().filter_map(|line| {
            let mut cells = line.split(" | ").skip(1);
            let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
            Some((name, cells.next()?)).filter(|(name, _)| accepted.contains_key(*name))
        });

        // Then they are the same, and the calls that everybody makes are among them
        let rows: BTreeMap<_, _> = rows.collect();
        for (name, tgas) in &rows {
            let expected = hundredths(accepted[*name]);
            assert_eq!(*tgas, format!("{}.{:02}", expected / 100, expected % 100), "{name}");
        }
        assert!(
            ["heartbeat", "claim", "commit", "reveal", "last_reveal", "withdraw"]
                .iter()
                .all(|name| rows.contains_key(name))
        );
        let item = format!("0.{:04} TGas (`item_life`)", (accepted["item_life"] + 50_000_000) / 100_000_000);
        assert!(text.contains(&item), "{item}");
    }

    /// Hundredths of a TGas, rounded.
    const fn hundredths(gas: u64) -> u64 {
        (gas + 5_000_000_000) / 10_000_000_000
    }

    #[test]
    fn gas__should_not_grow_by_more_than_three_percent() {
        // Given the accepted figures
        let text = fs::read_to_string(path()).expect("gas.snapshot.json: scripts/bench gas --update writes it");
        let accepted: Snapshot = serde_json::from_str(&text).expect("a snapshot");

        // When everything is measured on the contracts that scripts/build-contracts made
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let measured = of(&methods::measure(&root.join("target/contracts"), None).expect("figures").0);

        // Then every method is there, and none costs more than 103 % of what was accepted
        assert_eq!(measured.keys().collect::<Vec<_>>(), accepted.keys().collect::<Vec<_>>());
        let grown: Vec<_> = measured
            .iter()
            .filter(|(method, gas)| u128::from(**gas) * 100 > u128::from(accepted[*method]) * 103)
            .map(|(method, gas)| format!("{method}: {} to {gas}", accepted[method]))
            .collect();
        assert!(grown.is_empty(), "gas grew; if it is meant to, run scripts/bench gas --update: {grown:#?}");
    }
}
