#![doc = include_str!("../README.md")]

pub mod blocks;
pub mod contract;
pub mod ft;
pub mod keys;
pub mod networks;
pub mod outcome;
pub mod pool;
pub mod requests;
pub mod rpc;
pub mod send;
pub mod tx;
pub mod view;

pub use blocks::{
    BlockSourceConfig, BlockSourceError, ContractCall, ContractReceipt, Cursor, FinalBlock, RpcBlockSource,
    StreamBlocks,
};
pub use contract::{Contract, Coordinator};
pub use keys::{FileAccess, KeyError, KeyFile};
pub use networks::{Network, NetworkError};
pub use outcome::{Outcome, ReceiptFailure, ReceiptOutcome, ReceiptStatus};
pub use pool::{KeyPool, Lane};
pub use rpc::{LAG, LAG_POLL, RetryPolicy, RpcCallError, RpcClient, RpcConfig, RpcError};
pub use send::{SendPolicy, Sender, TxError};
pub use tx::{SignedTx, TxRequest, WaitLevel};
pub use view::{At, BlockRef, ContractState, Head, ViewError};

pub use near_account_id::AccountId;
pub use near_crypto::{PublicKey, SecretKey};
pub use near_primitives::action::Action;
pub use near_primitives::hash::CryptoHash;
pub use near_primitives::types::{Balance as NearToken, BlockHeight, Gas, Nonce};
