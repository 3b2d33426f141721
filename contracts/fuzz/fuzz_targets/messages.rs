//! JSON arguments: the contract's reader against serde_json.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use piecework_coordinator::json::{self, Args, CreateArgs};
use piecework_interface::{call::{BatchSpec, ChallengeArgs, ClassRegisterArgs, Deposit, ResultClaim, VerdictArgs}, config::Config, governance::Change, terms::Terms};
use piecework_compact::json::Read;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|text: &[u8]| {
    let _ = json::arguments(text, Args::NAMES);
    let _ = json::parse::<CreateArgs>(text);
    let _ = json::parse::<Deposit>(text);
    both::<BatchSpec>(text);
    both::<ChallengeArgs>(text);
    both::<Change>(text);
    both::<ClassRegisterArgs>(text);
    both::<Config>(text);
    both::<ResultClaim>(text);
    both::<Terms>(text);
    both::<VerdictArgs>(text);
});

/// What both read is the same, and survives a round.
fn both<T: Read + Serialize + DeserializeOwned + PartialEq + Debug>(text: &[u8]) {
    let Ok(ours) = json::parse::<T>(text) else { return };
    if let Ok(theirs) = serde_json::from_slice::<T>(text) {
        assert_eq!(ours, theirs);
    }
    let again = serde_json::to_vec(&ours).expect("json");
    assert_eq!(json::parse::<T>(&again).as_ref(), Ok(&ours));
}
