//! `piecework tip`: a transfer with a word to it, signed and sent at once.

use std::time::Duration;

use anyhow::Context as _;
use piecework_interface::intent::Action;
use serde_json::json;

use super::{
    relay::relay,
    sign::{PayArgs, Use, payment, sign},
};
use crate::{commands::account, context::Context, tokens};

/// How long it may take until it is executed.
const DEADLINE: Duration = Duration::from_secs(600);

/// Moves balance of the key file's account to another registered account, by an intent that its key signs and that the account
/// sends itself.
///
/// # Errors
/// The key may not sign transfers, the balance does not do, or the receiver has no room for the token.
pub async fn run(context: &Context, args: PayArgs) -> anyhow::Result<()> {
    let token = tokens::resolve(context, args.token.as_deref()).await?;
    let payment = payment(&token, args)?;
    let (receiver_id, amount, memo) = (payment.receiver_id.clone(), payment.amount, payment.memo.clone());
    let payer_id = context.key()?.account_id;
    account::cover(context, &payer_id, &token, amount.0, "the tip").await?;
    let (account_id, signed) = sign(context, Action::Transfer(payment), None, DEADLINE, None, Use::Sent).await?;
    let relayed = relay(context, &[signed]).await?;
    let tx_hash = &relayed.first().context("an intent without an outcome")?.tx_hash;
    let result = json!({
        "account_id": account_id, "receiver_id": receiver_id, "token": token.id(), "amount": amount, "memo": memo,
        "tx_hash": tx_hash,
    });
    context.output.result(&result, || format!("{receiver_id} has {} more from {account_id}", token.show(amount.0)))
}
