//! What a market's contracts say, and its time.

use anyhow::{Context, Result};
use near_workspaces::{Account, AccountId, Contract};
use piecework_chain::{BlockRef, Coordinator};
use piecework_interface::{
    amount::Amount,
    ids::{BatchId, LotId},
    view::{self, Batch, Lot},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::market::{Market, TOKEN};

impl Market {
    /// The coordinator's views at the newest block.
    #[must_use]
    pub fn views(&self) -> Coordinator {
        Coordinator::new(&self.finality.rpc(), self.coordinator.id().clone()).at(BlockRef::Latest)
    }

    /// A view of any contract.
    ///
    /// # Errors
    /// The view failed or answers another type.
    pub async fn view_of<R: DeserializeOwned>(
        &self,
        contract: &AccountId,
        method: &str,
        args: &impl Serialize,
    ) -> Result<R> {
        Ok(self.finality.rpc().view_function(contract, method, args, BlockRef::Latest).await?.value)
    }

    /// Sha256 of the code that the coordinator runs.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn code_hash(&self) -> Result<[u8; 32]> {
        let account = self.finality.rpc().view_account(self.coordinator.id(), BlockRef::Latest).await?;
        Ok(account.context("the coordinator does not exist")?.value.code_hash.0)
    }

    /// NEAR that an account holds outside of the coordinator, in yoctoNEAR.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn near_balance(&self, account: &Account) -> Result<u128> {
        let found = self.finality.rpc().view_account(account.id(), BlockRef::Latest).await?;
        Ok(found.with_context(|| format!("{} does not exist", account.id()))?.value.amount.as_yoctonear())
    }

    /// A batch.
    ///
    /// # Errors
    /// There is no such batch.
    pub async fn batch(&self, batch: BatchId) -> Result<Batch> {
        self.views().batch(batch).await?.with_context(|| format!("there is no batch {batch}"))
    }

    /// A lot's record, if it has one.
    ///
    /// # Errors
    /// The view failed.
    pub async fn lot(&self, batch: BatchId, lot: LotId) -> Result<Option<Lot>> {
        Ok(self.views().lot(batch, lot).await?)
    }

    /// A registered account.
    ///
    /// # Errors
    /// The account is not registered.
    pub async fn account(&self, account: &Account) -> Result<view::Account> {
        self.views().account(account.id()).await?.with_context(|| format!("{} is not registered", account.id()))
    }

    /// The node of an account.
    ///
    /// # Errors
    /// The account is no node.
    pub async fn node(&self, account: &Account) -> Result<view::Node> {
        self.account(account).await?.node.context("the account has no node")
    }

    /// Internal balance in the reward token.
    ///
    /// # Errors
    /// The account is not registered.
    pub async fn balance(&self, account: &Account) -> Result<u128> {
        let balances = self.account(account).await?.balances;
        Ok(balances.iter().find(|balance| balance.token == TOKEN).map_or(0, |balance| balance.amount.0))
    }

    /// Balance on the reward token itself.
    ///
    /// # Errors
    /// The view failed.
    pub async fn token_balance(&self, account_id: &AccountId) -> Result<u128> {
        self.balance_of(&self.token, account_id).await
    }

    /// The same on any token.
    ///
    /// # Errors
    /// The view failed.
    pub async fn balance_of(&self, token: &Contract, account_id: &AccountId) -> Result<u128> {
        let args = json!({"account_id": account_id});
        let amount: Amount = self.view_of(token.id(), "ft_balance_of", &args).await?;
        Ok(amount.0)
    }

    /// Time of the newest block, Unix seconds.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn now_s(&self) -> Result<u32> {
        let block = self.finality.rpc().block(BlockRef::Latest).await?.context("the chain has no block")?;
        Ok(u32::try_from(block.header.timestamp_nanosec / 1_000_000_000)?)
    }

    /// Lets at least so many seconds pass on the chain, until they have passed in a final block: commands and agents count
    /// by that, and transactions that name a block from before the leap may be expired.
    ///
    /// # Errors
    /// The chain does not answer.
    pub async fn advance_s(&self, seconds: u32) -> Result<()> {
        let until = self.now_s().await? + seconds;
        let mut left = seconds;
        while left > 0 {
            // A height stands for less than a second, so that this approaches the end and does not leap over it.
            self.worker.fast_forward(u64::from(left.max(2))).await?;
            left = until.saturating_sub(self.now_s().await?);
        }
        self.until_final().await
    }

    /// Waits until a final block has whatever was done before: see [`crate::Finality::catch_up`].
    ///
    /// # Errors
    /// The chain does not answer, or makes no blocks.
    pub async fn until_final(&self) -> Result<()> {
        self.finality.catch_up().await
    }
}
