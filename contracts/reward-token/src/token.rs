//! The contract.

use near_contract_standards::{
    fungible_token::{
        FungibleToken, FungibleTokenCore, FungibleTokenResolver,
        events::{FtBurn, FtMint},
        metadata::{FungibleTokenMetadata, FungibleTokenMetadataProvider},
    },
    storage_management::{StorageBalance, StorageBalanceBounds, StorageManagement},
};
use near_sdk::{
    AccountId, BorshStorageKey, NearToken, PanicOnDefault, PromiseOrValue, assert_one_yocto, borsh::BorshSerialize,
    env, json_types::U128, near, require,
};

/// The token.
#[near(
    contract_state,
    contract_metadata(
        standard(standard = "nep141", version = "1.0.0"),
        standard(standard = "nep145", version = "1.0.0"),
        standard(standard = "nep148", version = "1.0.0"),
    )
)]
#[derive(PanicOnDefault)]
pub struct RewardToken {
    token: FungibleToken,
    owner_id: AccountId,
    total_supply_cap: u128,
    metadata: FungibleTokenMetadata,
}

/// Prefixes of stored collections. Append only.
#[derive(BorshStorageKey, BorshSerialize)]
#[borsh(crate = "near_sdk::borsh")]
enum StorageKey {
    Accounts,
}

#[near]
impl RewardToken {
    /// Initialises the token without any supply.
    #[init]
    pub fn new(owner_id: AccountId, total_supply_cap: U128, metadata: FungibleTokenMetadata) -> Self {
        metadata.assert_valid();
        Self {
            token: FungibleToken::new(StorageKey::Accounts),
            owner_id,
            total_supply_cap: total_supply_cap.0,
            metadata,
        }
    }

    /// Makes new tokens for a registered account. Owner only, one yoctoNEAR.
    #[payable]
    pub fn mint(&mut self, account_id: AccountId, amount: U128) {
        assert_one_yocto();
        require!(env::predecessor_account_id() == self.owner_id, "ERR_CALLER: only the owner mints");
        require!(amount.0 > 0, "ERR_AMOUNT: amount must be above 0");
        let supply = self.token.total_supply.checked_add(amount.0);
        require!(
            supply.is_some_and(|supply| supply <= self.total_supply_cap),
            "ERR_CAP: the supply would exceed total_supply_cap"
        );
        require!(
            self.token.accounts.contains_key(&account_id),
            "ERR_ACCOUNT: the receiver is not registered: call storage_deposit first"
        );
        self.token.internal_deposit(&account_id, amount.0);
        FtMint { owner_id: &account_id, amount, memo: None }.emit();
    }

    /// Who mints.
    pub fn owner(&self) -> AccountId {
        self.owner_id.clone()
    }

    /// The most that the total supply can become.
    pub fn total_supply_cap(&self) -> U128 {
        U128(self.total_supply_cap)
    }
}

#[near]
impl FungibleTokenCore for RewardToken {
    #[payable]
    fn ft_transfer(&mut self, receiver_id: AccountId, amount: U128, memo: Option<String>) {
        self.token.ft_transfer(receiver_id, amount, memo);
    }

    #[payable]
    fn ft_transfer_call(
        &mut self,
        receiver_id: AccountId,
        amount: U128,
        memo: Option<String>,
        msg: String,
    ) -> PromiseOrValue<U128> {
        self.token.ft_transfer_call(receiver_id, amount, memo, msg)
    }

    fn ft_total_supply(&self) -> U128 {
        self.token.ft_total_supply()
    }

    fn ft_balance_of(&self, account_id: AccountId) -> U128 {
        self.token.ft_balance_of(account_id)
    }
}

#[near]
impl FungibleTokenResolver for RewardToken {
    #[private]
    fn ft_resolve_transfer(&mut self, sender_id: AccountId, receiver_id: AccountId, amount: U128) -> U128 {
        // A sender that unregistered meanwhile has its refund burnt; the library has logged it.
        self.token.internal_ft_resolve_transfer(&sender_id, receiver_id, amount).0.into()
    }
}

#[near]
impl StorageManagement for RewardToken {
    #[payable]
    fn storage_deposit(&mut self, account_id: Option<AccountId>, registration_only: Option<bool>) -> StorageBalance {
        self.token.storage_deposit(account_id, registration_only)
    }

    #[payable]
    fn storage_withdraw(&mut self, amount: Option<NearToken>) -> StorageBalance {
        self.token.storage_withdraw(amount)
    }

    #[payable]
    fn storage_unregister(&mut self, force: Option<bool>) -> bool {
        let Some((account_id, balance)) = self.token.internal_storage_unregister(force) else { return false };
        if balance > 0 {
            FtBurn { owner_id: &account_id, amount: U128(balance), memo: Some("storage_unregister by force") }.emit();
        }
        true
    }

    fn storage_balance_bounds(&self) -> StorageBalanceBounds {
        self.token.storage_balance_bounds()
    }

    fn storage_balance_of(&self, account_id: AccountId) -> Option<StorageBalance> {
        self.token.storage_balance_of(account_id)
    }
}

#[near]
impl FungibleTokenMetadataProvider for RewardToken {
    fn ft_metadata(&self) -> FungibleTokenMetadata {
        self.metadata.clone()
    }
}
