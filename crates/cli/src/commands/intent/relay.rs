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
    ids::TokenId,
    intent::{Action, INTENTS_MAX, Intent, SignedIntent},
    skip::Skip,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    outcome::{Did, Written, parts},
    reason::{fix, of_cap, of_number, reason},
};
use crate::{
    commands::{batch::place::places, entries, word},
    context::{Context, execute},
    files, tokens,
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
    /// What it did, if it was executed.
    did: Option<Did>,
    code: Option<Skip>,
    reason: Option<String>,
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
    let relayed = send_all(context, &intents).await?;
    let text = lines(context, &relayed).await?;
    context.output.result(&json!({ "intents": relayed }), || text)?;
    match refusal(&relayed, true) {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

/// Sends intents that no file keeps, in as many calls as they need, and says what became of each.
///
/// # Errors
/// None of them was executed, or a call could not be sent.
pub(in crate::commands) async fn relay(context: &Context, intents: &[SignedIntent]) -> anyhow::Result<Vec<Relayed>> {
    let relayed = send_all(context, intents).await?;
    let none = relayed.iter().all(|intent| intent.status != Status::Executed);
    match refusal(&relayed, false).filter(|_| none) {
        Some(problem) => Err(problem.into()),
        None => Ok(relayed),
    }
}

async fn send_all(context: &Context, intents: &[SignedIntent]) -> anyhow::Result<Vec<Relayed>> {
    let signer = context.signer().await?;
    let mut relayed = Vec::new();
    for call in calls(intents) {
        relayed.extend(send(context, &signer, call).await?);
    }
    Ok(relayed)
}

/// What to say if not all were executed.
fn refusal(relayed: &[Relayed], is_kept: bool) -> Option<Problem> {
    let refused: Vec<&Relayed> = relayed.iter().filter(|intent| intent.status != Status::Executed).collect();
    let first = refused.first()?;
    let reason = first.reason.as_deref().unwrap_or_default();
    let what = match (refused.len(), relayed.len()) {
        (1, 1) => format!("the intent was not executed: {reason}"),
        (none, all) if none == all => format!("none of {all} intents was executed; the first: {reason}"),
        (some, all) => format!("{some} of {all} intents were not executed; the first of these: {reason}"),
    };
    Some(Problem::new(what, fix(first.code, is_kept)))
}

/// What became of each, one a line.
async fn lines(context: &Context, relayed: &[Relayed]) -> anyhow::Result<String> {
    let mut lines = Vec::with_capacity(relayed.len());
    for (number, intent) in (1..).zip(relayed) {
        let said = match (&intent.did, &intent.reason) {
            (Some(did), _) => format!(": {}", did.describe(context).await?),
            (None, Some(reason)) => format!(": {reason}"),
            (None, None) => String::new(),
        };
        lines.push(format!("{number}  {}  {}{said}", intent.account_id.as_deref().unwrap_or("?"), word(intent.status)));
    }
    Ok(lines.join("\n"))
}

/// Sends one call. It fails only if none of its intents is genuine, which is no error of the others' calls.
async fn send(context: &Context, signer: &Sender, intents: &[SignedIntent]) -> anyhow::Result<Vec<Relayed>> {
    let coordinator = context.coordinator()?;
    let read: Vec<Option<Intent>> = intents.iter().map(|intent| serde_json::from_str(&intent.message).ok()).collect();
    let mut tokens = Vec::with_capacity(read.len());
    for intent in &read {
        tokens.push(token_of(&coordinator, intent.as_ref()).await?);
    }
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
    let parts = parts(&entries, &places(context, &outcome).await?);
    let nothing = Written::default();
    let mut relayed = Vec::with_capacity(intents.len());
    for (index, ((signed, intent), token)) in (0_u8..).zip(intents.iter().zip(&read).zip(tokens)) {
        let written = parts.get(&index).unwrap_or(&nothing);
        let account_id = intent.as_ref().map(|intent| intent.account_id.clone());
        let tx_hash = hash.clone();
        relayed.push(match written.refusal() {
            None => {
                let did = intent.as_ref().and_then(|intent| written.did(&intent.kind, token, &entries));
                Relayed { account_id, status: Status::Executed, did, code: None, reason: None, tx_hash }
            }
            Some((is_used, code)) => {
                let status = if is_used { Status::Failed } else { Status::Skipped };
                let code = code.or(void);
                let reason = match code {
                    Some(code) => Some(why(context, signed, intent.as_ref(), code).await?),
                    None => None,
                };
                Relayed { account_id, status, did: None, code, reason, tx_hash }
            }
        });
    }
    Ok(relayed)
}

/// The token of a batch that an intent ends or takes lots from: a closed batch's row no longer has it.
async fn token_of(coordinator: &Coordinator, intent: Option<&Intent>) -> anyhow::Result<Option<TokenId>> {
    let batch = match intent.map(|intent| &intent.kind) {
        Some(Action::Cancel(args)) => args.batch,
        Some(Action::Skip(args)) => args.batch,
        _ => return Ok(None),
    };
    Ok(coordinator.batch(batch).await?.and_then(|batch| batch.open).map(|open| open.token))
}

/// Why an intent was not executed.
async fn why(context: &Context, signed: &SignedIntent, intent: Option<&Intent>, code: Skip) -> anyhow::Result<String> {
    let plain = reason(intent.map(|intent| intent.kind.kind()), code).to_owned();
    let (Some(intent), Skip::Nonce | Skip::KeyCap) = (intent, code) else { return Ok(plain) };
    let keys = context.coordinator()?.intent_keys(&intent.account_id).await?;
    let key = keys.iter().find(|key| key.public_key == signed.public_key);
    let limit = key.and_then(|key| Some((key, key.limit?)));
    Ok(match (code, limit) {
        (Skip::KeyCap, Some((key, limit))) => {
            let token = tokens::resolve(context, Some(&limit.token.to_string())).await?;
            of_cap(key, &token, context.now_s().await?)
        }
        (Skip::KeyCap, None) => plain,
        _ => {
            let mut number = [0; 8];
            number.copy_from_slice(&signed.nonce[..8]);
            of_number(u64::from_be_bytes(number), key)
        }
    })
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
    fn refusal__should_count_what_was_not_executed() {
        let relayed = |status| Relayed {
            account_id: None,
            status,
            did: None,
            code: None,
            reason: (status != Status::Executed).then(|| "no".to_owned()),
            tx_hash: String::new(),
        };
        let said = |all: &[Status]| {
            let all: Vec<Relayed> = all.iter().copied().map(relayed).collect();
            refusal(&all, true).map(|problem| problem.to_string()).unwrap_or_default()
        };
        let (good, bad) = (Status::Executed, Status::Failed);
        assert_eq!(said(&[good, good]), "");
        assert_eq!(said(&[bad]), "the intent was not executed: no");
        assert!(said(&[bad, bad]).starts_with("none of 2 intents was executed"));
        assert!(said(&[good, bad, good]).starts_with("1 of 3 intents were not executed"));
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
