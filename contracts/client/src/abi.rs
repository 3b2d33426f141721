//! The contract's ABI in the form of `cargo near`, <https://github.com/near/near-abi-rs>: the catalogue, and what only contracts
//! call. Schemas of arguments and answers are those of the types that the catalogue sends and reads.

pub(crate) mod forms;
pub(crate) mod schemas;

use std::any::type_name;

use near_abi::{
    AbiBody, AbiFunction, AbiFunctionKind, AbiFunctionModifier, AbiMetadata, AbiRoot, AbiType, SCHEMA_VERSION,
};
use piecework_interface::{
    amount::Amount,
    args::TokenReceiptArgs,
    ids::{AccountNo, TokenId},
};
use serde_json::Value;
use utoipa::ToSchema;

use self::{
    forms::Form,
    schemas::{Answer, One as _, Schemas, schema, without_links},
};
use crate::{calls, views};

/// A function of the ABI, and the types that its schemas name.
pub(crate) struct Function {
    abi: AbiFunction,
    schemas: Schemas,
}

impl Function {
    /// A call. `takes` is never run: its type says the form of the arguments, which are the method's if `names` lists them.
    pub(crate) fn call<F: Form>(name: &str, doc: &[&str], names: &[&str], _takes: impl FnOnce() -> F) -> Self {
        let mut schemas = Schemas::default();
        let modifiers = F::MODIFIERS.to_vec();
        let params = F::params(names.first().copied().unwrap_or_default(), &mut schemas);
        Self { abi: AbiFunction { modifiers, params, ..function(name, doc, AbiFunctionKind::Call) }, schemas }
    }

    /// A view.
    pub(crate) fn view<A: ToSchema>(name: &str, doc: &[&str]) -> Self {
        let mut schemas = Schemas::default();
        let params = forms::Free::<A>::params("", &mut schemas);
        Self { abi: AbiFunction { params, ..function(name, doc, AbiFunctionKind::View) }, schemas }
    }

    /// The same function, which answers.
    pub(crate) fn answering(mut self, schema_of: impl FnOnce(&mut Schemas) -> Value) -> Self {
        let type_schema = schema(schema_of(&mut self.schemas));
        self.abi.result = Some(AbiType::Json { type_schema });
        self
    }
}

fn function(name: &str, doc: &[&str], kind: AbiFunctionKind) -> AbiFunction {
    AbiFunction {
        name: name.to_owned(),
        doc: Some(without_links(&doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "))),
        kind,
        modifiers: Vec::new(),
        params: Default::default(),
        callbacks: Vec::new(),
        callbacks_vec: None,
        result: None,
    }
}

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

/// A value of a type, for expressions of which only the type counts.
///
/// # Panics
/// Always.
pub(crate) fn any<T>() -> T {
    unreachable!("{} is not made", type_name::<T>())
}
