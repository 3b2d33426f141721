//! A contract at one block, as a client of it reads it.

use std::ops::Deref;

use piecework_client::{View, ViewContract, views};
use piecework_interface::view::{Account, Batch, Root};
use serde::de::DeserializeOwned;

use crate::{AccountId, At, BlockHeight, BlockRef, RpcClient, ViewError};

/// A contract at one block, or at the newest final one.
#[derive(Clone, Debug)]
pub struct Contract {
    rpc: RpcClient,
    account_id: AccountId,
    block: BlockRef,
}

impl Contract {
    /// The contract at the newest final block.
    #[must_use]
    pub fn new(rpc: &RpcClient, account_id: AccountId) -> Self {
        // A certain block is always one that an endpoint gave.
        Self { rpc: rpc.with_lag(), account_id, block: BlockRef::Final }
    }

    /// The contract as it was at a block.
    #[must_use]
    pub fn at(&self, block: BlockRef) -> Self {
        Self { block, ..self.clone() }
    }

    /// The contract as endpoints answer that are not behind a block.
    #[must_use]
    pub fn since(&self, height: BlockHeight) -> Self {
        Self { rpc: self.rpc.with_min_height(height), ..self.clone() }
    }

    /// Its account.
    #[must_use]
    pub const fn account_id(&self) -> &AccountId {
        &self.account_id
    }

    /// Asks, and says at which block the answer holds.
    ///
    /// # Errors
    /// The contract cannot be asked, or answers otherwise.
    pub async fn read<R: DeserializeOwned>(&self, view: View<R>) -> Result<At<R>, ViewError> {
        let answer = self.rpc.view_raw(&self.account_id, view.method, view.args.clone(), self.block).await?;
        let value = view.read(&answer.value).map_err(|source| ViewError::Decode {
            what: "the result",
            contract: self.account_id.clone(),
            method: view.method.to_owned(),
            source,
        })?;
        Ok(answer.map(|_| value))
    }
}

impl ViewContract for Contract {
    type Error = ViewError;

    async fn view<R: DeserializeOwned + Send>(&self, view: View<R>) -> Result<R, ViewError> {
        Ok(self.read(view).await?.value)
    }
}

/// The coordinator, read from a node at one block or at the newest final one.
#[derive(Clone, Debug)]
pub struct Coordinator(piecework_client::Coordinator<Contract>);

impl Coordinator {
    /// The coordinator at the newest final block.
    #[must_use]
    pub fn new(rpc: &RpcClient, account_id: AccountId) -> Self {
        Contract::new(rpc, account_id).into()
    }

    /// The coordinator as it was at a block.
    #[must_use]
    pub fn at(&self, block: BlockRef) -> Self {
        self.0.0.at(block).into()
    }

    /// The coordinator as endpoints answer that are not behind a block.
    #[must_use]
    pub fn since(&self, height: BlockHeight) -> Self {
        self.0.0.since(height).into()
    }

    /// Its account.
    #[must_use]
    pub const fn account_id(&self) -> &AccountId {
        self.0.0.account_id()
    }

    /// The root record, with the block it was read at.
    ///
    /// # Errors
    /// The contract cannot be asked, or answers otherwise.
    pub async fn root(&self) -> Result<At<Root>, ViewError> {
        self.0.0.read(views::root()).await
    }

    /// All accounts, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn all_accounts(&self) -> Result<Vec<Account>, ViewError> {
        self.0.accounts(self.root().await?.value.next_account).await
    }

    /// All batches that are not forgotten, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn all_batches(&self) -> Result<Vec<Batch>, ViewError> {
        self.0.batches(0, self.root().await?.value.next_batch).await
    }
}

impl From<Contract> for Coordinator {
    fn from(contract: Contract) -> Self {
        Self(piecework_client::Coordinator(contract))
    }
}

impl Deref for Coordinator {
    type Target = piecework_client::Coordinator<Contract>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
