//! Views.

use near_sdk::env;
use piecework_compact::json::{Text, Write};
use piecework_interface::amount::Amount;

use super::{args, call, methods, reply};
use crate::engine::storage_minimum;

/// NEP-330 `ContractSourceMetadata`.
const SOURCE_METADATA: &str = concat!(
    r#"{"version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","link":""#,
    env!("CARGO_PKG_REPOSITORY"),
    r#"","standards":[{"standard":"piecework","version":"2.0.0"},{"standard":"nep145","version":"1.0.0"},"#,
    r#"{"standard":"nep297","version":"1.0.0"},{"standard":"nep330","version":"1.3.0"}]"#,
);

/// NEP-330 `BuildInfo`, where the build says what it runs in and what it compiles: as `cargo near` does, by the variables
/// `NEP330_BUILD_INFO_BUILD_ENVIRONMENT` and `NEP330_BUILD_INFO_SOURCE_CODE_SNAPSHOT`.
fn push_build_info(out: &mut Text) {
    let environment = option_env!("NEP330_BUILD_INFO_BUILD_ENVIRONMENT");
    let snapshot = option_env!("NEP330_BUILD_INFO_SOURCE_CODE_SNAPSHOT");
    if let (Some(environment), Some(snapshot)) = (environment, snapshot) {
        out.push_str(",\"build_info\":{\"build_environment\":");
        environment.write(out);
        out.push_str(
            r#","build_command":["scripts/build-contracts"],"contract_path":"contracts/coordinator","source_code_snapshot":"#,
        );
        snapshot.write(out);
        out.push(b'}');
    }
}

methods! {
    /// The root record.
    root() => reply(&call(|engine| Ok(engine.view_root())));

    /// The configuration.
    config() => reply(&call(|mut engine| engine.view_config()));

    /// Who governs, the configuration, and what is about to change.
    settings() => reply(&call(|mut engine| engine.view_settings()));

    /// Classes by number.
    classes(from, limit) => reply(&call(|mut engine| engine.view_classes(from, limit)));

    /// The owner.
    owner() => reply(&call(|mut engine| engine.view_settings().map(|settings| settings.owner_id)));

    /// Listed tokens, NEAR first.
    tokens() => reply(&call(|mut engine| engine.view_tokens()));

    /// The number of an account.
    account_no(account_id) => reply(&call(|engine| engine.view_account_no(&account_id)));

    /// An account.
    account(account_id) => reply(&call(|mut engine| engine.view_account(&account_id)));

    /// Accounts by number.
    accounts(from, limit) => reply(&call(|mut engine| engine.view_accounts(from, limit)));

    /// A batch.
    batch(batch) => reply(&call(|mut engine| engine.view_batch(batch)));

    /// Batches by number.
    batches(from, limit) => reply(&call(|mut engine| engine.view_batches(from, limit)));

    /// A lot that has a record.
    lot(batch, lot) => reply(&call(|mut engine| engine.view_lot(batch, lot)));

    /// The lots with a record among `from..from + limit`.
    lots(batch, from, limit) => reply(&call(|mut engine| engine.view_lots(batch, from, limit)));

    /// Whether a lot's result is the one that the batch's root stands for.
    verify_result => {
        let claim = args::read_as();
        reply(&call(|mut engine| engine.view_verify_result(&claim)));
    };

    /// NEP-145: an account's deposit.
    storage_balance_of(account_id) => {
        reply(&call(|mut engine| engine.view_storage_balance(&account_id)));
    };

    /// NEP-145: the deposit that registers any account. There is no maximum: requesters reserve bytes for live lots.
    storage_balance_bounds() => {
        let mut bounds = Text::new();
        bounds.push_str("{\"min\":");
        Amount(storage_minimum()).write(&mut bounds);
        bounds.push_str(",\"max\":null}");
        env::value_return(bounds.into_string());
    };

    /// NEP-330: the contract's version, source and standards.
    contract_source_metadata() => {
        let mut metadata = Text::new();
        metadata.push_str(SOURCE_METADATA);
        push_build_info(&mut metadata);
        metadata.push(b'}');
        env::value_return(metadata.into_string());
    };
}
