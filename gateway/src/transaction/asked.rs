//! The body: arguments and signer as JSON, without fields that nothing reads.

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
};
use near_account_id::AccountId;
use piecework_api::Signed;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    app::App,
    blobs::PutError,
    endpoints::blobs::put::{refuse_forms, refuse_too_large},
    problem::{Code, Problem},
};

/// Bytes of a body at most.
pub const BODY_MAX: usize = 16 * 1024;

/// The arguments of a transaction, and who is to sign it.
#[derive(Debug)]
pub struct Asked<T>(pub Signed<T>);

impl<T: DeserializeOwned + Serialize> FromRequest<App> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let max_bytes = u64::try_from(BODY_MAX).unwrap_or(u64::MAX);
        refuse_forms(&parts.headers)?;
        refuse_too_large(&parts.headers, max_bytes)?;
        let bytes = to_bytes(body, BODY_MAX).await.map_err(|_| Problem::from(PutError::TooLarge { max_bytes }))?;
        read(&bytes).map(Self)
    }
}

fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<Signed<T>, Problem> {
    let refused = |error: serde_json::Error| Problem::new(Code::Refused, format!("the body does not do: {error}"));
    // Once from the bytes, so that a field that is given twice is refused.
    let asked: Signed<T> = serde_json::from_slice(bytes).map_err(refused)?;
    let given: Value = serde_json::from_slice(bytes).map_err(refused)?;
    if let Some(name) = unread(&given, &serde_json::to_value(&asked).map_err(refused)?) {
        return Err(Problem::new(Code::Refused, format!("there is no field `{name}` here")));
    }
    account_id("signer_id", &asked.signer_id)?;
    Ok(asked)
}

/// Checks that a field is an account id.
///
/// # Errors
/// It is none.
pub(super) fn account_id(field: &str, text: &str) -> Result<(), Problem> {
    match text.parse::<AccountId>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::new(Code::Refused, format!("{field} is {text:?}, which is no account id: {error}"))),
    }
}

/// The first field, with the way to it, that is given and was not read: the contract refuses it.
fn unread(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(name, value)| match read.get(name) {
            // What is absent and what is null are written alike.
            None if value.is_null() => None,
            None => Some(name.clone()),
            Some(read) => unread(value, read).map(|rest| format!("{name}.{rest}")),
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).find_map(|(given, read)| unread(given, read))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use piecework_api::transaction::BatchCreation;
    use piecework_interface::call::{BatchArgs, BatchSpec};
    use serde_json::{Value, json};

    use super::read;

    fn refusal<T: serde::de::DeserializeOwned + serde::Serialize>(body: &Value) -> String {
        read::<T>(body.to_string().as_bytes()).err().unwrap().detail
    }

    #[test]
    fn body__should_have_no_field_that_nothing_reads() {
        let creation = |change: fn(&mut Value)| {
            let mut body = json!({ "signer_id": "a.near", "token": 1, "batch": BatchSpec::default() });
            change(&mut body);
            body
        };
        read::<BatchCreation>(creation(|_| {}).to_string().as_bytes()).unwrap();
        let deep = creation(|body| body["batch"]["terms"]["rewards"] = json!("1"));
        assert!(refusal::<BatchCreation>(&deep).contains("`batch.terms.rewards`"));
        assert!(refusal::<BatchCreation>(&creation(|body| body["pay"] = json!("token"))).contains("`pay`"));
        assert!(refusal::<BatchArgs>(&json!({ "signer_id": "A near", "batch": 1 })).contains("signer_id"));
        assert!(refusal::<BatchArgs>(&json!({ "signer_id": "a.near", "batch": "1" })).contains("does not do"));
        let twice = read::<BatchArgs>(br#"{"signer_id":"a.near","signer_id":"b.near","batch":1}"#);
        assert!(twice.is_err());
    }
}
