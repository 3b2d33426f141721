//! `query`: accounts, keys, code, contract state and view calls at any kept block.

use std::{num::NonZeroU32, sync::Arc};

use near_crypto::{PublicKey, PublicKeyHandle};
use near_jsonrpc_primitives::{
    errors::RpcError,
    types::query::{QueryResponseKind, RpcQueryError, RpcQueryRequest, RpcQueryResponse},
};
use near_primitives::{
    account::{AccessKey, Account},
    action::GlobalContractIdentifier,
    hash::CryptoHash,
    trie_key::{TrieKey, trie_key_parsers},
    types::{AccountId, BlockHeight, BlockId, BlockReference, ShardId, StoreKey},
    views::{
        AccessKeyInfoView, AccessKeyList, AccessKeyView, CallResult, ContractCodeView, GasKeyNoncesView, QueryRequest,
        StateItem, ViewStateResult,
    },
};
use serde_json::{Value, json};

use super::to_value;
use crate::{
    block::Block,
    chain::History,
    node::Node,
    runtime::ViewError,
    state::{Snapshot, StateError},
};

/// A state above this size can only be viewed in pages.
const MAX_STATE_BYTES: u64 = 50_000;
/// Entries of a page of a state at most…
const MAX_PAGE_ENTRIES: usize = 10_000;
/// …and bytes of keys and values, which the last entry may go beyond.
const MAX_PAGE_BYTES: usize = 50_000;
/// Access keys of an account that are listed without pages, and those of a page at most.
const MAX_ACCESS_KEYS: u32 = 100;

/// Answers a query. Two errors come as results, which clients still expect from the first version of the API.
pub async fn query(node: &Arc<Node>, request: RpcQueryRequest) -> Result<Value, RpcError> {
    let answer = match &request.request {
        QueryRequest::CallFunction { .. } | QueryRequest::ViewState { .. } => answer_apart(node, request).await?,
        _ => answer(node, request),
    };
    let legacy = |error: String, block_height, block_hash| {
        Ok(json!({ "error": error, "logs": [], "block_height": block_height, "block_hash": block_hash }))
    };
    match answer {
        Ok(response) => to_value(response),
        Err(RpcQueryError::ContractExecutionError { vm_error, block_height, block_hash, .. }) => {
            legacy(vm_error, block_height, block_hash)
        }
        Err(RpcQueryError::UnknownAccessKey { public_key, block_height, block_hash }) => {
            legacy(format!("access key {public_key} does not exist while viewing"), block_height, block_hash)
        }
        Err(error @ RpcQueryError::UnknownBlock { block_reference: BlockReference::BlockId(_) }) => {
            Err(unknown_block(error))
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs contract code and large reads on a thread of their own, a bounded number at a time.
async fn answer_apart(
    node: &Arc<Node>,
    request: RpcQueryRequest,
) -> Result<Result<RpcQueryResponse, RpcQueryError>, RpcError> {
    let stopped = |error: &dyn std::fmt::Display| RpcError::new_internal_error(None, format!("query: {error}"));
    let permit = node.views.acquire().await.map_err(|error| stopped(&error))?;
    let own = Arc::clone(node);
    let answer = tokio::task::spawn_blocking(move || answer(&own, request)).await;
    drop(permit);
    answer.map_err(|error| stopped(&error))
}

/// The data of this error names the missing database entry.
fn unknown_block(error: RpcQueryError) -> RpcError {
    let data = match &error {
        RpcQueryError::UnknownBlock { block_reference: BlockReference::BlockId(BlockId::Height(height)) } => {
            format!("DB Not Found Error: BLOCK HEIGHT: {height} \n Cause: Unknown")
        }
        RpcQueryError::UnknownBlock { block_reference: BlockReference::BlockId(BlockId::Hash(block_hash)) } => {
            format!("DB Not Found Error: BLOCK HEADER: {block_hash}")
        }
        _ => return error.into(),
    };
    match to_value(&error) {
        Ok(value) => RpcError::new_internal_or_handler_error(Some(Value::String(data)), value),
        Err(error) => error,
    }
}

/// The block whose state is asked for (nearcore `chain/client/src/view_client_actor.rs`).
fn find(history: &History, block_reference: BlockReference) -> Result<Arc<Block>, RpcQueryError> {
    if let BlockReference::BlockId(BlockId::Height(block_height)) = block_reference
        && block_height < history.gc_stop()
    {
        let known = history.block_at_height(block_height).map(|block| block.hash);
        let block_hash = known.or_else(|| history.collected(block_height)).unwrap_or_default();
        return Err(RpcQueryError::GarbageCollectedBlock { block_height, block_hash });
    }
    let block = history.block(&block_reference).ok_or(RpcQueryError::UnknownBlock { block_reference })?;
    let (block_height, block_hash) = (block.height(), block.hash);
    if block_height < history.earliest().height() {
        // Genesis is remembered, but not its state.
        return Err(RpcQueryError::UnavailableShard { requested_shard_id: ShardId::new(0) });
    }
    if !history.has_state(block_height) {
        return Err(RpcQueryError::GarbageCollectedBlock { block_height, block_hash });
    }
    Ok(block)
}

fn answer(node: &Node, request: RpcQueryRequest) -> Result<RpcQueryResponse, RpcQueryError> {
    let RpcQueryRequest { block_reference, request } = request;
    let block = find(&node.chain.history(), block_reference)?;
    let at = At { node, snapshot: node.chain.snapshot(block.height()), block: &block };
    let kind = match request {
        QueryRequest::ViewAccount { account_id } => QueryResponseKind::ViewAccount((&at.account(&account_id)?).into()),
        QueryRequest::ViewCode { account_id } => QueryResponseKind::ViewCode(at.code(account_id)?),
        QueryRequest::ViewState { account_id, prefix, after_key, limit, include_proof } => {
            check_page(&prefix, after_key.as_ref(), limit, include_proof)?;
            QueryResponseKind::ViewState(at.state(account_id, &prefix, after_key.as_ref(), limit)?)
        }
        QueryRequest::ViewAccessKey { account_id, public_key } => {
            QueryResponseKind::AccessKey(at.access_key(&account_id, public_key)?)
        }
        QueryRequest::ViewAccessKeyList { account_id, after_key, limit } => {
            QueryResponseKind::AccessKeyList(at.access_keys(&account_id, after_key.as_ref(), limit)?)
        }
        QueryRequest::ViewGasKeyNonces { account_id, public_key } => {
            QueryResponseKind::GasKeyNonces(at.gas_key_nonces(&account_id, public_key)?)
        }
        QueryRequest::CallFunction { account_id, method_name, args } => {
            QueryResponseKind::CallResult(at.call(&account_id, &method_name, &args)?)
        }
        QueryRequest::ViewGlobalContractCode { code_hash } => {
            QueryResponseKind::ViewCode(at.global_code(GlobalContractIdentifier::CodeHash(code_hash))?)
        }
        QueryRequest::ViewGlobalContractCodeByAccountId { account_id } => {
            QueryResponseKind::ViewCode(at.global_code(GlobalContractIdentifier::AccountId(account_id))?)
        }
    };
    Ok(RpcQueryResponse { kind, block_height: block.height(), block_hash: block.hash })
}

/// Pages begin after a key with the prefix, and have no proofs (nearcore `runtime/runtime/src/state_viewer/mod.rs`).
fn check_page(
    prefix: &[u8],
    after_key: Option<&StoreKey>,
    limit: Option<NonZeroU32>,
    include_proof: bool,
) -> Result<(), RpcQueryError> {
    let error_message = if include_proof && (limit.is_some() || after_key.is_some()) {
        "include_proof is not supported together with after_key_base64 or limit"
    } else if after_key.is_some_and(|after_key| !after_key.starts_with(prefix)) {
        "after_key_base64 does not start with prefix_base64"
    } else {
        return Ok(());
    };
    Err(RpcQueryError::InternalError { error_message: error_message.to_owned() })
}

/// One block and the state after it.
struct At<'a> {
    node: &'a Node,
    snapshot: Snapshot,
    block: &'a Block,
}

impl At<'_> {
    /// What errors say of the block.
    fn place(&self) -> (BlockHeight, CryptoHash) {
        (self.block.height(), self.block.hash)
    }

    fn account(&self, account_id: &AccountId) -> Result<Account, RpcQueryError> {
        let ((block_height, block_hash), requested_account_id) = (self.place(), account_id.clone());
        let account = self.snapshot.account(account_id).map_err(internal)?;
        account.ok_or(RpcQueryError::UnknownAccount { requested_account_id, block_height, block_hash })
    }

    fn code(&self, account_id: AccountId) -> Result<ContractCodeView, RpcQueryError> {
        let contract = self.account(&account_id)?.contract().into_owned();
        let is_local = contract.is_local();
        if let Ok(identifier) = GlobalContractIdentifier::try_from(contract) {
            return self.global_code(identifier);
        }
        let code = self.snapshot.get(&TrieKey::ContractCode { account_id: account_id.clone() }).filter(|_| is_local);
        let ((block_height, block_hash), contract_account_id) = (self.place(), account_id);
        let code = code.ok_or(RpcQueryError::NoContractCode { contract_account_id, block_height, block_hash })?;
        Ok(ContractCodeView { hash: CryptoHash::hash_bytes(&code), code: code.to_vec() })
    }

    fn global_code(&self, identifier: GlobalContractIdentifier) -> Result<ContractCodeView, RpcQueryError> {
        let key = TrieKey::GlobalContractCode { identifier: identifier.clone().into() };
        let (block_height, block_hash) = self.place();
        let error = RpcQueryError::NoGlobalContractCode { identifier, block_height, block_hash };
        let code = self.snapshot.get(&key).ok_or(error)?;
        Ok(ContractCodeView { hash: CryptoHash::hash_bytes(&code), code: code.to_vec() })
    }

    fn state(
        &self,
        account_id: AccountId,
        prefix: &[u8],
        after_key: Option<&StoreKey>,
        limit: Option<NonZeroU32>,
    ) -> Result<ViewStateResult, RpcQueryError> {
        let account = self.account(&account_id)?;
        let code = self.snapshot.get(&TrieKey::ContractCode { account_id: account_id.clone() });
        let code_bytes = code.map_or(0, |code| u64::try_from(code.len()).unwrap_or(u64::MAX));
        let pages = limit.is_some() || after_key.is_some();
        if !pages && account.storage_usage().saturating_sub(code_bytes) > MAX_STATE_BYTES {
            let ((block_height, block_hash), contract_account_id) = (self.place(), account_id);
            return Err(RpcQueryError::TooLargeContractState { contract_account_id, block_height, block_hash });
        }
        let raw_prefix = trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, prefix);
        let after = after_key.map(|key| trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, key));
        let limit = limit.and_then(|limit| usize::try_from(limit.get()).ok()).unwrap_or(MAX_PAGE_ENTRIES);
        let limit = if pages { limit.min(MAX_PAGE_ENTRIES) } else { usize::MAX - 1 };
        let mut entries = self.snapshot.range(&raw_prefix, after.as_deref(), limit + 1);
        let mut before = 0;
        let fits = entries.iter().take(limit).take_while(|(key, value)| {
            let room = !pages || before < MAX_PAGE_BYTES;
            before += key.len() + value.len();
            room
        });
        let fits = fits.count();
        let more = entries.len() > fits;
        entries.truncate(fits);
        let own_prefix = trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, &[]).len();
        let values: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| StateItem { key: key[own_prefix..].to_vec().into(), value: value.to_vec().into() })
            .collect();
        let last_key = values.last().filter(|_| more).map(|item| item.key.clone());
        Ok(ViewStateResult { values, proof: Vec::new(), last_key })
    }

    fn access_key(&self, account_id: &AccountId, public_key: PublicKey) -> Result<AccessKeyView, RpcQueryError> {
        let found = self.snapshot.access_key(account_id, &public_key).map_err(internal)?;
        let (block_height, block_hash) = self.place();
        found.map(Into::into).ok_or(RpcQueryError::UnknownAccessKey { public_key, block_height, block_hash })
    }

    fn access_keys(
        &self,
        account_id: &AccountId,
        after_key: Option<&PublicKeyHandle>,
        limit: Option<NonZeroU32>,
    ) -> Result<AccessKeyList, RpcQueryError> {
        let prefix = trie_key_parsers::get_raw_prefix_for_access_keys(account_id);
        let pages = limit.is_some() || after_key.is_some();
        let limit = limit.map_or(MAX_ACCESS_KEYS, |limit| limit.get().min(MAX_ACCESS_KEYS));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut keys = Vec::new();
        let mut more = false;
        for (raw, value) in self.snapshot.range(&prefix, None, usize::MAX) {
            let parsed = trie_key_parsers::parse_key_handle_from_access_key_key(&raw, account_id);
            let Ok(handle) = parsed else { continue };
            // Nonce lanes of gas keys share the prefix.
            if raw.len() != prefix.len() + borsh::object_length(&handle).unwrap_or(0) {
                continue;
            }
            if after_key.is_some_and(|after| handle <= *after) {
                continue;
            }
            if keys.len() == most {
                if !pages {
                    let ((block_height, block_hash), requested_account_id) = (self.place(), account_id.clone());
                    let error =
                        RpcQueryError::TooManyAccessKeys { requested_account_id, limit, block_height, block_hash };
                    return Err(error);
                }
                more = true;
                break;
            }
            let access_key: AccessKey = borsh::from_slice(&value).map_err(|error| RpcQueryError::InternalError {
                error_message: format!("access key {handle} of {account_id}: {error}"),
            })?;
            keys.push(AccessKeyInfoView::new(handle, access_key.into()));
        }
        let last_key = keys.last().filter(|_| more).map(|key| key.public_key.clone());
        Ok(AccessKeyList { keys, last_key })
    }

    fn gas_key_nonces(&self, account_id: &AccountId, public_key: PublicKey) -> Result<GasKeyNoncesView, RpcQueryError> {
        let access_key = self.snapshot.access_key(account_id, &public_key).map_err(internal)?;
        let Some(lanes) = access_key.and_then(|key| key.gas_key_info().map(|info| info.num_nonces)) else {
            let (block_height, block_hash) = self.place();
            return Err(RpcQueryError::UnknownGasKey { public_key, block_height, block_hash });
        };
        let nonce = |index| self.snapshot.read(TrieKey::gas_key_nonce(account_id.clone(), &public_key, index));
        let nonces =
            (0..lanes).map(|index| Ok(nonce(index)?.unwrap_or(0))).collect::<Result<_, _>>().map_err(internal)?;
        Ok(GasKeyNoncesView { nonces })
    }

    fn call(&self, account_id: &AccountId, method_name: &str, args: &[u8]) -> Result<CallResult, RpcQueryError> {
        let context = self.block.context();
        let result = self.node.chain.runtime.view_call(&self.snapshot, &context, account_id, method_name, args);
        let (block_height, block_hash) = self.place();
        result.map_err(|error| match error {
            ViewError::NoAccount(requested_account_id) => {
                RpcQueryError::UnknownAccount { requested_account_id, block_height, block_hash }
            }
            ViewError::Contract { message, error, .. } => RpcQueryError::ContractExecutionError {
                vm_error: format!("wasm execution failed with error: {message}"),
                error,
                block_height,
                block_hash,
            },
            ViewError::Runtime(error) => RpcQueryError::InternalError { error_message: error.to_string() },
        })
    }
}

fn internal(error: StateError) -> RpcQueryError {
    RpcQueryError::InternalError { error_message: error.to_string() }
}
