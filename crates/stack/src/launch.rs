//! The launch of a market on any chain, from an account with NEAR to a configuration that only proposals change.
//!
//! Nothing is remembered between two runs: each step says by the chain alone whether it stands.

mod found;
mod plan;
mod step;
mod steps;
mod withdrawal;

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, bail};
use piecework_chain::{AccountId, Gas, KeyFile, KeyPool, Outcome, RpcClient, Sender, TxRequest};
use piecework_console::{Output, Problem, amount::format_near};

use crate::deploy::{execute_outcome, open_pool};
use found::Found;
use step::Act;
use steps::Signer;

pub(crate) use steps::found_request;

pub use plan::{CONFIG_FIELDS, LaunchPlan, TokenPlan, config_with, differences, listing, on_this_chain};
pub use step::{State, Step};
pub use withdrawal::test_withdrawal;

/// Who launches what, and where.
pub struct Launch {
    rpc: RpcClient,
    plan: LaunchPlan,
    key: KeyFile,
    signer: Signer,
    tested: BTreeSet<AccountId>,
}

/// Where a launch stands.
#[derive(Debug)]
pub struct Standing {
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// yoctoNEAR that the missing ones lock, deposit or burn, and attach as gas.
    pub yoctonear: u128,
    /// yoctoNEAR of a unit of gas.
    pub gas_price: u128,
    /// yoctoNEAR that the signing account holds.
    pub held: u128,
}

/// What a step that was done burnt.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its name.
    pub step: String,
    /// Gas of its transactions.
    pub gas_burnt: Gas,
    /// The last of them.
    pub tx_hash: String,
}

impl Launch {
    /// Reads a plan. Nothing is sent.
    ///
    /// # Errors
    /// The chain cannot be asked, or the plan cannot hold on it.
    pub async fn open(rpc: &RpcClient, path: &Path, key: KeyFile, key_stays: bool) -> anyhow::Result<Self> {
        let plan = LaunchPlan::read(path, &rpc.status().await?.chain_id)?;
        if plan.contract == key.account_id {
            bail!(Problem::new(
                format!("{} would be the contract and sign for it: tokens take no transfer to oneself", key.account_id),
                format!("let the plan's contract be an account below it, such as market.{}", key.account_id),
            ));
        }
        let signer =
            Signer { account_id: key.account_id.clone(), public_key: key.public_key.clone(), stays: key_stays };
        Ok(Self { rpc: rpc.clone(), plan, key, signer, tested: BTreeSet::new() })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &LaunchPlan {
        &self.plan
    }

    /// What stands and what is missing.
    ///
    /// # Errors
    /// The chain cannot be asked, or a token of the plan is none.
    pub async fn standing(&self) -> anyhow::Result<Standing> {
        let found =
            Found { tested: self.tested.clone(), ..Found::read(&self.rpc, &self.plan, &self.key.account_id).await? };
        let steps = steps::steps(&self.plan, &found, &self.signer);
        let price = |step: &Step| step.yoctonear.saturating_add(u128::from(step.gas).saturating_mul(found.gas_price));
        let missing = steps.iter().filter(|step| step.state == State::Missing);
        let yoctonear = missing.map(price).fold(0, u128::saturating_add);
        Ok(Standing { steps, yoctonear, gas_price: found.gas_price, held: found.yoctonear })
    }

    /// Does the first missing step, and says what it burnt; `None` if none is missing.
    ///
    /// # Errors
    /// Something stands that the plan does not have, the account holds too little NEAR, or the step fails.
    pub async fn next(&mut self, output: Output) -> anyhow::Result<Option<Done>> {
        let standing = self.standing().await?;
        standing.check()?;
        let Some(step) = standing.steps.into_iter().find(|step| step.state == State::Missing) else { return Ok(None) };
        let spinner = output.spinner(step.step.clone());
        let failed = || {
            let fix = "run the same command again once the cause is gone: it goes on from here";
            Problem::new(format!("the step {} was not done", step.step), fix)
        };
        let outcomes = match step.act {
            Act::None => Vec::new(),
            Act::Signer(request) => vec![self.send(&self.key.account_id, request).await.with_context(failed)?],
            Act::Contract(request) => vec![self.send(&self.plan.contract, request).await.with_context(failed)?],
            Act::Test(index) => {
                let token = self.plan.tokens[index].account_id.clone();
                let sender = self.sender(&self.key.account_id).await?;
                let outcomes = test_withdrawal(&sender, &self.plan.contract, &token).await?;
                self.tested.insert(token);
                outcomes
            }
        };
        spinner.finish_and_clear();
        let sum = |sum: Gas, outcome: &Outcome| sum.checked_add(outcome.gas_burnt).unwrap_or(Gas::MAX);
        let gas_burnt = outcomes.iter().fold(Gas::ZERO, sum);
        let tx_hash = outcomes.last().map(|outcome| outcome.tx_hash.to_string()).unwrap_or_default();
        Ok(Some(Done { step: step.step, gas_burnt, tx_hash }))
    }

    async fn sender(&self, account_id: &AccountId) -> anyhow::Result<Sender> {
        let pool: KeyPool = open_pool(&self.rpc, account_id, vec![self.key.secret_key().clone()]).await?;
        Ok(Sender::new(self.rpc.clone(), pool))
    }

    async fn send(&self, account_id: &AccountId, request: TxRequest) -> anyhow::Result<Outcome> {
        let (outcome, height) = execute_outcome(&self.sender(account_id).await?, request).await?;
        // What the next step reads is not older.
        self.rpc.raise_min_height(height);
        Ok(outcome)
    }
}

impl Standing {
    /// Refuses to go on where something else stands than the plan has, or the NEAR would not last.
    ///
    /// # Errors
    /// So it is: each difference, and how it is changed.
    pub fn check(&self) -> anyhow::Result<()> {
        let differing = self.steps.iter().filter_map(|step| match &step.state {
            State::Differs { found, fix } => Some((format!("{}: {found}", step.step), format!("{}: {fix}", step.step))),
            _ => None,
        });
        let (found, fixes): (Vec<String>, Vec<String>) = differing.unzip();
        if !found.is_empty() {
            bail!(Problem::new(format!("the chain differs from the plan in {}", found.join("; ")), fixes.join("; ")));
        }
        if self.held < self.yoctonear {
            bail!(Problem::new(
                format!(
                    "the launch takes up to {} NEAR, and the signing account holds {}",
                    format_near(self.yoctonear),
                    format_near(self.held)
                ),
                "send it the rest, and run this again",
            ));
        }
        Ok(())
    }
}
