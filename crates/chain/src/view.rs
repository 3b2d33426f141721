//! Reading the chain: contract views, accounts, keys, blocks. Every answer names the block it holds at.

use crate::{
    AccountId, BlockHeight, CryptoHash, PublicKey, RpcCallError, RpcClient, RpcError, outcome,
};
use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::blocks::RpcBlockError;
use near_jsonrpc_primitives::types::query::{QueryResponseKind, RpcQueryError, RpcQueryResponse};
use near_primitives::types::{BlockId, BlockReference, Finality};
pub use near_primitives::views::{
    AccessKeyInfoView, AccessKeyPermissionView, AccessKeyView, AccountView, BlockView,
    StatusResponse,
};
use near_primitives::views::{QueryRequest, StateItem};
use serde::Serialize;
use serde::de::DeserializeOwned;

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
        At {
            value: f(self.value),
            block_height: self.block_height,
            block_hash: self.block_hash,
        }
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

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// No endpoint answered.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The view method panicked.
    #[error("view {contract}.{method} failed: {text}")]
    Contract {
        /// Contract account.
        contract: AccountId,
        /// View method.
        method: String,
        /// The stable code the panic text starts with, if any.
        code: Option<String>,
        /// The panic text.
        text: String,
    },
    /// The account holds no contract.
    #[error("account {0} holds no contract; deploy it, or correct the contract account")]
    NoContract(AccountId),
    /// The account does not exist.
    #[error(
        "account {0} does not exist on this network; create it, or correct the account or the network"
    )]
    UnknownAccount(AccountId),
    /// The block is too old for every endpoint.
    #[error("block {0} is no longer kept by {1}; add an archival RPC endpoint")]
    GarbageCollected(BlockHeight, String),
    /// No endpoint knows the block.
    #[error(
        "block {block:?} is unknown to {endpoint}: skipped, not produced yet, or too old; an archival endpoint keeps old blocks"
    )]
    UnknownBlock {
        /// The block asked for.
        block: BlockRef,
        /// The endpoint that said so.
        endpoint: String,
    },
    /// Arguments could not be written, or the result not read, in the expected form.
    #[error(
        "{what} of {contract}.{method} has an unexpected form; the contract and this program are of different versions"
    )]
    Decode {
        /// "the arguments" or "the result".
        what: &'static str,
        /// Contract account.
        contract: AccountId,
        /// View method.
        method: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Another answer of the node.
    #[error("RPC endpoint {endpoint} cannot answer: {reason}")]
    Other {
        /// The endpoint.
        endpoint: String,
        /// The node's words.
        reason: String,
    },
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
            move |source| ViewError::Decode {
                what,
                contract,
                method,
                source,
            }
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
        self.query(request, block)
            .await
            .and_then(read(|kind| match kind {
                QueryResponseKind::CallResult(call) => Some(call.result),
                _ => None,
            }))
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
        let request = QueryRequest::ViewAccount {
            account_id: account_id.clone(),
        };
        match self.query(request, block).await {
            Err(ViewError::UnknownAccount(_)) => Ok(None),
            answer => answer
                .and_then(read(|kind| match kind {
                    QueryResponseKind::ViewAccount(account) => Some(account),
                    _ => None,
                }))
                .map(Some),
        }
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
        let request = QueryRequest::ViewAccessKey {
            account_id: account_id.clone(),
            public_key: public_key.clone(),
        };
        match self.query_raw(request, block).await {
            Err(RpcCallError::Handler {
                error: RpcQueryError::UnknownAccessKey { .. } | RpcQueryError::UnknownAccount { .. },
                ..
            }) => Ok(None),
            Err(error) => Err(view_error(error, block, None)),
            Ok(answer) => read(|kind| match kind {
                QueryResponseKind::AccessKey(key) => Some(key),
                _ => None,
            })(answer)
            .map(Some),
        }
    }

    /// Reads all access keys of an account.
    ///
    /// # Errors
    /// A missing account or block, or no endpoint.
    pub async fn view_access_key_list(
        &self,
        account_id: &AccountId,
        block: BlockRef,
    ) -> Result<At<Vec<AccessKeyInfoView>>, ViewError> {
        let mut keys = Vec::new();
        let mut after_key = None;
        let mut block = block;
        loop {
            let request = QueryRequest::ViewAccessKeyList {
                account_id: account_id.clone(),
                limit: None,
                after_key,
            };
            let page = self
                .query(request, block)
                .await
                .and_then(read(|kind| match kind {
                    QueryResponseKind::AccessKeyList(list) => Some(list),
                    _ => None,
                }))?;
            // Later pages come from the same block, or keys could be seen twice or not at all.
            block = BlockRef::Hash(page.block_hash);
            keys.extend(page.value.keys.iter().cloned());
            match page.value.last_key.clone() {
                Some(last_key) => after_key = Some(last_key),
                None => return Ok(page.map(|_| keys)),
            }
        }
    }

    /// Reads one raw record of a contract's state, `None` if it is not there.
    ///
    /// # Errors
    /// A missing account or block, a state too large for the endpoint, or no endpoint.
    pub async fn view_state_key(
        &self,
        contract: &AccountId,
        key: &[u8],
        block: BlockRef,
    ) -> Result<At<Option<Vec<u8>>>, ViewError> {
        let request = QueryRequest::ViewState {
            account_id: contract.clone(),
            prefix: key.to_vec().into(),
            include_proof: false,
            limit: None,
            after_key: None,
        };
        let answer = self
            .query(request, block)
            .await
            .and_then(read(|kind| match kind {
                QueryResponseKind::ViewState(state) => Some(state),
                // An empty state also reads as an empty list of keys, because the kinds carry no tag.
                QueryResponseKind::AccessKeyList(_) => None,
                _ => None,
            }))?;
        Ok(answer.map(|state| {
            let found = state
                .values
                .into_iter()
                .find(|item: &StateItem| item.key.as_slice() == key);
            found.map(|item| item.value.to_vec())
        }))
    }

    /// The node's own account of itself: chain id, versions, newest block.
    ///
    /// # Errors
    /// If no endpoint answers.
    pub async fn status(&self) -> Result<StatusResponse, ViewError> {
        let height = |status: &StatusResponse| Some(status.sync_info.latest_block_height);
        self.call_at(methods::status::RpcStatusRequest, height)
            .await
            .map_err(|error| match error {
                RpcCallError::Rpc(error) => error.into(),
                RpcCallError::Handler { endpoint, error } => ViewError::Other {
                    endpoint,
                    reason: error.to_string(),
                },
            })
    }

    /// Reads a block; `None` if no endpoint knows it, which for a height below the tip means it was skipped.
    ///
    /// # Errors
    /// If no endpoint answers.
    pub async fn block(&self, block: BlockRef) -> Result<Option<BlockView>, ViewError> {
        let height = |view: &BlockView| block.is_moving().then_some(view.header.height);
        let request = methods::block::RpcBlockRequest {
            block_reference: block.into(),
        };
        match self.call_at(request, height).await {
            Ok(view) => Ok(Some(view)),
            Err(RpcCallError::Handler {
                error: RpcBlockError::UnknownBlock { .. },
                ..
            }) => Ok(None),
            Err(RpcCallError::Handler { endpoint, error }) => Err(ViewError::Other {
                endpoint,
                reason: error.to_string(),
            }),
            Err(RpcCallError::Rpc(error)) => Err(error.into()),
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
            .ok_or_else(|| ViewError::UnknownBlock {
                block: BlockRef::Final,
                endpoint: self.endpoint().to_owned(),
            })?;
        let header = view.header;
        Ok(Head {
            height: header.height,
            hash: header.hash,
            timestamp_ns: header.timestamp_nanosec,
        })
    }

    async fn query(
        &self,
        request: QueryRequest,
        block: BlockRef,
    ) -> Result<RpcQueryResponse, ViewError> {
        let call = match &request {
            QueryRequest::CallFunction {
                account_id,
                method_name,
                ..
            } => Some((account_id.clone(), method_name.clone())),
            _ => None,
        };
        self.query_raw(request, block)
            .await
            .map_err(|error| view_error(error, block, call))
    }

    async fn query_raw(
        &self,
        request: QueryRequest,
        block: BlockRef,
    ) -> Result<RpcQueryResponse, RpcCallError<RpcQueryError>> {
        let request = methods::query::RpcQueryRequest {
            block_reference: block.into(),
            request,
        };
        self.call_at(request, |answer| {
            block.is_moving().then_some(answer.block_height)
        })
        .await
    }
}

/// Takes the expected kind out of a query's answer.
fn read<T>(
    take: impl FnOnce(QueryResponseKind) -> Option<T>,
) -> impl FnOnce(RpcQueryResponse) -> Result<At<T>, ViewError> {
    |answer| {
        let RpcQueryResponse {
            kind,
            block_height,
            block_hash,
        } = answer;
        let unexpected = || ViewError::Other {
            endpoint: "asked".to_owned(),
            reason: "it answered another question".to_owned(),
        };
        Ok(At {
            value: take(kind).ok_or_else(unexpected)?,
            block_height,
            block_hash,
        })
    }
}

fn view_error(
    error: RpcCallError<RpcQueryError>,
    block: BlockRef,
    call: Option<(AccountId, String)>,
) -> ViewError {
    let (endpoint, error) = match error {
        RpcCallError::Rpc(error) => return error.into(),
        RpcCallError::Handler { endpoint, error } => (endpoint, error),
    };
    match (error, call) {
        (
            RpcQueryError::UnknownAccount {
                requested_account_id,
                ..
            },
            _,
        ) => ViewError::UnknownAccount(requested_account_id),
        (
            RpcQueryError::NoContractCode {
                contract_account_id,
                ..
            },
            _,
        ) => ViewError::NoContract(contract_account_id),
        (RpcQueryError::GarbageCollectedBlock { block_height, .. }, _) => {
            ViewError::GarbageCollected(block_height, endpoint)
        }
        (RpcQueryError::UnknownBlock { .. }, _) => ViewError::UnknownBlock { block, endpoint },
        (RpcQueryError::ContractExecutionError { error, .. }, Some((contract, method))) => {
            let text = outcome::call_error_text(&error);
            if text.contains("CodeDoesNotExist") {
                return ViewError::NoContract(contract);
            }
            ViewError::Contract {
                code: outcome::error_code(&text),
                contract,
                method,
                text,
            }
        }
        (error, _) => ViewError::Other {
            endpoint,
            reason: error.to_string(),
        },
    }
}
