//! `piecework govern show`.

use piecework_console::amount::format_near;
use piecework_interface::governance::{Change, Feature, Settings};
use piecework_stack::launch::differences;

use crate::{
    commands::{date, time, word},
    context::Context,
};

pub(super) async fn run(context: &Context) -> anyhow::Result<()> {
    let settings = context.coordinator()?.settings().await?;
    let now_s = context.now_s().await?;
    context.output.result(&settings, || describe(&settings, now_s))
}

/// Who governs, what is paused, and what waits for how long.
fn describe(settings: &Settings, now_s: u32) -> String {
    let name = |account_id: &Option<String>| account_id.clone().unwrap_or_else(|| "nobody".to_owned());
    let mut lines = vec![format!("owner        {}", settings.owner_id)];
    if let Some(proposed) = &settings.proposed_owner_id {
        lines.push(format!("next owner   {proposed}, by accepting"));
    }
    lines.push(format!("guardian     {}", name(&settings.guardian_id)));
    lines.push(format!("token admin  {}", name(&settings.token_admin_id)));
    let treasury = settings.treasury.map_or_else(|| "nobody".to_owned(), |account| format!("account {account}"));
    lines.push(format!("treasury     {treasury}"));
    let paused: Vec<String> = Feature::ALL.iter().filter(|feature| feature.is_in(settings.paused)).map(word).collect();
    lines.push(format!("paused       {}", if paused.is_empty() { "nothing".to_owned() } else { paused.join(", ") }));
    let config = &settings.config;
    lines.push(format!(
        "changes wait {}; least stake {} NEAR, fee {} basis points",
        time(config.unbonding_s.saturating_add(config.notice_s)),
        format_near(config.min_stake.0),
        config.fee_bps
    ));
    for proposal in &settings.proposals {
        let when = match proposal.ready_at.saturating_sub(now_s) {
            0 => format!("may be applied: `piecework govern apply {}`", proposal.number),
            left => format!("waits {} more, until {}", time(left), date(proposal.ready_at)),
        };
        lines.push(format!("proposal {}: {}; {when}", proposal.number, describe_change(settings, &proposal.change)));
    }
    lines.join("\n")
}

fn describe_change(settings: &Settings, change: &Change) -> String {
    match change {
        Change::Code(hash) => format!("code with the SHA-256 {}", hex::encode(hash)),
        Change::Prices(prices) => format!(
            "token {}: least reward {}, rep_unit {}, bond_rate {} units",
            prices.token, prices.min_reward.0, prices.rep_unit.0, prices.bond_rate.0
        ),
        Change::Config(config) => {
            let (was, becomes) = (serde_json::to_value(&settings.config), serde_json::to_value(config));
            let differences = was.ok().zip(becomes.ok()).map(|(was, becomes)| differences("", &was, &becomes));
            let differences = differences.unwrap_or_default();
            let text: Vec<String> = differences.iter().map(|(name, was, is)| format!("{name}: {was} → {is}")).collect();
            if text.is_empty() { "the configuration as it is".to_owned() } else { text.join(", ") }
        }
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::{config::Config, governance::Proposal};

    use super::*;

    #[test]
    fn describe__should_say_what_changes_and_when() {
        let config = Config { fee_bps: 300, ..Config::default() };
        let proposal = |number, ready_at, change| Proposal { number, ready_at, change };
        let settings = Settings {
            owner_id: "o.near".to_owned(),
            paused: 9,
            proposals: vec![proposal(3, 100, Change::Config(config)), proposal(4, 160, Change::Code([7; 32]))],
            ..Settings::default()
        };
        let text = describe(&settings, 100);
        for part in [
            "owner        o.near",
            "paused       deposits, claims",
            "proposal 3: fee_bps: 200 → 300; may be applied: `piecework govern apply 3`",
            "waits 1m more, until 1970-01-01T00:02:40Z",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
