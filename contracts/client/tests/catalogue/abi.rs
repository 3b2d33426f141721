//! The ABI against the catalogue, the built contract and a validator of JSON Schema.

use std::{collections::BTreeSet, fs, path::Path};

use boon::{Compiler, Schemas};
use piecework_client::{Call, abi, calls};
use piecework_interface::{
    amount::Amount,
    call::BatchSpec,
    config::Config,
    governance::{Change, Prices},
    ids::{AccountNo, TokenId},
    terms::{Terms, Verification},
    view::Callback,
};
use serde_json::{Map, Value, json};

use super::{calls_of_the_coordinator, exported_functions, views, wasm};

#[test]
fn abi__should_be_what_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../coordinator/abi.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(kept == document(), "contracts/coordinator/abi.json is not what the catalogue makes: run scripts/abi");
}

#[test]
fn abi__should_have_every_function_of_the_contract_and_no_other() {
    let document = document();
    let names: Vec<_> = functions(&document).map(|function| function["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), exported_functions(&wasm()));
    assert_eq!(names.len(), exported_functions(&wasm()).len());

    // And of the catalogue it says which of them are views, and which take a deposit
    let of = |kind: &'static str| {
        let document = &document;
        move |name: &str| functions(document).any(|function| function["kind"] == kind && function["name"] == name)
    };
    assert!(views().iter().all(|(method, _)| of("view")(method)));
    for call in calls_of_the_coordinator() {
        let function = functions(&document).find(|function| function["name"] == call.method).unwrap();
        let payable = function["modifiers"].as_array().is_some_and(|modifiers| modifiers.contains(&json!("payable")));
        assert!(of("call")(call.method) && payable == (call.deposit > 0), "{}", call.method);
    }
}

#[test]
fn arguments__should_be_what_the_abi_says() {
    let mut validator = Validator::new();
    let more = [
        calls::propose(&Change::Config(Config::default())),
        calls::propose(&Change::Prices(Prices::default())),
        calls::batch_create(TokenId(1), elaborate()),
    ];
    for Call { method, args, .. } in calls_of_the_coordinator().into_iter().chain(more) {
        let args = serde_json::from_slice(&args).ok();
        assert_eq!(args.is_some(), validator.takes_json(method), "{method}");
        if let Some(args) = args {
            validator.check(method, &args).unwrap();
        }
    }
    for (method, args) in views() {
        validator.check(method, &serde_json::from_str(&args).unwrap()).unwrap();
    }
}

#[test]
fn arguments__should_be_refused_by_the_abi_as_the_contract_refuses_them() {
    let mut validator = Validator::new();
    let creation = |change: fn(&mut Value)| {
        let mut args = serde_json::from_slice(&calls::batch_create(TokenId(1), elaborate()).args).unwrap();
        change(&mut args);
        ("batch_create", args)
    };
    let config = |change: Value| ("new", json!({ "owner_id": "owner.near", "config": change }));
    let wrong = [
        ("withdraw", json!({ "token": 1, "amount": 5 })),
        ("withdraw", json!({ "token": 1, "amount": "-5" })),
        ("withdraw", json!({ "token": -1 })),
        ("withdraw", json!({ "token": 1, "all": true })),
        ("role_set", json!({ "role": "Guardian" })),
        ("pause", json!({ "features": "claims" })),
        ("propose", json!({ "change": { "code": "02" } })),
        ("propose", json!({ "change": { "code": "02".repeat(32), "config": {} } })),
        ("intent_key_remove", json!({ "public_key": "secp256k1:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi" })),
        config(json!({ "fee_bps": "200" })),
        config(json!({ "bounds": { "slice_s": [2] } })),
        config(json!({ "bounds": { "slice": [2, 3] } })),
        creation(|args| args["batch"]["manifest"] = json!(vec![5; 32])),
        creation(|args| args["batch"]["manifest"] = json!("05".repeat(31))),
        creation(|args| args["batch"]["terms"]["reward"] = json!(100)),
        creation(|args| args["batch"]["terms"]["verification"] = json!("adjudicated")),
        creation(|args| args["batch"]["terms"]["rewards"] = json!("100")),
        creation(|args| drop(args["batch"].as_object_mut().unwrap().remove("items"))),
        creation(|args| args["batch"]["callback"]["tgas"] = json!(true)),
    ];
    for (method, args) in wrong {
        assert!(validator.check(method, &args).is_err(), "{method} {args}");
    }
    let least = creation(|args| {
        let batch = args["batch"].as_object_mut().unwrap();
        batch.retain(|name, _| ["terms", "items", "manifest", "uri"].contains(&name.as_str()));
        batch["terms"].as_object_mut().unwrap().remove("verification");
    });
    validator.check(least.0, &least.1).unwrap();
}

/// A batch in which no field has its default.
fn elaborate() -> BatchSpec {
    let verification = Verification::Adjudicated { adjudicator: AccountNo(3), verdict_ttl_s: 600 };
    BatchSpec {
        terms: Terms { verification, reward: Amount(1 << 79), ..Terms::default() },
        gold_root: [7; 32],
        callback: Some(Callback { account_id: "hook.near".to_owned(), tgas: 30 }),
        appendable: true,
        ..BatchSpec::default()
    }
}

fn document() -> Value {
    serde_json::to_value(abi::document().unwrap()).unwrap()
}

fn functions(document: &Value) -> impl Iterator<Item = &Value> {
    document["body"]["functions"].as_array().unwrap().iter()
}

/// The arguments of every method as one schema with a place for each.
struct Validator {
    schemas: Schemas,
    compiler: Compiler,
    json: BTreeSet<String>,
}

impl Validator {
    fn new() -> Self {
        let document = document();
        let (mut methods, mut json) = (Map::new(), BTreeSet::new());
        for function in functions(&document) {
            let (name, params) = (function["name"].as_str().unwrap(), &function["params"]);
            // The ABI has no JSON Schema for Borsh arguments, nor for the raw bytes of `upgrade`.
            if params["serialization_type"] == "borsh" || name == "upgrade" {
                continue;
            }
            let args = params["args"].as_array().into_iter().flatten();
            let fields: Map<_, _> =
                args.map(|arg| (arg["name"].as_str().unwrap().to_owned(), arg["type_schema"].clone())).collect();
            json.insert(name.to_owned());
            methods.insert(
                name.to_owned(),
                json!({ "type": "object", "properties": fields, "additionalProperties": false }),
            );
        }
        let mut root = document["body"]["root_schema"].clone();
        root["methods"] = methods.into();
        let mut compiler = Compiler::new();
        compiler.add_resource("http://abi.test/root", root).unwrap();
        Self { schemas: Schemas::new(), compiler, json }
    }

    fn takes_json(&self, method: &str) -> bool {
        self.json.contains(method)
    }

    fn check(&mut self, method: &str, args: &Value) -> Result<(), String> {
        let place = format!("http://abi.test/root#/methods/{method}");
        let schema = self.compiler.compile(&place, &mut self.schemas).unwrap();
        self.schemas.validate(args, schema).map_err(|error| format!("{method} {args}: {error}"))
    }
}
