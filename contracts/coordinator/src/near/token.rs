//! The token registry and incoming tokens.

use piecework_interface::call::{Deposit, TokenListArgs};

use super::{args, call, call_as, methods, reply};

methods! {
    /// Lists a NEP-141 token. Owner, one yoctoNEAR.
    token_list(account_id, min_reward, rep_unit, bond_rate) => {
        reply(&call(|engine| engine.token_list(TokenListArgs { account_id, min_reward, rep_unit, bond_rate })));
    };

    /// Takes tokens in, NEP-141. Always uses the whole amount; an error makes the token refund it.
    ft_on_transfer(sender_id, amount, msg) => {
        let Deposit { message, receiver_id, account } = args::parse(msg.as_bytes());
        call_as(account, |engine| engine.ft_on_transfer(sender_id, amount.0, message, receiver_id));
        reply("0");
    };
}
