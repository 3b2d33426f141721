//! Everything that a coordinator's views say at one block, as JSON, so that code of another version can be compared.

use std::collections::BTreeMap;

use piecework_chain::{AccountId, BlockRef, Coordinator, RpcClient, ViewError};
use piecework_client::{View, pages, views};
use piecework_interface::{
    call::PAGE_MAX,
    ids::{ClassId, LotId},
    lots::lot_count,
};
use serde_json::Value;

/// Answers by the view that gave them, with its page: a value, or why there is none.
pub(super) type Answers = BTreeMap<String, Result<Value, String>>;

/// A view with its name and page.
#[derive(Clone, Debug)]
pub(super) struct Question {
    name: String,
    method: &'static str,
    args: Vec<u8>,
}

impl Question {
    fn new<R: serde::de::DeserializeOwned>(page: &str, view: View<R>) -> Self {
        Self { name: format!("{}{page}", view.method), method: view.method, args: view.args }
    }
}

/// All views of a coordinator, page by page: those of tables as long as they are now.
pub(super) async fn questions(rpc: &RpcClient, contract: &AccountId) -> Result<Vec<Question>, ViewError> {
    let coordinator = Coordinator::new(rpc, contract.clone());
    let root = coordinator.root().await?.value;
    let mut questions = vec![
        Question::new("", views::root()),
        Question::new("", views::settings()),
        Question::new("", views::tokens()),
        Question::new("", views::owner()),
        Question::new("", views::storage_balance_bounds()),
    ];
    for from in pages(u32::from(root.next_class)) {
        let class = ClassId(u16::try_from(from).unwrap_or(u16::MAX));
        questions.push(Question::new(&format!("({from})"), views::classes(class, PAGE_MAX)));
    }
    questions.extend(pages(root.next_account).map(|from| Question::new(&format!("({from})"), views::accounts(from))));
    questions.extend(pages(root.next_batch).map(|from| Question::new(&format!("({from})"), views::batches(from))));
    for batch in coordinator.all_batches().await? {
        let Some(open) = &batch.open else { continue };
        for from in pages(lot_count(open.items, open.terms.lot_size)) {
            let page = format!("({}, {from})", batch.batch);
            questions.push(Question::new(&page, views::lots(batch.batch, LotId(from), PAGE_MAX)));
        }
    }
    Ok(questions)
}

/// Asks them at the newest final block.
pub(super) async fn ask(rpc: &RpcClient, contract: &AccountId, questions: &[Question]) -> Result<Answers, ViewError> {
    let mut answers = Answers::new();
    for Question { name, method, args } in questions {
        let answer = match rpc.view_raw(contract, method, args.clone(), BlockRef::Final).await {
            Ok(answer) => serde_json::from_slice(&answer.value).map_err(|error| format!("it is no JSON: {error}")),
            Err(ViewError::Contract { text, .. }) => Err(text),
            Err(error) => return Err(error),
        };
        answers.insert(name.clone(), answer);
    }
    Ok(answers)
}

/// How two sets of answers differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// What is gone, fails, or has another value.
    pub differences: Vec<String>,
    /// Fields that an object did not have before.
    pub added: Vec<String>,
}

/// Compares answers before and after.
pub(super) fn compare(before: &Answers, after: &Answers) -> Compared {
    let mut compared = Compared::default();
    for (name, was) in before {
        match (was, after.get(name)) {
            (Ok(was), Some(Ok(is))) => compared.values(name, was, is),
            (Err(was), Some(Err(is))) if was == is => {}
            (_, Some(Err(is))) => compared.differences.push(format!("{name} fails: {is}")),
            (_, None) => compared.differences.push(format!("{name} was not asked")),
            (Err(was), Some(Ok(_))) => compared.added.push(format!("{name} failed before: {was}")),
        }
    }
    compared
}

impl Compared {
    fn values(&mut self, path: &str, was: &Value, is: &Value) {
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                for (name, was) in was {
                    let path = format!("{path}.{name}");
                    match is.get(name) {
                        Some(is) => self.values(&path, was, is),
                        None => self.differences.push(format!("{path} is gone, it was {was}")),
                    }
                }
                let added = is.keys().filter(|name| !was.contains_key(*name));
                self.added.extend(added.map(|name| format!("{path}.{name}")));
            }
            (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
                for (index, (was, is)) in was.iter().zip(is).enumerate() {
                    self.values(&format!("{path}[{index}]"), was, is);
                }
            }
            (Value::Array(was), Value::Array(is)) => {
                self.differences.push(format!("{path} has {} entries, it had {}", is.len(), was.len()));
            }
            _ if was == is => {}
            _ => self.differences.push(format!("{path} is {is}, it was {was}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compared(was: Result<Value, String>, is: Result<Value, String>) -> (Vec<String>, Vec<String>) {
        let answers = |answer| Answers::from([("root".to_owned(), answer)]);
        let Compared { differences, added } = compare(&answers(was), &answers(is));
        (differences, added)
    }

    #[test]
    fn compare__should_name_each_difference_by_its_path() {
        let was = json!({ "seq": 1, "tokens": [{ "pool": "5" }], "gone": true });
        let is = json!({ "seq": 2, "tokens": [{ "pool": "6", "new": 1 }] });
        let (differences, added) = compared(Ok(was.clone()), Ok(is));
        let expected =
            ["root.gone is gone, it was true", "root.seq is 2, it was 1", "root.tokens[0].pool is \"6\", it was \"5\""];
        assert_eq!(differences, expected);
        assert_eq!(added, ["root.tokens[0].new"]);
        assert_eq!(compared(Ok(was.clone()), Ok(was)), (vec![], vec![]));
    }

    #[test]
    fn compare__should_name_a_view_that_fails_and_rows_that_are_lost() {
        assert_eq!(compared(Ok(json!(1)), Err("panic".to_owned())).0, ["root fails: panic"]);
        assert_eq!(compared(Ok(json!([1, 2])), Ok(json!([1]))).0, ["root has 1 entries, it had 2"]);
    }
}
