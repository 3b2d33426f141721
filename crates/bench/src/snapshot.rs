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
