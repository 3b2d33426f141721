//! What `batch create` may fix beside its terms: an adjudicator, a contract to tell of the end, a referrer.

use anyhow::bail;
use clap::Args;
use piecework_chain::{AccountId, BlockRef};
use piecework_console::Problem;
use piecework_interface::{
    ids::AccountNo,
    terms::{Terms, Verification},
    view::{Callback, Referrer},
};

use crate::{context::Context, terms::seconds};

/// TGas of a callback, unless said otherwise.
const CALLBACK_TGAS: u8 = 10;

/// An adjudicator, a contract to tell, a referrer.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Checks")]
pub struct CaseArgs {
    /// Account that scores each copy, for answers of which equal bytes mean nothing; work begins when it has accepted
    #[arg(long, value_name = "ACCOUNT")]
    pub adjudicator: Option<AccountId>,
    /// Time of the adjudicator for a lot; its silence pays in full, and costs it a part of its bond
    #[arg(long, default_value = "1d", value_parser = seconds, value_name = "TIME", requires = "adjudicator")]
    pub verdict_ttl: u32,
    /// Contract whose `on_piecework_results` is called when the batch is closed, with this gas, 5 to 100 [default TGAS: 10]
    #[arg(long, value_name = "ACCOUNT[:TGAS]", value_parser = callback)]
    pub callback: Option<Callback>,
    /// Account that brought the batch: it gets a part of the fees
    #[arg(long, value_name = "ACCOUNT", requires = "referrer_part")]
    pub referrer: Option<AccountId>,
    /// The referrer's part of the fee on pay, in percent, at most 50; it costs the requester nothing
    #[arg(long, value_name = "PCT", value_parser = clap::value_parser!(u8).range(0..=50), requires = "referrer")]
    pub referrer_part: Option<u8>,
}

impl CaseArgs {
    /// Puts the adjudicator into the terms.
    pub(super) async fn apply(&self, context: &Context, terms: &mut Terms) -> anyhow::Result<()> {
        if let Some(account_id) = &self.adjudicator {
            let adjudicator = number(context, "adjudicator", account_id).await?;
            terms.verification = Verification::Adjudicated { adjudicator, verdict_ttl_s: self.verdict_ttl };
        }
        if let Some(callback) = &self.callback {
            check_listener(context, callback).await?;
        }
        if terms.challenge_window_s == 0 && self.adjudicator.is_some() {
            bail!(Problem::new(
                "--adjudicator needs time between verdict and settlement, in which its scores can be challenged",
                "pass --challenge-window, such as 1h",
            ));
        }
        Ok(())
    }

    /// Who gets a part of the fees, if somebody does.
    pub(super) async fn referrer(&self, context: &Context) -> anyhow::Result<Option<Referrer>> {
        let Some((account_id, part_pct)) = self.referrer.as_ref().zip(self.referrer_part) else { return Ok(None) };
        let account = number(context, "referrer", account_id).await?;
        Ok(Some(Referrer { account, part_pct }))
    }
}

/// The number of an account, which must be registered.
async fn number(context: &Context, what: &str, account_id: &AccountId) -> anyhow::Result<AccountNo> {
    let coordinator = context.coordinator()?;
    let number = coordinator.account_no(account_id).await?;
    number.ok_or_else(|| {
        let problem = format!("the {what} {account_id} is not registered with {}", coordinator.account_id());
        Problem::new(problem, format!("run `piecework account storage-deposit {account_id}`")).into()
    })
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
