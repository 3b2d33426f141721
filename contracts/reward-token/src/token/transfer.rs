//! Transfers, NEP-141.

use near_contract_standards::fungible_token::{core::FungibleTokenCore, events::FtBurn};
use near_sdk::{AccountId, Gas, GasWeight, NearToken, PromiseIndex, assert_one_yocto, env, json_types::U128, require};
use piecework_compact::json::{self, Text, Write};
use piecework_interface::amount::Amount;

use super::{
    args,
    ledger::{Ledger, balances},
    methods, reply,
};

/// Fixed gas of `ft_resolve_transfer`.
const RESOLVE_GAS: Gas = Gas::from_tgas(5);
/// The longest amount in quotes.
const ANSWER_BYTES_MAX: usize = 41;

methods! {
    /// Moves tokens to a registered account. One yoctoNEAR.
    ft_transfer(receiver_id, amount, memo(optional)) => {
        balances().ft_transfer(args::account(&receiver_id, "receiver_id"), U128(amount.0), memo);
    };

    /// Moves tokens to a contract and calls its `ft_on_transfer`; what that gives back returns. One yoctoNEAR.
    ft_transfer_call(receiver_id, amount, msg, memo(optional)) => {
        assert_one_yocto();
        let receiver_id = args::account(&receiver_id, "receiver_id");
        let sender_id = env::predecessor_account_id();
        balances().internal_transfer(&sender_id, &receiver_id, amount.0, memo);
        let promise = env::promise_batch_create(&receiver_id);
        let (sender, receiver) = (String::from(sender_id), String::from(receiver_id));
        // All gas that is left goes to the receiver.
        let call = object(&[("sender_id", &sender), ("amount", &amount), ("msg", &msg)]);
        add_call(promise, "ft_on_transfer", &call, Gas::from_gas(0), GasWeight(1));
        let answer = env::promise_batch_then(promise, &env::current_account_id());
        let call = object(&[("sender_id", &sender), ("receiver_id", &receiver), ("amount", &amount)]);
        add_call(answer, "ft_resolve_transfer", &call, RESOLVE_GAS, GasWeight(0));
        env::promise_return(answer);
    };

    /// Takes back what the receiver did not use, as far as it still has it. Only the contract itself.
    ft_resolve_transfer(sender_id, receiver_id, amount) => {
        require!(
            env::predecessor_account_id() == env::current_account_id(),
            "ERR_CALLER: only the contract itself may call this"
        );
        let sender_id = args::account(&sender_id, "sender_id");
        let receiver_id = args::account(&receiver_id, "receiver_id");
        let amount = amount.0;
        let refund = match unused(amount) {
            0 => 0,
            unused => refund(&sender_id, &receiver_id, unused),
        };
        reply(&Amount(amount - refund));
    };
}

fn add_call(promise: PromiseIndex, method: &str, args: &str, gas: Gas, weight: GasWeight) {
    let none = NearToken::from_yoctonear(0);
    env::promise_batch_action_function_call_weight(promise, method, args.as_bytes(), none, gas, weight);
}

/// What the receiver did not use: all, if its call failed or answered something else than an amount.
fn unused(amount: u128) -> u128 {
    let answer = env::promise_result_checked(0, ANSWER_BYTES_MAX).unwrap_or_default();
    let unused = json::parse(core::str::from_utf8(&answer).unwrap_or_default()).unwrap_or(Amount(amount));
    unused.0.min(amount)
}

/// Moves the amount back and answers how much of it the sender has again. What a sender would get that has unregistered
/// meanwhile is burnt.
fn refund(sender_id: &AccountId, receiver_id: &AccountId, unused: u128) -> u128 {
    let mut token = balances();
    let refund = unused.min(token.accounts.get(receiver_id).unwrap_or_default());
    if refund == 0 {
        return 0;
    }
    if token.accounts.contains_key(sender_id) {
        token.internal_transfer(receiver_id, sender_id, refund, Some("refund".to_owned()));
        return refund;
    }
    let mut ledger = Ledger::load();
    let mut token = ledger.token();
    token.internal_withdraw(receiver_id, refund);
    ledger.total_supply = token.total_supply;
    ledger.store();
    env::log_str("The account of the sender was deleted");
    FtBurn { owner_id: receiver_id, amount: U128(refund), memo: Some("refund") }.emit();
    0
}

/// A JSON object.
fn object(fields: &[(&str, &dyn Write)]) -> String {
    let mut out = Text::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        name.write(&mut out);
        out.push(b':');
        value.write(&mut out);
    }
    out.push(b'}');
    out.into_string()
}
