//! All records of a contract, page by page, and its code.

use std::num::NonZeroU32;

use near_jsonrpc_primitives::types::query::QueryResponseKind;
use near_primitives::{types::StoreKey, views::QueryRequest};

use super::{BlockRef, ViewError};
use crate::{AccountId, RpcClient};

/// Entries that a page is asked for; a node may give fewer.
const PAGE: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// What a contract is at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractState {
    /// Its wasm.
    pub code: Vec<u8>,
    /// Keys and values of its records, by key.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl RpcClient {
    /// Reads the code and every record of a contract at one block.
    ///
    /// # Errors
    /// No contract or block, no endpoint, or a state that the node gives neither whole nor in pages.
    pub async fn view_state(&self, contract: &AccountId, block: BlockRef) -> Result<ContractState, ViewError> {
        let request = QueryRequest::ViewCode { account_id: contract.clone() };
        let code = self.query(request, block, |kind| match kind {
            QueryResponseKind::ViewCode(code) => Some(code.code),
            _ => None,
        });
        let code = code.await?.value;
        let (mut records, mut after_key): (Vec<_>, Option<StoreKey>) = (Vec::new(), None);
        loop {
            let request = QueryRequest::ViewState {
                account_id: contract.clone(),
                prefix: Vec::new().into(),
                after_key: after_key.clone(),
                limit: Some(PAGE),
                include_proof: false,
            };
            let page = self.query(request, block, |kind| match kind {
                QueryResponseKind::ViewState(page) => Some(page),
                _ => None,
            });
            let page = page.await?.value;
            records.extend(page.values.into_iter().map(|item| (item.key.into(), item.value.into())));
            // A node that knows no pages answers the whole state, or refuses it.
            match page.last_key {
                Some(last) if after_key.as_ref() != Some(&last) => after_key = Some(last),
                _ => return Ok(ContractState { code, records }),
            }
        }
    }
}
