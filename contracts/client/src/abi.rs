//! The contract's ABI in the form of `cargo near`, <https://github.com/near/near-abi-rs>: the catalogue, and what only contracts
//! call. Schemas of arguments and answers are those of the types that the catalogue sends and reads.

pub(crate) mod forms;
pub(crate) mod function;
pub(crate) mod schemas;

use near_abi::{AbiBody, AbiFunctionModifier, AbiMetadata, AbiRoot, SCHEMA_VERSION};
use piecework_interface::{
    amount::Amount,
    args::TokenReceiptArgs,
    ids::{AccountNo, TokenId},
};

use self::{
    function::Function,
    schemas::{Answer, One as _, Schemas},
};
use crate::{calls, views};

/// What only contracts call: tokens, and the coordinator itself.
fn called_by_contracts() -> [Function; 3] {
    let private = |mut function: Function| {
        function.abi.modifiers = vec![AbiFunctionModifier::Private];
        function
    };
    [
        Function::call(
            "ft_on_transfer",
            &["NEP-141: takes tokens in and does what `msg` says; an error makes the token refund them."],
            &[],
            forms::free_as::<TokenReceiptArgs>,
        )
        .answering(|schemas| Answer::<Amount>::new().schema(schemas)),
        private(Function::call("migrate", &["The first call of new code."], &["proposal"], forms::packed_as::<u32>)),
        private(Function::call(
            "on_withdrawn",
            &["The answer to a withdrawal's transfer: the account's number, the token and the amount."],
            &["withdrawal"],
            forms::packed_as::<(AccountNo, TokenId, u128)>,
        )),
    ]
}

/// The ABI.
///
/// # Errors
/// A type has a schema that is none.
pub fn document() -> Result<AbiRoot, serde_json::Error> {
    let all = calls::functions().into_iter().chain(views::functions()).chain(called_by_contracts());
    let (mut functions, mut schemas) = (Vec::new(), Schemas::default());
    for Function { abi, schemas: named } in all {
        functions.push(abi);
        schemas.add(named);
    }
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    let metadata = AbiMetadata {
        name: Some("piecework-coordinator".to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        ..AbiMetadata::default()
    };
    let body = AbiBody { functions, root_schema: schemas.root()? };
    Ok(AbiRoot { schema_version: SCHEMA_VERSION.to_owned(), metadata, body })
}
