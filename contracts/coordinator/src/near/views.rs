//! Views.

use piecework_interface::amount::Amount;
use serde::Serialize;

use super::{
    args::{self, need},
    call, methods, reply,
};
use crate::engine::storage_minimum;

/// NEP-330 `ContractSourceMetadata`.
#[derive(Serialize)]
struct SourceMetadata {
    version: &'static str,
    link: &'static str,
    standards: [Standard; 4],
}

#[derive(Serialize)]
struct Standard {
    standard: &'static str,
    version: &'static str,
}

/// NEP-145 `StorageBalanceBounds`. There is no maximum: requesters reserve bytes for their live lots.
#[derive(Serialize)]
struct StorageBalanceBounds {
    min: Amount,
    max: Option<Amount>,
}

methods! {
    /// The root record.
    root => reply(&call(|engine| Ok(engine.view_root())));

    /// The configuration.
    config => reply(&call(|mut engine| engine.view_config()));

    /// Who lists tokens.
    owner => reply(&call(|mut engine| engine.view_owner()));

    /// Listed tokens, NEAR first.
    tokens => reply(&call(|mut engine| engine.view_tokens()));

    /// The number of an account.
    account_no => {
        let account_id = need(args::read().account_id, "account_id");
        reply(&call(|engine| engine.view_account_no(&account_id)));
    };

    /// An account.
    account => {
        let account_id = need(args::read().account_id, "account_id");
        reply(&call(|mut engine| engine.view_account(&account_id)));
    };

    /// Accounts by number.
    accounts => {
        let args = args::read();
        let (from, limit) = (need(args.from, "from"), need(args.limit, "limit"));
        reply(&call(|mut engine| engine.view_accounts(from, limit)));
    };

    /// A batch.
    batch => {
        let batch = need(args::read().batch, "batch");
        reply(&call(|mut engine| engine.view_batch(batch)));
    };

    /// Batches by number.
    batches => {
        let args = args::read();
        let (from, limit) = (need(args.from, "from"), need(args.limit, "limit"));
        reply(&call(|mut engine| engine.view_batches(from, limit)));
    };

    /// A lot that has a record.
    lot => {
        let args = args::read();
        let (batch, lot) = (need(args.batch, "batch"), need(args.lot, "lot"));
        reply(&call(|mut engine| engine.view_lot(batch, lot)));
    };

    /// The lots with a record among `from..from + limit`.
    lots => {
        let args = args::read();
        let (batch, from, limit) = (need(args.batch, "batch"), need(args.from, "from"), need(args.limit, "limit"));
        reply(&call(|mut engine| engine.view_lots(batch, from, limit)));
    };

    /// NEP-145: an account's deposit.
    storage_balance_of => {
        let account_id = need(args::read().account_id, "account_id");
        reply(&call(|mut engine| engine.view_storage_balance(&account_id)));
    };

    /// NEP-145: the deposit that registers any account.
    storage_balance_bounds => reply(&StorageBalanceBounds { min: Amount(storage_minimum()), max: None });

    /// NEP-330: the contract's version, source and standards.
    contract_source_metadata => {
        let standard = |standard, version| Standard { standard, version };
        reply(&SourceMetadata {
            version: env!("CARGO_PKG_VERSION"),
            link: env!("CARGO_PKG_REPOSITORY"),
            standards: [
                standard("piecework", "1.0.0"),
                standard("nep145", "1.0.0"),
                standard("nep297", "1.0.0"),
                standard("nep330", "1.3.0"),
            ],
        });
    };
}
