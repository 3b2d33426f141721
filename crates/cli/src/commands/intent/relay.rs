//! `piecework intent relay`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use piecework_chain::{Coordinator, Sender, TxError, TxRequest};
use piecework_client::calls;
use piecework_console::Problem;
use piecework_interface::{
    event::Entry,
    intent::{Action, INTENTS_MAX, Intent, SignedIntent},
    skip::Skip,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    commands::{entries, word},
    context::{Context, execute},
    files,
};

/// Withdrawals that the gas of one transaction carries.
const WITHDRAWALS_MAX: usize = 10;

/// `intent relay`.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// Files of signed intents: JSON, one or a list or one a line; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Relayed {
    account_id: Option<String>,
    pub(in crate::commands) status: Status,
    code: Option<Skip>,
    reason: Option<&'static str>,
    pub(in crate::commands) tx_hash: String,
}

/// Whether it did what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::commands) enum Status {
    /// It did.
    Executed,
    /// It is genuine and could not; its number is used.
    Failed,
    /// It proves nothing, or found no room; nothing of it is used.
    Skipped,
}

pub(super) async fn run(context: &Context, args: RelayArgs) -> anyhow::Result<()> {
    let mut intents = Vec::new();
    for file in &args.files {
        intents.extend(read(file)?);
    }
    if intents.is_empty() {
        bail!(Problem::new("the files hold no intents", "sign one with `piecework intent sign`"));
    }
    let relayed = relay(context, &intents).await?;
    context.output.result(&json!({ "intents": relayed }), || lines(&relayed))
}

/// Sends intents in as many calls as they need, and says what became of each.
///
/// # Errors
/// None of them was executed, or a call could not be sent.
pub(in crate::commands) async fn relay(context: &Context, intents: &[SignedIntent]) -> anyhow::Result<Vec<Relayed>> {
    let (coordinator, signer) = (context.coordinator()?, context.signer().await?);
    let mut relayed = Vec::new();
    for call in calls(intents) {
        relayed.extend(send(&coordinator, &signer, call).await?);
    }
    if relayed.iter().all(|intent| intent.status != Status::Executed) {
        let first = &relayed[0];
        let what = match relayed.as_slice() {
            [only] => format!("the intent was not executed: {}", only.reason.unwrap_or_default()),
            all => format!("none of {} intents was executed:\n{}", all.len(), lines(all)),
        };
        bail!(Problem::new(what, fix(first.code)));
    }
    Ok(relayed)
}

/// What became of each, one a line.
fn lines(relayed: &[Relayed]) -> String {
    let line = |(number, intent): (usize, &Relayed)| {
        let status = word(intent.status);
        let reason = intent.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{number}  {}  {status}{reason}", intent.account_id.as_deref().unwrap_or("?"))
    };
    (1..).zip(relayed).map(line).collect::<Vec<_>>().join("\n")
}

/// What to do about an intent that did nothing.
const fn fix(code: Option<Skip>) -> &'static str {
    match code {
        Some(Skip::NoKey) => {
            "its account lets the key sign with `piecework intent key-add PUBLIC_KEY`, then relay it again"
        }
        Some(Skip::NoAccount) => "register its account with `piecework account storage-deposit`, then relay it again",
        Some(Skip::Chain | Skip::Signature) => "sign it for this contract and chain, with `piecework intent sign`",
        Some(Skip::Nonce) => {
            "it may have been executed before: look at its account, and sign what is still wanted again"
        }
        _ => "mend what the reason names, and sign what is still wanted again, with `piecework intent sign`",
    }
}

/// Sends one call. It fails only if none of its intents is genuine, which is no error of the others' calls.
async fn send(coordinator: &Coordinator, signer: &Sender, intents: &[SignedIntent]) -> anyhow::Result<Vec<Relayed>> {
    let withdrawals = intents.iter().filter(|intent| withdraws(intent)).count();
    let request = TxRequest::to(coordinator.account_id().clone()).call(calls::intents_execute(intents, withdrawals));
    let (outcome, void) = match execute(signer, request).await {
        Ok(outcome) => (outcome, None),
        Err(TxError::Failed { failure, outcome }) if failure.code.as_deref() == Some("ERR_INTENTS") => {
            let code = failure.text.split("code ").nth(1).and_then(|rest| rest.split(':').next()?.trim().parse().ok());
            (*outcome, code.and_then(Skip::from_code))
        }
        // A withdrawal that is refused by the token fails its receipt and is restored; the intents' own call stands.
        Err(TxError::Failed { outcome, .. }) if !entries(&outcome)?.is_empty() => (*outcome, None),
        Err(error) => return Err(error.into()),
    };
    let (entries, hash) = (entries(&outcome)?, outcome.tx_hash.to_string());
    let result = (0_u8..).zip(intents).map(|(index, intent)| {
        let (status, code) = entries
            .iter()
            .find_map(|entry| match entry {
                Entry::Intent { op, failed: None, .. } if *op == index => Some((Status::Executed, None)),
                Entry::Intent { op, failed, .. } if *op == index => Some((Status::Failed, *failed)),
                Entry::Skipped { op, code } if *op == index => Some((Status::Skipped, Some(*code))),
                _ => None,
            })
            .unwrap_or((Status::Skipped, void));
        relayed(intent, status, code, &hash)
    });
    Ok(result.collect())
}

fn relayed(intent: &SignedIntent, status: Status, code: Option<Skip>, tx_hash: &str) -> Relayed {
    let read: Option<Intent> = serde_json::from_str(&intent.message).ok();
    let account_id = read.map(|intent| intent.account_id);
    Relayed { account_id, status, code, reason: code.map(Skip::text), tx_hash: tx_hash.to_owned() }
}

/// Parts a list into calls that a transaction's gas covers, in order.
fn calls(intents: &[SignedIntent]) -> Vec<&[SignedIntent]> {
    let (mut calls, mut from, mut withdrawals) = (Vec::new(), 0, 0);
    for (index, intent) in intents.iter().enumerate() {
        let more = usize::from(withdraws(intent));
        if index - from == INTENTS_MAX || withdrawals + more > WITHDRAWALS_MAX {
            calls.push(&intents[from..index]);
            (from, withdrawals) = (index, 0);
        }
        withdrawals += more;
    }
    calls.push(&intents[from..]);
    calls
}

fn withdraws(intent: &SignedIntent) -> bool {
    let read: Option<Intent> = serde_json::from_str(&intent.message).ok();
    matches!(read, Some(Intent { kind: Action::Withdraw(_), .. }))
}

fn read(path: &Path) -> anyhow::Result<Vec<SignedIntent>> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("stdin cannot be read")?;
    } else {
        text = files::read_text(path, "check the path; `piecework intent sign --out FILE` writes one")?;
    }
    parse(&text).map_err(|error| {
        Problem::new(
            format!("{} holds no signed intents: {error}", path.display()),
            "each has message, nonce, public_key and signature, as `piecework intent sign` writes them",
        )
        .into()
    })
}

/// One intent, a list of them, or several values after each other.
fn parse(text: &str) -> Result<Vec<SignedIntent>, serde_json::Error> {
    let mut intents = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match value? {
            Value::Array(values) => {
                for value in values {
                    intents.push(serde_json::from_value(value)?);
                }
            }
            value => intents.push(serde_json::from_value(value)?),
        }
    }
    Ok(intents)
}

#[cfg(test)]
mod tests {
    use piecework_interface::{amount::Amount, call::WithdrawArgs, ids::TokenId};

    use super::*;

    fn signed(kind: Action) -> SignedIntent {
        let intent = Intent { kind, ..Intent::default() };
        SignedIntent { message: serde_json::to_string(&intent).unwrap(), ..SignedIntent::default() }
    }

    #[test]
    fn calls__should_keep_order_and_fit_the_gas() {
        let withdraw = || signed(Action::Withdraw(WithdrawArgs { token: TokenId(1), amount: Some(Amount(1)) }));
        let lengths = |intents: &[SignedIntent]| calls(intents).iter().map(|call| call.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&vec![signed(Action::default()); 33]), [16, 16, 1]);
        assert_eq!(lengths(&vec![withdraw(); 21]), [10, 10, 1]);
        assert_eq!(lengths(&[withdraw()]), [1]);
    }

    #[test]
    fn parse__should_take_one_a_list_and_lines() {
        let one = serde_json::to_string(&signed(Action::default())).unwrap();
        for (text, count) in [(one.clone(), 1), (format!("[{one},{one}]"), 2), (format!("{one}\n{one}\n"), 2)] {
            assert_eq!(parse(&text).unwrap().len(), count);
        }
        assert!(parse("{\"message\":\"\"}").is_err());
        assert!(parse(&one[1..]).is_err());
    }
}
