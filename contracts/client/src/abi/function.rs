//! A function of the ABI, as a row of the catalogue describes it.

use std::any::type_name;

use near_abi::{AbiFunction, AbiFunctionKind, AbiType};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    forms::{Form, Free},
    schemas::{Schemas, schema, without_links},
};

/// A function of the ABI, and the types that its schemas name.
pub(crate) struct Function {
    pub(super) abi: AbiFunction,
    pub(super) schemas: Schemas,
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
        let params = Free::<A>::params("", &mut schemas);
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

/// Stands for a value in expressions that only the compiler reads, for their type.
///
/// # Panics
/// Always.
pub(crate) fn any<T>() -> T {
    unreachable!("{} is not made", type_name::<T>())
}
