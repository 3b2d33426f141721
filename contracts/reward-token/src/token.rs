//! The contract: the token of near-contract-standards behind methods of its own.
//!
//! Methods are exported without near-sdk's `#[near]`, whose wrappers bring serde_json's readers: more than the rest of
//! the contract, and every `ft_transfer_call` loads the code twice. A transfer reads and writes the two balances and
//! nothing else: what is common to all accounts is only read where it is needed.

#![expect(unsafe_code, reason = "`no_mangle` is how a wasm module names its methods")]

mod args;
mod ledger;
mod transfer;

use lol_alloc::{AssumeSingleThreaded, LeakingAllocator};
use near_contract_standards::{
    fungible_token::events::{FtBurn, FtMint},
    storage_management::{StorageBalance, StorageManagement},
};
use near_sdk::{NearToken, assert_one_yocto, env, json_types::U128, require};
use piecework_compact::json::{Text, Write, to_string};
use piecework_interface::amount::Amount;

use self::ledger::{Ledger, METADATA};

/// Frees nothing: a call ends before its memory does, and what it would cost to find free places again is a tenth of its
/// instructions.
// Wasm contracts have one thread.
#[global_allocator]
static ALLOCATOR: AssumeSingleThreaded<LeakingAllocator> =
    unsafe { AssumeSingleThreaded::new(LeakingAllocator::new()) };

/// NEP-330 `ContractSourceMetadata`.
const SOURCE_METADATA: &str = concat!(
    r#"{"version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","link":""#,
    env!("CARGO_PKG_REPOSITORY"),
    r#"","standards":[{"standard":"nep141","version":"1.0.0"},{"standard":"nep145","version":"1.0.0"},"#,
    r#"{"standard":"nep148","version":"1.0.0"},{"standard":"nep297","version":"1.0.0"},"#,
    r#"{"standard":"nep330","version":"1.3.0"}]}"#,
);

use piecework_compact::methods;

methods! {
    /// Initialises the token without any supply.
    new(metadata, owner_id, total_supply_cap) => {
        require!(!env::state_exists(), "ERR_INITIALISED: the contract is initialised already");
        require!(env::attached_deposit().is_zero(), "ERR_DEPOSIT: attach nothing");
        metadata.check();
        env::storage_write(METADATA, to_string(&metadata).as_bytes());
        Ledger::start(args::account(&owner_id, "owner_id"), total_supply_cap.0).store();
    };

    /// Makes new tokens for a registered account. Owner only, one yoctoNEAR.
    mint(account_id, amount) => {
        assert_one_yocto();
        let (account_id, amount) = (args::account(&account_id, "account_id"), amount.0);
        let mut ledger = Ledger::load();
        require!(env::predecessor_account_id() == ledger.owner_id, "ERR_CALLER: only the owner mints");
        require!(amount > 0, "ERR_AMOUNT: amount must be above 0");
        let supply = ledger.total_supply.checked_add(amount);
        require!(
            supply.is_some_and(|supply| supply <= ledger.total_supply_cap),
            "ERR_CAP: the supply would exceed total_supply_cap"
        );
        let mut token = ledger.token();
        require!(
            token.accounts.contains_key(&account_id),
            "ERR_ACCOUNT: the receiver is not registered: call storage_deposit first"
        );
        token.internal_deposit(&account_id, amount);
        ledger.total_supply = token.total_supply;
        ledger.store();
        FtMint { owner_id: &account_id, amount: U128(amount), memo: None }.emit();
    };

    /// Who mints.
    owner() => reply(Ledger::load().owner_id.as_str());

    /// The most that the total supply can become.
    total_supply_cap() => reply(&Amount(Ledger::load().total_supply_cap));

    /// All tokens there are, NEP-141.
    ft_total_supply() => reply(&Amount(Ledger::load().total_supply));

    /// An account's tokens, NEP-141.
    ft_balance_of(account_id) => {
        let account_id = args::account(&account_id, "account_id");
        reply(&Amount(ledger::balances().accounts.get(&account_id).unwrap_or_default()));
    };

    /// Name, symbol and decimals, NEP-148.
    ft_metadata() => env::value_return(env::storage_read(METADATA).unwrap_or_default());

    /// Where the source is, NEP-330.
    contract_source_metadata() => env::value_return(SOURCE_METADATA);

    /// Registers an account for the one deposit there is; what is too much comes back. NEP-145.
    storage_deposit(account_id(optional), registration_only(optional)) => {
        let account_id = account_id.map(|id| args::account(&id, "account_id"));
        reply_balance(Some(Ledger::load().token().storage_deposit(account_id, registration_only)));
    };

    /// Nothing can be withdrawn while an account is registered. One yoctoNEAR. NEP-145.
    storage_withdraw(amount(optional)) => {
        let amount = amount.map(|amount| NearToken::from_yoctonear(amount.0));
        reply_balance(Some(Ledger::load().token().storage_withdraw(amount)));
    };

    /// Closes the caller's account and pays the deposit back; with `force`, what it holds is burnt. One yoctoNEAR. NEP-145.
    storage_unregister(force(optional)) => {
        let mut ledger = Ledger::load();
        let mut token = ledger.token();
        let closed = token.internal_storage_unregister(force);
        if let Some((account_id, balance)) = &closed && *balance > 0 {
            ledger.total_supply = token.total_supply;
            ledger.store();
            let memo = Some("storage_unregister by force");
            FtBurn { owner_id: account_id, amount: U128(*balance), memo }.emit();
        }
        reply(&closed.is_some());
    };

    /// What a registration costs, NEP-145.
    storage_balance_bounds() => {
        let min = Amount(Ledger::load().token().storage_balance_bounds().min.as_yoctonear());
        reply(&Pair("min", min, "max", min));
    };

    /// An account's deposit, NEP-145.
    storage_balance_of(account_id) => {
        let account_id = args::account(&account_id, "account_id");
        reply_balance(Ledger::load().token().storage_balance_of(account_id));
    };
}

/// Answers with a JSON value.
fn reply(value: &(impl Write + ?Sized)) {
    env::value_return(to_string(value));
}

fn reply_balance(balance: Option<StorageBalance>) {
    let amount = |token: NearToken| Amount(token.as_yoctonear());
    reply(&balance.map(|balance| Pair("total", amount(balance.total), "available", amount(balance.available))));
}

/// An object of two amounts.
struct Pair(&'static str, Amount, &'static str, Amount);

impl Write for Pair {
    fn write(&self, out: &mut Text) {
        for (open, name, amount) in [("{", self.0, self.1), (",", self.2, self.3)] {
            out.push_str(open);
            name.write(out);
            out.push(b':');
            amount.write(out);
        }
        out.push(b'}');
    }
}
