//! Whether the contract holds what it owes.

use std::str::FromStr as _;

use piecework_chain::{AccountId, BlockRef, RpcClient};
use piecework_interface::{
    amount::Amount,
    ids::{NEAR, TokenId},
    storage::YOCTONEAR_PER_BYTE,
    view::Token,
};
use piecework_replay::Mirror;
use serde::Serialize;
use serde_json::json;

use super::ReconcileError;

/// Debts and holdings in a NEP-141 token, in its units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenSum {
    /// Token.
    pub token: TokenId,
    /// Its account.
    pub account_id: String,
    /// Internal balances.
    pub balances: Amount,
    /// What open batches hold: escrows, deposits of challenges, bonds of adjudicators.
    pub escrows: Amount,
    /// Fees and withheld pay that wait for the treasury.
    pub pool: Amount,
    /// Withdrawals whose transfer has not answered. The token may have moved them already, so they stand apart and are not
    /// added to the debts.
    pub in_flight: Amount,
    /// `ft_balance_of` the contract at the same block.
    pub held: Amount,
    /// Whether balances, escrows and pool are covered.
    pub covered: bool,
}

/// Debts and holdings in yoctoNEAR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearSum {
    /// Stakes, bonds included.
    pub stakes: Amount,
    /// Stakes on their way out.
    pub unbonding: Amount,
    /// Slashed NEAR and what classes cost, which no account owns.
    pub burnt: Amount,
    /// Internal balances, escrows and fees in NEAR.
    pub internal: Amount,
    /// Withdrawals whose transfer has not answered; they have left the account already.
    pub in_flight: Amount,
    /// Storage deposits.
    pub storage_deposits: Amount,
    /// What the contract's storage locks beyond the bytes charged to accounts: its code, mostly.
    pub own_storage: Amount,
    /// The account's balance.
    pub held: Amount,
    /// Whether everything is covered.
    pub covered: bool,
}

pub(super) async fn sums(
    rpc: &RpcClient,
    contract: &AccountId,
    block: BlockRef,
    mirror: &Mirror,
) -> Result<(Vec<TokenSum>, NearSum), ReconcileError> {
    let mut tokens = Vec::new();
    for token in mirror.tokens.values().filter(|token| token.token != NEAR) {
        let account = AccountId::from_str(&token.account_id)
            .map_err(|_| ReconcileError::TokenAccount(token.account_id.clone()))?;
        let held: Amount =
            rpc.view_function(&account, "ft_balance_of", &json!({ "account_id": contract }), block).await?.value;
        tokens.push(token_sum(mirror, token, held));
    }
    let account =
        rpc.view_account(contract, block).await?.ok_or_else(|| ReconcileError::NoAccount(contract.clone()))?.value;
    Ok((tokens, near_sum(mirror, account.amount.as_yoctonear(), account.storage_usage)))
}

fn token_sum(mirror: &Mirror, token: &Token, held: Amount) -> TokenSum {
    let (balances, escrows) = (balances(mirror, token.token), escrows(mirror, token.token));
    let owed = total([balances, escrows, token.pool.0]);
    TokenSum {
        token: token.token,
        account_id: token.account_id.clone(),
        balances: Amount(balances),
        escrows: Amount(escrows),
        pool: token.pool,
        in_flight: token.in_flight,
        held,
        covered: owed <= held.0,
    }
}

fn near_sum(mirror: &Mirror, held: u128, storage_usage: u64) -> NearSum {
    let accounts = || mirror.accounts.values().map(|named| &named.row);
    let nodes = || accounts().filter_map(|account| account.node.as_ref());
    let near = mirror.tokens.get(&NEAR);
    let stakes = total(nodes().map(|node| node.stake.0));
    let unbonding = total(nodes().map(|node| node.unbonding.0));
    let burnt = mirror.root.burnt.0;
    let internal = total([balances(mirror, NEAR), escrows(mirror, NEAR), near.map_or(0, |near| near.pool.0)]);
    let storage_deposits = total(accounts().map(|account| account.storage_paid.0));
    // Bytes charged to accounts are paid for by their deposits; what is stored beside them, the contract pays itself.
    let charged = total(accounts().map(|account| u128::from(account.storage_used)));
    let own_storage = u128::from(storage_usage).saturating_sub(charged).saturating_mul(YOCTONEAR_PER_BYTE);
    let owed = total([stakes, unbonding, burnt, internal, storage_deposits, own_storage]);
    NearSum {
        stakes: Amount(stakes),
        unbonding: Amount(unbonding),
        burnt: Amount(burnt),
        internal: Amount(internal),
        in_flight: near.map_or(Amount(0), |near| near.in_flight),
        storage_deposits: Amount(storage_deposits),
        own_storage: Amount(own_storage),
        held: Amount(held),
        covered: owed <= held,
    }
}

fn balances(mirror: &Mirror, token: TokenId) -> u128 {
    let all = mirror.accounts.values().flat_map(|named| &named.row.balances);
    total(all.filter(|balance| balance.token == token).map(|balance| balance.amount.0))
}

fn escrows(mirror: &Mirror, token: TokenId) -> u128 {
    let open = mirror.batches.values().filter_map(|batch| batch.open.as_ref());
    total(open.filter(|open| open.token == token).map(|open| open.escrow.0))
}

/// A sum that overflows is more than any account holds.
fn total(amounts: impl IntoIterator<Item = u128>) -> u128 {
    amounts.into_iter().fold(0, u128::saturating_add)
}

#[cfg(test)]
mod tests {
    use piecework_interface::{
        ids::AccountNo,
        view::{Account, Balance},
    };
    use piecework_replay::NamedAccount;

    use super::*;

    fn mirror() -> Mirror {
        let mut mirror = Mirror::default();
        mirror.root.burnt = Amount(5);
        let balances =
            vec![Balance { token: NEAR, amount: Amount(100) }, Balance { token: TokenId(1), amount: Amount(70) }];
        let row = Account {
            account: AccountNo(0),
            storage_paid: Amount(20 * YOCTONEAR_PER_BYTE),
            storage_used: 12,
            in_flight: 0,
            balances,
            node: None,
            keys: Vec::new(),
            payout: None,
        };
        mirror.accounts.insert(AccountNo(0), NamedAccount { account_id: "a.near".to_owned(), row });
        mirror
    }

    fn token(pool: u128, in_flight: u128) -> Token {
        Token {
            token: TokenId(1),
            account_id: "t.near".to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(1),
            pool: Amount(pool),
            in_flight: Amount(in_flight),
        }
    }

    #[test]
    fn token_sum__should_cover_balances_and_pool_to_the_unit() {
        assert!(token_sum(&mirror(), &token(30, 0), Amount(100)).covered);
        assert!(!token_sum(&mirror(), &token(31, 0), Amount(100)).covered);
    }

    #[test]
    fn token_sum__should_not_owe_what_is_in_flight() {
        // The token has moved it already, and the callback has not told the contract yet.
        assert!(token_sum(&mirror(), &token(30, 500), Amount(100)).covered);
    }

    #[test]
    fn near_sum__should_keep_the_contracts_own_storage_apart() {
        // 12 of 112 bytes are charged to the account; the contract pays for the other hundred.
        let owed = 105 + 20 * YOCTONEAR_PER_BYTE + 100 * YOCTONEAR_PER_BYTE;
        assert!(near_sum(&mirror(), owed, 112).covered);
        assert!(!near_sum(&mirror(), owed - 1, 112).covered);
    }
}
