//! Figures against their targets.

use std::fmt::Write as _;

use anyhow::bail;
use near_primitives::views::ExecutionOutcomeView;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::chain::{Burnt, log_bytes};

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Gas {
    /// The protocol whose prices they are.
    pub protocol_version: u32,
    /// The coordinator's code.
    pub wasm_bytes: u64,
    /// Per method.
    pub methods: Vec<Figure>,
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was called.
    pub method: &'static str,
    /// What it burnt.
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

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Figure", 7)?;
        fields.serialize_field("method", self.method)?;
        fields.serialize_field("tgas", &tera(self.burnt.gas))?;
        fields.serialize_field("compute_t", &tera(self.burnt.compute))?;
        fields.serialize_field("receipts", &self.burnt.receipts)?;
        fields.serialize_field("storage_bytes", &self.burnt.storage_bytes)?;
        fields.serialize_field("wasm_tgas", &tera(self.burnt.wasm_gas))?;
        let target = (self.gas_target > 0).then(|| tera(self.gas_target));
        fields.serialize_field("target_tgas", &target)?;
        fields.end()
    }
}

/// A table in TGas.
pub fn table(gas: &Gas) -> String {
    let mut out = format!(
        "protocol {}, coordinator {} bytes; TGas over all receipts of a call\n\n{:<28} {:>8} {:>8} {:>9} {:>5} {:>8} {:>8} {:>6}\n",
        gas.protocol_version, gas.wasm_bytes, "method", "gas", "of wasm", "compute", "recs", "bytes", "target", "ratio"
    );
    for figure in &gas.methods {
        let Burnt { gas, wasm_gas, compute, receipts, storage_bytes } = figure.burnt;
        let (target, ratio) = match figure.gas_target {
            0 => (String::new(), String::new()),
            target => (format!("{:.3}", tera(target)), format!("{:.2}", tera(gas) / tera(target))),
        };
        let verdict = if figure.holds() { "" } else { "  above" };
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{:<28} {:>8.4} {:>8.4} {:>9.4} {:>5} {:>8} {:>8} {:>6}{verdict}",
            figure.method,
            tera(gas),
            tera(wasm_gas),
            tera(compute),
            receipts,
            storage_bytes,
            target,
            ratio
        );
    }
    out
}

/// What receipts burnt their gas for, dearest first, in GGas.
pub fn profile(ran: &[ExecutionOutcomeView]) -> String {
    let mut out = String::new();
    for receipt in ran {
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{} {:.1} GGas, {} bytes of log",
            receipt.executor_id,
            1_000.0 * tera(receipt.gas_burnt.as_gas()),
            log_bytes(receipt)
        );
        let mut costs: Vec<_> = receipt.metadata.gas_profile.iter().flatten().collect();
        costs.sort_by_key(|cost| std::cmp::Reverse(cost.gas_used));
        for cost in costs {
            let gas = 1_000.0 * tera(cost.gas_used.as_gas());
            let _ = writeln!(out, "{gas:>10.1} {}", cost.cost.to_lowercase());
        }
    }
    out
}

/// Fails naming the figures above their targets.
///
/// # Errors
/// There are some.
pub fn check(gas: &Gas) -> anyhow::Result<()> {
    let above: Vec<_> = gas.methods.iter().filter(|figure| !figure.holds()).map(|figure| figure.method).collect();
    if above.is_empty() { Ok(()) } else { bail!("above target: {}", above.join(", ")) }
}

/// Units of 10^12, for people.
pub fn tera(value: u64) -> f64 {
    let giga = u32::try_from(value / 1_000_000).unwrap_or(u32::MAX);
    f64::from(giga) / 1_000_000.0
}
