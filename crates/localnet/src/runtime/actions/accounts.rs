//! Creating, paying and deleting accounts.

use near_crypto::{ED25519PublicKey, PublicKey};
use near_primitives::{
    account::{
        AccessKey, AccessKeyPermission, Account, AccountContract, FunctionCallPermission, GasKeyInfo, id::AccountType,
    },
    errors::ActionErrorKind,
    hash::CryptoHash,
    receipt::Receipt,
    trie_key::{TrieKey, trie_key_parsers},
    types::{AccountId, Balance},
};

use super::{ActionOutcome, keys::initial_nonce};
use crate::{
    runtime::{Runtime, RuntimeError, apply::ActionContext, fees},
    state::{StateError, StateUpdate},
};

impl ActionContext<'_> {
    pub(in crate::runtime) fn create_account(&mut self) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let predecessor_id = self.receipt.predecessor_id();
        let rules = &self.runtime.config.account_creation_config;
        if account_id.is_top_level() {
            let short = account_id.len() < usize::from(rules.min_allowed_top_level_account_length);
            if short && *predecessor_id != rules.registrar_account_id {
                return Err(ActionErrorKind::CreateAccountOnlyByRegistrar {
                    account_id,
                    registrar_account_id: rules.registrar_account_id.clone(),
                    predecessor_id: predecessor_id.clone(),
                }
                .into());
            }
        } else if !account_id.is_sub_account_of(predecessor_id) {
            let predecessor_id = predecessor_id.clone();
            return Err(ActionErrorKind::CreateAccountNotAllowed { account_id, predecessor_id }.into());
        }
        self.account = Some(self.runtime.empty_account());
        // From here on the receipt acts as the new account, so that it can add keys and deploy code.
        self.actor_id = account_id;
        Ok(())
    }

    pub(in crate::runtime) fn transfer(&mut self, deposit: Balance) -> ActionOutcome {
        if self.account.is_none() {
            return self.create_implicit_account(deposit);
        }
        let refunds_gas = self.is_refund() && self.action_receipt.signer_id() == self.account_id();
        if refunds_gas && self.refund_key(deposit)? {
            return Ok(());
        }
        let account = self.existing_account()?;
        account.set_amount(fees::add(account.amount(), deposit)?);
        Ok(())
    }

    pub(in crate::runtime) fn delete_account(&mut self, beneficiary_id: &AccountId) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let account = self.existing_account()?.clone();
        let usage = account.storage_usage().saturating_sub(self.contract_bytes());
        if usage > Account::MAX_ACCOUNT_DELETION_STORAGE_USAGE {
            return Err(ActionErrorKind::DeleteAccountWithLargeState { account_id }.into());
        }
        let keys = self.state.keys(&trie_key_parsers::get_raw_prefix_for_access_keys(&account_id));
        let balance = gas_key_balance(self.state, &account_id, &keys)?;
        if balance > GasKeyInfo::MAX_BALANCE_TO_BURN {
            return Err(ActionErrorKind::GasKeyBalanceTooHigh { account_id, public_key: None, balance }.into());
        }
        if account.amount() > Balance::ZERO {
            self.result.new_receipts.push(Receipt::new_balance_refund(beneficiary_id, account.amount()));
        }
        let (mut lanes, mut lane_bytes) = (0, 0);
        for raw in keys {
            let Some(key) = access_key_trie_key(&account_id, &raw) else { continue };
            if matches!(key, TrieKey::GasKeyNonce { .. }) {
                lanes += 1;
                lane_bytes += raw.len();
            }
            self.state.remove(key);
        }
        let compute = fees::lane_removal_compute(&self.runtime.config, lanes, lane_bytes)?;
        self.result.compute = self.result.compute.saturating_add(compute);
        for raw in self.state.keys(&trie_key_parsers::get_raw_prefix_for_contract_data(&account_id, &[])) {
            if let Ok(key) = trie_key_parsers::parse_data_key_from_contract_data_key(&raw, &account_id) {
                self.state.remove(TrieKey::ContractData { account_id: account_id.clone(), key: key.to_vec() });
            }
        }
        self.state.remove(TrieKey::ContractCode { account_id: account_id.clone() });
        self.state.remove(TrieKey::Account { account_id });
        self.result.tokens_burnt = fees::add(self.result.tokens_burnt, balance)?;
        self.actor_id = self.receipt.predecessor_id().clone();
        self.account = None;
        Ok(())
    }

    /// Creates the account that a transfer to an implicit id brings into being.
    fn create_implicit_account(&mut self, deposit: Balance) -> ActionOutcome {
        let account_id = self.account_id().clone();
        let nonce = initial_nonce(self.block.height);
        let mut account = self.runtime.empty_account();
        account.set_amount(deposit);
        match account_id.get_account_type() {
            AccountType::NearImplicitAccount => {
                let public_key = implicit_key(&account_id)?;
                let access_key = AccessKey { nonce, permission: AccessKeyPermission::FullAccess };
                let bytes = self.runtime.access_key_bytes(&public_key, &access_key);
                account.set_storage_usage(account.storage_usage().saturating_add(bytes));
                self.state.set_access_key(&account_id, &public_key, &access_key)?;
            }
            AccountType::EthImplicitAccount => {
                let wallet = AccountContract::Global(eth_wallet_code_hash(&self.runtime.chain_id));
                account.set_storage_usage(account.storage_usage().saturating_add(wallet.identifier_storage_usage()));
                account.set_contract(wallet).map_err(|error| RuntimeError::Inconsistent(error.to_string()))?;
            }
            AccountType::UniversalAccount => {
                account = Account::new_uninitialized(deposit, account.storage_usage(), nonce);
            }
            AccountType::NearDeterministicAccount | AccountType::NamedAccount => {}
        }
        self.account = Some(account);
        Ok(())
    }

    /// Gives a gas refund back to the key that paid. Returns whether the whole refund went there.
    fn refund_key(&mut self, refund: Balance) -> Result<bool, RuntimeError> {
        let (account_id, public_key) = (self.account_id(), self.action_receipt.signer_public_key());
        let Some(mut access_key) = self.state.access_key(account_id, public_key)? else { return Ok(false) };
        let to_gas_key = match &mut access_key.permission {
            AccessKeyPermission::FunctionCall(FunctionCallPermission { allowance: Some(allowance), .. }) => {
                *allowance = allowance.saturating_add(refund);
                false
            }
            AccessKeyPermission::GasKeyFullAccess(gas_key) | AccessKeyPermission::GasKeyFunctionCall(gas_key, _) => {
                gas_key.balance = fees::add(gas_key.balance, refund)?;
                true
            }
            AccessKeyPermission::FunctionCall(_) | AccessKeyPermission::FullAccess => return Ok(false),
        };
        self.state.set_access_key(account_id, public_key, &access_key)?;
        Ok(to_gas_key)
    }
}

impl Runtime {
    /// An account without code, keys or balance.
    pub(super) fn empty_account(&self) -> Account {
        let bytes = self.config.fees.storage_usage_config.num_bytes_account;
        Account::new(Balance::ZERO, Balance::ZERO, AccountContract::None, bytes)
    }
}

/// The global contract every ETH-implicit account runs (nearcore `near-wallet-contract/src/lib.rs`). As on any
/// nearcore chain, it does nothing until somebody deploys that code as a global contract.
fn eth_wallet_code_hash(chain_id: &str) -> CryptoHash {
    const MAINNET: &str = "1daa835c4637f7ae3d924095ba3f0bf2829bcfa17b1068cd58bd853dcad7ceb5";
    const TESTNET: &str = "238feac1f86cc9f9f4003e3f6d5aebc04eaea9c394032b9470e9609b67f6c5";
    const OTHER: &str = "d2884a900d4fa370e48f1e3d4865d4dc0dbd093c89f0e7baef2eddc142c49e8d";
    let text = match chain_id {
        "mainnet" | "mocknet" => MAINNET,
        "testnet" => TESTNET,
        _ => OTHER,
    };
    let mut hash = CryptoHash::default();
    // The constants above have the right length, so this cannot fail.
    let decoded = hex::decode_to_slice(text, &mut hash.0);
    debug_assert!(decoded.is_ok(), "{text}");
    hash
}

fn gas_key_balance(state: &StateUpdate, account_id: &AccountId, keys: &[Vec<u8>]) -> Result<Balance, StateError> {
    let mut total = Balance::ZERO;
    for raw in keys {
        let Some(key @ TrieKey::AccessKey { .. }) = access_key_trie_key(account_id, raw) else { continue };
        let access_key: Option<AccessKey> = state.read(key)?;
        let balance = access_key.as_ref().and_then(AccessKey::gas_key_info).map(|info| info.balance);
        total = total.saturating_add(balance.unwrap_or(Balance::ZERO));
    }
    Ok(total)
}

/// The typed key behind a raw one in the column of access keys and gas key nonces.
fn access_key_trie_key(account_id: &AccountId, raw: &[u8]) -> Option<TrieKey> {
    let handle = trie_key_parsers::parse_key_handle_from_access_key_key(raw, account_id).ok()?;
    let lane = trie_key_parsers::parse_nonce_index_from_gas_key_key(raw, account_id, &handle).ok()?;
    Some(match lane {
        Some(index) => TrieKey::gas_key_nonce(account_id.clone(), handle, index),
        None => TrieKey::access_key(account_id.clone(), handle),
    })
}

/// A NEAR-implicit account id is its own public key in hex.
fn implicit_key(account_id: &AccountId) -> Result<PublicKey, RuntimeError> {
    let invalid = || RuntimeError::Inconsistent(format!("{account_id} is no implicit account id"));
    let bytes = hex::decode(account_id.as_bytes()).map_err(|_| invalid())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| invalid())?;
    Ok(PublicKey::ED25519(ED25519PublicKey(bytes)))
}
