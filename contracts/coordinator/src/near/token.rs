//! The token registry and incoming tokens.

use piecework_interface::call::{Deposit, TokenListArgs};

use super::{
    args::{self, need},
    call, call_as, methods, reply,
};

methods! {
    /// Lists a NEP-141 token. Owner, one yoctoNEAR.
    token_list => {
        let args = args::read();
        let args = TokenListArgs {
            account_id: need(args.account_id, "account_id"),
            min_reward: need(args.min_reward, "min_reward"),
            rep_unit: need(args.rep_unit, "rep_unit"),
            bond_rate: need(args.bond_rate, "bond_rate"),
        };
        reply(&call(|engine| engine.token_list(args)));
    };

    /// Takes tokens in, NEP-141. Always uses the whole amount; an error makes the token refund it.
    ft_on_transfer => {
        let args = args::read();
        let sender_id = need(args.sender_id, "sender_id");
        let amount = need(args.amount, "amount");
        let Deposit { message, account } = args::parse(need(args.msg, "msg").as_bytes());
        call_as(account, |engine| engine.ft_on_transfer(sender_id, amount.0, message));
        reply("0");
    };
}
