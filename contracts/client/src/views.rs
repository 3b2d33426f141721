//! Views of the coordinator: what is asked, and how the answer is read.

use std::{future::Future, marker::PhantomData};

use piecework_interface::{
    amount::Amount,
    args::{AccountArgs, LotArgs, LotsArgs, NoArgs, PageArgs},
    call::{BatchArgs, PAGE_MAX, ResultClaim},
    config::Config,
    governance::Settings,
    ids::{AccountNo, BatchId, ClassId, LotId},
    key::IntentKey,
    view::{Account, Batch, Class, Lot, Root, Token},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A question to the contract, with the type of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View<R> {
    /// Method.
    pub method: &'static str,
    /// JSON arguments.
    pub args: Vec<u8>,
    answer: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> View<R> {
    fn new(method: &'static str, args: &(impl Serialize + ?Sized)) -> Self {
        Self { method, args: crate::json(args), answer: PhantomData }
    }

    /// Reads what the contract answered.
    ///
    /// # Errors
    /// It is no answer to this question.
    pub fn read(&self, answer: &[u8]) -> Result<R, serde_json::Error> {
        serde_json::from_slice(answer)
    }
}

/// Whatever answers views of one contract: a node at a block, a sandbox, a mirror.
pub trait ViewContract {
    /// Why there is no answer.
    type Error;

    /// Asks, and reads the answer.
    fn view<R: DeserializeOwned + Send>(&self, view: View<R>) -> impl Future<Output = Result<R, Self::Error>> + Send;
}

/// The coordinator, read through `C`.
#[derive(Clone, Debug)]
pub struct Coordinator<C>(pub C);

/// NEP-330's answer to `contract_source_metadata`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "abi", derive(utoipa::ToSchema))]
pub struct SourceMetadata {
    /// Version of the contract.
    pub version: String,
    /// Where its source is.
    pub link: String,
    /// Standards that it follows.
    pub standards: Vec<Standard>,
}

/// A standard of NEAR's, or of ours, and its version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "abi", derive(utoipa::ToSchema))]
pub struct Standard {
    /// Name.
    pub standard: String,
    /// Version.
    pub version: String,
}

/// NEP-145's answer to `storage_balance_of`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "abi", derive(utoipa::ToSchema))]
pub struct StorageBalance {
    /// Deposited, yoctoNEAR.
    pub total: Amount,
    /// Not backing any bytes, yoctoNEAR.
    pub available: Amount,
}

/// NEP-145's answer to `storage_balance_bounds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "abi", derive(utoipa::ToSchema))]
pub struct StorageBounds {
    /// Least deposit that registers, yoctoNEAR.
    pub min: Amount,
}

/// Views: a function each, named as the method, that asks with these arguments. Those of the first table are methods of
/// [`Coordinator`] too. With the feature `abi`, the tables are also the views of the contract's ABI.
macro_rules! views {
    ({ $($read:tt)* } { $($asked:tt)* }) => {
        views!(@ask $($read)* $($asked)*);
        views!(@read $($read)*);
    };
    (@ask $($(#[doc = $doc:expr])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $args:ident $fields:tt;)*) => {
        $(
            $(#[doc = $doc])*
            #[must_use]
            pub fn $name($($arg: $type),*) -> View<$answer> {
                View::new(stringify!($name), &$args $fields)
            }
        )*

        /// The functions of the ABI.
        #[cfg(feature = "abi")]
        pub(crate) fn functions() -> Vec<crate::abi::function::Function> {
            use crate::abi::{function::*, schemas::*};
            vec![$(
                Function::view::<$args>(stringify!($name), &[$($doc),*])
                    .answering(|schemas| Answer::<$answer>::new().schema(schemas))
            ),*]
        }
    };
    (@read $($(#[doc = $doc:expr])* $name:ident($($arg:ident: $type:ty),*) -> $answer:ty = $args:ident $fields:tt;)*) => {
        impl<C: ViewContract> Coordinator<C> {$(
            $(#[doc = $doc])*
            ///
            /// # Errors
            /// The contract cannot be asked, or answers otherwise.
            pub async fn $name(&self, $($arg: $type),*) -> Result<$answer, C::Error> {
                self.0.view(self::$name($($arg),*)).await
            }
        )*}
    };
}

views! {
    {
        /// The root record.
        root() -> Root = NoArgs {};
        /// The configuration.
        config() -> Config = NoArgs {};
        /// Who governs, the configuration, and what is about to change.
        settings() -> Settings = NoArgs {};
        /// The classes of numbers `from..from + limit`, `limit` at most [`PAGE_MAX`].
        classes(from: ClassId, limit: u32) -> Vec<Class> = PageArgs { from: from.0.into(), limit };
        /// The listed tokens, NEAR first.
        tokens() -> Vec<Token> = NoArgs {};
        /// An account's number; `None` if it is not registered.
        account_no(account_id: impl AsRef<str>) -> Option<AccountNo> = AccountArgs { account_id: account_id.as_ref().to_owned() };
        /// An account's record; `None` if it is not registered.
        account(account_id: impl AsRef<str>) -> Option<Account> = AccountArgs { account_id: account_id.as_ref().to_owned() };
        /// The keys that may sign intents of an account.
        intent_keys(account_id: impl AsRef<str>) -> Vec<IntentKey> = AccountArgs { account_id: account_id.as_ref().to_owned() };
        /// A batch; `None` if there is none of this number.
        batch(batch: BatchId) -> Option<Batch> = BatchArgs { batch };
        /// A lot's record; `None` if it has none.
        lot(batch: BatchId, lot: LotId) -> Option<Lot> = LotArgs { batch, lot };
        /// The lots with a record among `from..from + limit`, `limit` at most [`PAGE_MAX`].
        lots(batch: BatchId, from: LotId, limit: u32) -> Vec<Lot>
            = LotsArgs { batch, from, limit };
        /// Whether the contract takes a claim for a lot's result.
        verify_result(claim: &ResultClaim) -> bool = ResultClaim { ..claim.clone() };
    }
    {
        /// Accounts from a number on, [`PAGE_MAX`] at most.
        accounts(from: u32) -> Vec<Account> = PageArgs { from, limit: PAGE_MAX };
        /// Batches from a number on that are not forgotten, [`PAGE_MAX`] at most.
        batches(from: u32) -> Vec<Batch> = PageArgs { from, limit: PAGE_MAX };
        /// The owner's account id.
        owner() -> String = NoArgs {};
        /// NEP-145: an account's storage balance; `None` if it is not registered.
        storage_balance_of(account_id: impl AsRef<str>) -> Option<StorageBalance>
            = AccountArgs { account_id: account_id.as_ref().to_owned() };
        /// NEP-145: bounds of a storage deposit.
        storage_balance_bounds() -> StorageBounds = NoArgs {};
        /// NEP-330: the contract's version, source and standards.
        contract_source_metadata() -> SourceMetadata = NoArgs {};
    }
}

impl<C: ViewContract> Coordinator<C> {
    /// NEP-145: an account's storage balance; `None` if it is not registered.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn storage_balance(&self, account_id: impl AsRef<str>) -> Result<Option<StorageBalance>, C::Error> {
        self.0.view(storage_balance_of(account_id)).await
    }

    /// All accounts below number `end`, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn accounts(&self, end: u32) -> Result<Vec<Account>, C::Error> {
        let mut accounts = Vec::new();
        for from in pages(end) {
            accounts.extend(self.0.view(self::accounts(from)).await?);
        }
        Ok(accounts)
    }

    /// The batches of numbers `from..end` that are not forgotten, by number.
    ///
    /// # Errors
    /// As [`Coordinator::root`].
    pub async fn batches(&self, from: u32, end: u32) -> Result<Vec<Batch>, C::Error> {
        let mut batches = Vec::new();
        for page in pages(end.saturating_sub(from)) {
            batches.extend(self.0.view(self::batches(from.saturating_add(page))).await?);
        }
        Ok(batches)
    }
}

/// First rows of the pages of `0..end`.
pub fn pages(end: u32) -> impl Iterator<Item = u32> {
    (0..end.div_ceil(PAGE_MAX)).map(|page| page * PAGE_MAX)
}
