//! Payouts.

use near_sdk::{Gas, GasWeight, NearToken, PromiseError, PromiseIndex, env};
use piecework_compact::{
    codec,
    json::{Text, Write},
};
use piecework_interface::{
    amount::Amount,
    call::WithdrawArgs,
    ids::{AccountNo, TokenId},
};

use super::{account_id, args, call, call_as, methods};
use crate::engine::Transfer;

/// Fixed gas of the token's `ft_transfer`.
const TRANSFER_GAS: Gas = Gas::from_tgas(15);
/// Fixed gas of the callback: enough to restore, whatever the caller attached.
const CALLBACK_GAS: Gas = Gas::from_tgas(8);
/// `ft_transfer` answers nothing. A longer answer is a success all the same; it is only not read.
const ANSWER_BYTES_MAX: usize = 64;

methods! {
    /// Debits the caller and sends the amount. One yoctoNEAR, which goes along with a token transfer.
    withdraw(token, amount(optional), account(optional)) => {
        pull(token, amount, account, false);
    };

    /// Names where `withdraw_payout` sends the caller's balances, or nowhere. One yoctoNEAR.
    payout_set(account_id(optional)) => call(|engine| engine.payout_set(account_id));

    /// Debits the caller and sends the amount to its payout account. Nothing attached: the yoctoNEAR that goes along with
    /// a token transfer is the contract's.
    withdraw_payout(token, amount(optional), account(optional)) => {
        pull(token, amount, account, true);
    };

    /// The transfer's answer. Only the contract itself.
    on_withdrawn => {
        let (account, token, amount) = args::read_borsh();
        // Only a failed promise is certainly not paid.
        let ok = !matches!(env::promise_result_checked(0, ANSWER_BYTES_MAX), Err(PromiseError::Failed));
        call(|engine| engine.on_withdrawn(account, token, amount, ok));
    };
}

/// Either withdrawal: one instance of it for both is smaller.
#[inline(never)]
fn pull(token: TokenId, amount: Option<Amount>, account: Option<AccountNo>, pays_out: bool) {
    let args = WithdrawArgs { token, amount };
    let transfer = call_as(account, |engine| match pays_out {
        true => engine.withdraw_payout(args),
        false => engine.withdraw(args),
    });
    env::promise_return(send(transfer));
}

/// Sends a transfer and has it answered. A token transfer takes one yoctoNEAR along.
pub(super) fn send(transfer: Transfer) -> PromiseIndex {
    let Transfer { account, account_id: receiver, token, token_account_id, amount } = transfer;
    let sent = match token_account_id {
        None => {
            let promise = env::promise_batch_create(&account_id(&receiver));
            env::promise_batch_action_transfer(promise, NearToken::from_yoctonear(amount));
            promise
        }
        Some(token_account) => {
            let mut args = Text::new();
            args.push_str("{\"receiver_id\":");
            receiver.write(&mut args);
            args.push_str(",\"amount\":");
            Amount(amount).write(&mut args);
            args.push(b'}');
            let promise = env::promise_batch_create(&account_id(&token_account));
            env::promise_batch_action_function_call_weight(
                promise,
                "ft_transfer",
                args.into_string().as_bytes(),
                NearToken::from_yoctonear(1),
                TRANSFER_GAS,
                GasWeight(0),
            );
            promise
        }
    };
    let args = codec::encode(&(account, token, amount));
    let answer = env::promise_batch_then(sent, &env::current_account_id());
    env::promise_batch_action_function_call_weight(
        answer,
        "on_withdrawn",
        &args,
        NearToken::from_yoctonear(0),
        CALLBACK_GAS,
        GasWeight(0),
    );
    answer
}
