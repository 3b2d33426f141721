//! Reading the chain: contract views, accounts, keys, blocks. Every answer names the block it holds at.

mod error;
mod state;

pub use error::ViewError;
pub use state::ContractState;

use crate::rpc::{Answer, LAG_POLL};
use crate::{AccountId, BlockHeight, CryptoHash, PublicKey, RpcCallError, RpcClient};
use error::view_error;
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::blocks::RpcBlockError;
use near_jsonrpc_primitives::types::query::{QueryResponseKind, RpcQueryResponse};
use near_primitives::types::{BlockId, BlockReference, Finality};
use near_primitives::views::QueryRequest;
pub use near_primitives::views::{AccessKeyPermissionView, AccessKeyView, AccountView, BlockView, StatusResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// The block a question is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockRef {
    /// The last final block: never taken back.
    #[default]
    Final,
    /// The newest block, which may still be replaced.
    Latest,
    /// The block at this height.
    Height(BlockHeight),
    /// This block.
    Hash(CryptoHash),
}

impl BlockRef {
    fn is_moving(self) -> bool {
        matches!(self, Self::Final | Self::Latest)
    }
}

impl From<BlockRef> for BlockReference {
    fn from(block: BlockRef) -> Self {
        match block {
            BlockRef::Final => Self::Finality(Finality::Final),
            BlockRef::Latest => Self::Finality(Finality::None),
            BlockRef::Height(height) => Self::BlockId(BlockId::Height(height)),
            BlockRef::Hash(hash) => Self::BlockId(BlockId::Hash(hash)),
        }
    }
}

/// A value and the block whose state it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// What was read.
    pub value: T,
    /// Height of that block.
    pub block_height: BlockHeight,
    /// Hash of that block.
    pub block_hash: CryptoHash,
}

impl<T> At<T> {
    /// Another value at the same block.
    pub fn map<R>(self, f: impl FnOnce(T) -> R) -> At<R> {
        At { value: f(self.value), block_height: self.block_height, block_hash: self.block_hash }
    }
}

/// The tip of the final chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub height: BlockHeight,
    /// Its hash.
    pub hash: CryptoHash,
    /// Its time, nanoseconds since 1970.
    pub timestamp_ns: u64,
}

impl RpcClient {
    /// Calls a view method with JSON arguments and a JSON result.
    ///
    /// # Errors
    /// A panic of the method, a missing contract or block, or no endpoint.
    pub async fn view_function<A: Serialize + ?Sized, R: DeserializeOwned>(
        &self,
        contract: &AccountId,
        method: &str,
        args: &A,
        block: BlockRef,
    ) -> Result<At<R>, ViewError> {
        let decode = |what| {
            let (contract, method) = (contract.clone(), method.to_owned());
            move |source| ViewError::Decode { what, contract, method, source }
        };
        let args = serde_json::to_vec(args).map_err(decode("the arguments"))?;
        let answer = self.view_raw(contract, method, args, block).await?;
        let value = serde_json::from_slice(&answer.value).map_err(decode("the result"))?;
        Ok(answer.map(|_| value))
    }

    /// Calls a view method, bytes in and bytes out.
    ///
    /// # Errors
    /// As [`RpcClient::view_function`].
    pub async fn view_raw(
        &self,
        contract: &AccountId,
        method: &str,
        args: Vec<u8>,
        block: BlockRef,
    ) -> Result<At<Vec<u8>>, ViewError> {
        let request = QueryRequest::CallFunction {
            account_id: contract.clone(),
            method_name: method.to_owned(),
            args: args.into(),
        };
        self.query(request, block, |kind| match kind {
            QueryResponseKind::CallResult(call) => Some(call.result),
            _ => None,
        })
        .await
    }

    /// Reads an account; `None` if it does not exist.
    ///
    /// # Errors
    /// A missing block, or no endpoint.
    pub async fn view_account(
        &self,
        account_id: &AccountId,
        block: BlockRef,
    ) -> Result<Option<At<AccountView>>, ViewError> {
        let request = QueryRequest::ViewAccount { account_id: account_id.clone() };
        let account = self.query(request, block, |kind| match kind {
            QueryResponseKind::ViewAccount(account) => Some(account),
            _ => None,
        });
        found(account.await)
    }

    /// Reads one access key; `None` if the account or the key does not exist.
    ///
    /// # Errors
    /// A missing block, or no endpoint.
    pub async fn view_access_key(
        &self,
        account_id: &AccountId,
        public_key: &PublicKey,
        block: BlockRef,
    ) -> Result<Option<At<AccessKeyView>>, ViewError> {
        let request = QueryRequest::ViewAccessKey { account_id: account_id.clone(), public_key: public_key.clone() };
        let key = self.query(request, block, |kind| match kind {
            QueryResponseKind::AccessKey(key) => Some(key),
            _ => None,
        });
        found(key.await)
    }

    /// The keys of an account that may do everything, as text; none if the account does not exist.
    ///
    /// # Errors
    /// A missing block, no endpoint, or more keys than a node lists.
    pub async fn view_full_access_keys(
        &self,
        account_id: &AccountId,
        block: BlockRef,
    ) -> Result<Vec<String>, ViewError> {
        let request = QueryRequest::ViewAccessKeyList { account_id: account_id.clone(), after_key: None, limit: None };
        let keys = self.query(request, block, |kind| match kind {
            QueryResponseKind::AccessKeyList(list) => Some(list.keys),
            _ => None,
        });
        let keys = found(keys.await)?.map(|keys| keys.value).unwrap_or_default();
        let full = keys.into_iter().filter(|key| key.access_key.permission == AccessKeyPermissionView::FullAccess);
        Ok(full.map(|key| key.public_key.to_string()).collect())
    }

    /// What a unit of gas costs now, yoctoNEAR.
    ///
    /// # Errors
    /// If no endpoint answers.
    pub async fn gas_price(&self) -> Result<u128, ViewError> {
        let price = self.call(methods::gas_price::RpcGasPriceRequest { block_id: None }).await?;
        Ok(price.gas_price.as_yoctonear())
    }

    /// The node's own account of itself: chain id, versions, newest block.
    ///
    /// # Errors
    /// If no endpoint answers.
    pub async fn status(&self) -> Result<StatusResponse, ViewError> {
        let height = |status: &StatusResponse| Ok(Some(status.sync_info.latest_block_height));
        Ok(self.call_from(methods::status::RpcStatusRequest, height).await?.value)
    }

    /// The chain that each endpoint serves, by its own word, with the endpoint's name.
    pub async fn chain_ids(&self) -> Vec<(String, Result<String, ViewError>)> {
        let ask = async |rpc: Self| {
            let chain_id = rpc.status().await.map(|status| status.chain_id);
            (rpc.endpoint().to_owned(), chain_id)
        };
        futures_util::future::join_all(self.each().map(ask)).await
    }

    /// Reads a block; `None` if no endpoint knows it, which for a height below the tip means that it was skipped, or
    /// that its block is not kept any more.
    ///
    /// # Errors
    /// If no endpoint answers.
    pub async fn block(&self, block: BlockRef) -> Result<Option<BlockView>, ViewError> {
        Ok(self.block_from(block).await?.map(|answer| answer.value))
    }

    /// The same, saying which endpoint answered.
    pub(crate) async fn block_from(&self, block: BlockRef) -> Result<Option<Answer<BlockView>>, ViewError> {
        let height = |view: &BlockView| examined(view, block);
        let request = methods::block::RpcBlockRequest { block_reference: block.into() };
        match self.call_from(request, height).await {
            Ok(answer) => Ok(Some(answer)),
            Err(RpcCallError::Handler { error: RpcBlockError::UnknownBlock { .. }, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The last final block.
    ///
    /// # Errors
    /// If no endpoint answers, or none has a block yet.
    pub async fn head(&self) -> Result<Head, ViewError> {
        let view = self
            .block(BlockRef::Final)
            .await?
            .ok_or_else(|| ViewError::UnknownBlock { block: BlockRef::Final, endpoint: self.endpoint().to_owned() })?;
        let header = view.header;
        Ok(Head { height: header.height, hash: header.hash, timestamp_ns: header.timestamp_nanosec })
    }

    async fn query<T>(
        &self,
        request: QueryRequest,
        block: BlockRef,
        take: impl FnOnce(QueryResponseKind) -> Option<T>,
    ) -> Result<At<T>, ViewError> {
        let call = match &request {
            QueryRequest::CallFunction { account_id, method_name, .. } => {
                Some((account_id.clone(), method_name.clone()))
            }
            _ => None,
        };
        let height = |answer: &RpcQueryResponse| Ok(block.is_moving().then_some(answer.block_height));
        let began = Instant::now();
        let answer = loop {
            let request = methods::query::RpcQueryRequest { block_reference: block.into(), request: request.clone() };
            match self.call_from(request, height).await.map_err(|error| view_error(error, block, call.clone())) {
                Err(ViewError::UnknownBlock { .. }) if began.elapsed() < self.lag => tokio::time::sleep(LAG_POLL).await,
                answer => break answer?.value,
            }
        };
        let unexpected = || ViewError::Other {
            endpoint: self.endpoint().to_owned(),
            reason: "it answered another question".to_owned(),
        };
        let value = take(answer.kind).ok_or_else(unexpected)?;
        Ok(At { value, block_height: answer.block_height, block_hash: answer.block_hash })
    }
}

/// Heights above this are no chain's: at a block each nanosecond they are years away.
const HIGHEST: BlockHeight = 1 << 53;

/// The height of a block that a node chose, or why the block is none that was asked for.
fn examined(view: &BlockView, asked: BlockRef) -> Result<Option<BlockHeight>, &'static str> {
    let header = &view.header;
    match asked {
        BlockRef::Height(height) if header.height != height => Err("a block of another height than was asked for"),
        BlockRef::Hash(hash) if header.hash != hash => Err("another block than was asked for"),
        _ if header.height > HIGHEST => Err("a block of a height that no chain has"),
        _ if header.prev_height.is_some_and(|parent| parent >= header.height && header.height > 0) => {
            Err("a block that is not above its parent")
        }
        _ => Ok(asked.is_moving().then_some(header.height)),
    }
}

/// An absent account or key is an answer, not a failure.
fn found<T>(answer: Result<At<T>, ViewError>) -> Result<Option<At<T>>, ViewError> {
    match answer {
        Err(ViewError::UnknownAccount(_) | ViewError::UnknownKey(_)) => Ok(None),
        answer => answer.map(Some),
    }
}
