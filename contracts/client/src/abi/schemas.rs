//! JSON schemas: those of the types, as OpenAPI has them, brought into the form of an ABI.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use near_abi::AbiJsonParameter;
use schemars::schema::{RootSchema, Schema};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Where OpenAPI and an ABI keep the types that others name.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/definitions/";

/// Types that schemas name, and which of them arguments have.
#[derive(Default)]
pub(crate) struct Schemas {
    types: BTreeMap<String, Value>,
    /// Names in schemas of arguments.
    read: BTreeSet<String>,
    /// Names in schemas of answers.
    written: BTreeSet<String>,
}

/// The arguments of a method: the fields of an object.
pub(crate) fn parameters<A: ToSchema>(schemas: &mut Schemas) -> Vec<AbiJsonParameter> {
    let object = schema_of::<A>(schemas);
    let object = schemas.object(&object);
    let fields = object.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let needed = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    fields
        .into_iter()
        .map(|(name, value)| {
            names(&value, &mut schemas.read);
            let optional = !needed.iter().any(|needed| *needed == name.as_str());
            // An ABI's word for what may be left out is null: clients check absent arguments as such.
            let value = if optional { nullable(value) } else { value };
            AbiJsonParameter { name, type_schema: schema(value) }
        })
        .collect()
}

fn nullable(value: Value) -> Value {
    let null = json!("null");
    let takes_null = value["type"].as_array().is_some_and(|types| types.contains(&null))
        || value["oneOf"].as_array().is_some_and(|forms| forms.iter().any(|form| form["type"] == null));
    if takes_null { value } else { json!({ "oneOf": [value, { "type": "null" }] }) }
}

/// An answer's type. The form of lists and of what may be absent is an inherent method, which goes before the trait's.
pub(crate) struct Answer<R>(PhantomData<R>);

/// The form of all other answers.
pub(crate) trait One {
    /// Its schema.
    fn schema(self, schemas: &mut Schemas) -> Value;
}

impl<R> Answer<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ToSchema> Answer<Option<T>> {
    pub(crate) fn schema(self, schemas: &mut Schemas) -> Value {
        json!({ "oneOf": [{ "type": "null" }, Answer::<T>::new().named(schemas)] })
    }
}

impl<T: ToSchema> Answer<Vec<T>> {
    pub(crate) fn schema(self, schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": Answer::<T>::new().named(schemas) })
    }
}

impl<T: ToSchema> One for Answer<T> {
    fn schema(self, schemas: &mut Schemas) -> Value {
        self.named(schemas)
    }
}

impl<T: ToSchema> Answer<T> {
    /// A reference to the type, unless it is one of Rust's own.
    fn named(self, schemas: &mut Schemas) -> Value {
        let (value, name) = (schema_of::<T>(schemas), T::name());
        if name == "String" || name.starts_with(char::is_lowercase) {
            return value;
        }
        schemas.types.insert(name.to_string(), value);
        schemas.written.insert(name.to_string());
        json!({ "$ref": format!("{DEFINITIONS}{name}") })
    }
}

fn schema_of<T: ToSchema>(schemas: &mut Schemas) -> Value {
    let mut named = Vec::new();
    T::schemas(&mut named);
    for (name, schema) in named {
        schemas.types.insert(name, translated(json!(schema)));
    }
    translated(json!(T::schema()))
}

/// A schema's value as a type. It cannot fail: `translated` leaves nothing that the type lacks.
pub(crate) fn schema(value: Value) -> Schema {
    serde_json::from_value(value).unwrap_or(Schema::Bool(true))
}

impl Schemas {
    pub(crate) fn add(&mut self, other: Self) {
        self.types.extend(other.types);
        self.read.extend(other.read);
        self.written.extend(other.written);
    }

    /// The schema of all names: what is reached from arguments and answers. Objects of arguments have no other fields: the
    /// contract refuses unknown ones.
    pub(crate) fn root(mut self) -> Result<RootSchema, serde_json::Error> {
        let read = self.reached(&self.read);
        let written = self.reached(&self.written);
        for name in &read {
            if let Some(value) = self.types.get_mut(name) {
                close(value);
            }
        }
        self.types.retain(|name, _| read.contains(name) || written.contains(name));
        // The contract writes sets of items as numbers, where the API has text.
        if let Some(set) = self.types.get_mut("ItemSet") {
            let description = set["description"].clone();
            *set = json!({ "description": description, "type": "integer", "format": "uint64", "minimum": 0 });
        }
        serde_json::from_value(json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": self.types,
        }))
    }

    fn reached(&self, from: &BTreeSet<String>) -> BTreeSet<String> {
        let (mut reached, mut next) = (BTreeSet::new(), from.clone());
        while let Some(name) = next.pop_first() {
            if let Some(value) = self.types.get(&name)
                && reached.insert(name)
            {
                names(value, &mut next);
            }
        }
        reached
    }

    /// An object with the fields of all its parts.
    fn object(&self, value: &Value) -> Map<String, Value> {
        let mut object = value.as_object().cloned().unwrap_or_default();
        if let Some(Value::Array(parts)) = object.remove("allOf") {
            for part in parts {
                let name = part.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(DEFINITIONS));
                let part = self.object(name.and_then(|name| self.types.get(name)).unwrap_or(&part));
                if let Some(Value::Object(more)) = part.get("properties")
                    && let Some(fields) = object.entry("properties").or_insert_with(|| json!({})).as_object_mut()
                {
                    fields.extend(more.clone());
                }
                if let Some(Value::Array(more)) = part.get("required")
                    && let Some(needed) = object.entry("required").or_insert_with(|| json!([])).as_array_mut()
                {
                    needed.extend(more.clone());
                }
            }
        }
        object
    }
}

/// Adds the names that a schema refers to.
fn names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(DEFINITIONS));
            into.extend(name.map(str::to_owned));
            fields.values().for_each(|value| names(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, into)),
        _ => {}
    }
}

/// Allows an object, and those in it, no other fields.
fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// OpenAPI's schema as JSON Schema's draft 7: names elsewhere, no examples, and unsigned numbers as what they are.
fn translated(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let unsigned = fields.get("minimum").and_then(Value::as_u64) == Some(0);
            let format = fields.get("format").and_then(Value::as_str).filter(|_| unsigned).map(str::to_owned);
            // A property may be called `example`: then it is a schema.
            let fields = fields.into_iter().filter(|(name, value)| name != "example" || value.is_object());
            let mut fields: Map<_, _> = fields
                .map(|(name, value)| match (name.as_str(), value) {
                    ("$ref", Value::String(name)) => {
                        let name = name.strip_prefix(COMPONENTS).unwrap_or(&name);
                        ("$ref".to_owned(), format!("{DEFINITIONS}{name}").into())
                    }
                    ("description", Value::String(text)) => (name, without_links(&text).into()),
                    (_, value) => (name, translated(value)),
                })
                .collect();
            if let Some(format) = format {
                fields.insert("format".to_owned(), format!("u{format}").into());
                if format == "int32" {
                    fields.entry("maximum").or_insert_with(|| u32::MAX.into());
                }
            }
            Value::Object(fields)
        }
        Value::Array(values) => Value::Array(values.into_iter().map(translated).collect()),
        value => value,
    }
}

/// A comment without rustdoc's links: [`crate::a::B`] is `B`.
pub(crate) fn without_links(text: &str) -> String {
    let (text, mut plain) = (text.replace('\n', " ").replace("[`", "`").replace("`]", "`"), Vec::new());
    for (place, part) in text.split('`').enumerate() {
        let name = if place % 2 == 1 { part.rsplit("::").next().unwrap_or(part) } else { part };
        plain.push(name.to_owned());
    }
    plain.join("`")
}
