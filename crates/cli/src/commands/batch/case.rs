//! What `batch create` may fix beside its terms: gold, an adjudicator, a contract to tell of the end.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use piecework_chain::{AccountId, BlockRef};
use piecework_console::Problem;
use piecework_interface::{
    config::Bounds,
    terms::{Terms, Verification},
    view::Callback,
};

use super::seen;
use crate::{
    context::Context,
    gold::{self, Record, Records},
    items::Item,
    terms::seconds,
};

/// Percent of the bond lost by missing gold, unless said otherwise.
const GOLD_SLASH_PCT: u8 = 50;
/// TGas of a callback, unless said otherwise.
const CALLBACK_TGAS: u8 = 10;

/// Gold, an adjudicator, a contract to tell.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Checks")]
pub struct CaseArgs {
    /// Answers you know already, JSON {"ITEM": ANSWER} or CSV ITEM,ANSWER: the batch commits to them, `batch open-gold` shows them
    #[arg(long, value_name = "FILE")]
    pub gold: Option<PathBuf>,
    /// Part of the bond lost by missing every known answer, in percent [default: 50, within what the contract allows]
    #[arg(long, value_name = "PERCENT", requires = "gold")]
    pub gold_slash: Option<u8>,
    /// Where the record of the gold is kept.
    #[command(flatten)]
    pub place: GoldDir,
    /// Account that scores each copy, for answers of which equal bytes mean nothing; work begins when it has accepted
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "gold")]
    pub adjudicator: Option<AccountId>,
    /// Time of the adjudicator for a lot; its silence pays in full
    #[arg(long, default_value = "1d", value_parser = seconds, value_name = "TIME", requires = "adjudicator")]
    pub verdict_ttl: u32,
    /// Contract whose `on_piecework_results` is called when the batch is closed, with this gas, 5 to 100 [default TGAS: 10]
    #[arg(long, value_name = "ACCOUNT[:TGAS]", value_parser = callback)]
    pub callback: Option<Callback>,
}

/// Where records of gold are.
#[derive(Clone, Debug, Default, Args)]
pub struct GoldDir {
    /// Directory of gold records: keep it safe and secret [default: piecework/gold below your data directory]
    #[arg(long, value_name = "DIR", env = "PIECEWORK_GOLD_DIR")]
    pub gold_dir: Option<PathBuf>,
}

/// The gold of a batch that is being created, and where its record is kept.
pub(super) struct Gold {
    pub records: Records,
    pub record: Record,
}

impl CaseArgs {
    /// Puts gold and adjudicator into the terms.
    pub(super) async fn apply(
        &self,
        context: &Context,
        bounds: &Bounds,
        max_replicas: Option<u8>,
        terms: &mut Terms,
    ) -> anyhow::Result<()> {
        let coordinator = context.coordinator()?;
        if self.gold.is_some() {
            let rate = GOLD_SLASH_PCT.max(terms.dissent_slash_pct).min(bounds.gold_slash_pct_max);
            terms.gold_slash_pct = self.gold_slash.unwrap_or(rate);
            if terms.gold_slash_pct == 0 {
                bail!(Problem::new("--gold-slash is 0", "give 1 to 100: known answers must cost who misses them"));
            }
        }
        if let Some(account_id) = &self.adjudicator {
            let adjudicator = coordinator.account_no(account_id).await?.ok_or_else(|| {
                Problem::new(
                    format!("the adjudicator {account_id} is not registered with {}", coordinator.account_id()),
                    format!("run `piecework account storage-deposit {account_id}`"),
                )
            })?;
            terms.verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: self.verdict_ttl };
            terms.max = max_replicas.unwrap_or(terms.start);
        }
        if let Some(callback) = &self.callback {
            check_listener(context, callback).await?;
        }
        let option = if self.gold.is_some() { "--gold" } else { "--adjudicator" };
        if terms.challenge_window_s == 0 && (self.gold.is_some() || self.adjudicator.is_some()) {
            bail!(Problem::new(
                format!("{option} needs time between tally and settlement"),
                "pass --challenge-window, such as 1h",
            ));
        }
        Ok(())
    }

    /// The known answers, which nobody must have seen as gold before.
    pub(super) async fn gold(
        &self,
        context: &Context,
        requester: &AccountId,
        items: &[Item],
        terms: &Terms,
    ) -> anyhow::Result<Option<Gold>> {
        let Some(path) = &self.gold else { return Ok(None) };
        let records = Records::open(self.place.gold_dir.clone())?;
        let answers = gold::read(path, items, terms.answer_width)?;
        let record = Record::new(rand::random(), items, &answers);
        let mut opened = records.opened()?;
        opened.extend(seen::opened(&context.gateway()?, requester).await?);
        if let Some((item, batch)) = record.payloads.iter().find_map(|(item, it)| Some((item, opened.get(it)?))) {
            let place = batch.map_or_else(|| "an earlier batch".to_owned(), |batch| format!("batch {batch}"));
            bail!(Problem::new(
                format!("item {item} was opened as gold in {place}: nodes know its answer"),
                format!("take it out of {}, and use a payload that was never opened", path.display()),
            ));
        }
        Ok(Some(Gold { records, record }))
    }
}

/// A batch tells its listener once, and nobody learns that it was not there.
async fn check_listener(context: &Context, callback: &Callback) -> anyhow::Result<()> {
    let account_id: AccountId = callback.account_id.parse()?;
    match context.rpc.view_account(&account_id, BlockRef::Final).await? {
        Some(_) => Ok(()),
        None => bail!(Problem::new(
            format!("{account_id}, which --callback names, does not exist on {}", context.network.name),
            "deploy the contract that is to be told first, or leave --callback out",
        )),
    }
}

fn callback(text: &str) -> Result<Callback, String> {
    let (account_id, tgas) = text.split_once(':').unwrap_or((text, ""));
    let account_id: AccountId = account_id.parse().map_err(|error| format!("{account_id:?} is no account: {error}"))?;
    let tgas = match tgas {
        "" => Some(CALLBACK_TGAS),
        tgas => tgas.parse().ok().filter(|tgas| (5..=100).contains(tgas)),
    };
    let tgas = tgas.ok_or("give 5 to 100 TGas, as ACCOUNT:TGAS")?;
    Ok(Callback { account_id: account_id.to_string(), tgas })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callback__should_take_an_account_and_its_gas() {
        let of = |text: &str| callback(text).map(|it| (it.account_id, it.tgas));
        assert_eq!(of("dapp.near"), Ok(("dapp.near".to_owned(), 10)));
        assert_eq!(of("dapp.near:100"), Ok(("dapp.near".to_owned(), 100)));
        for text in ["dapp.near:4", "dapp.near:101", "dapp.near:x", "Dapp", ":5"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
