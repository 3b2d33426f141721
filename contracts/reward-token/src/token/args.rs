//! The call's arguments.

use near_sdk::{AccountId, env, require};
use piecework_compact::{arguments, fields};
use piecework_interface::amount::Amount;

/// NEP-148 metadata as `new` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub spec: String,
    pub name: String,
    pub symbol: String,
    pub icon: Option<String>,
    pub reference: Option<String>,
    pub reference_hash: Option<String>,
    pub decimals: u8,
}
fields!(Metadata as [read write] {
    spec, name, symbol, icon(optional), reference(optional), reference_hash(optional), decimals,
});

arguments! {
    /// The arguments of all methods, as the standards name them.
    account_id: String,
    amount: Amount,
    force: bool,
    memo: String,
    metadata: Metadata,
    msg: String,
    owner_id: String,
    receiver_id: String,
    registration_only: bool,
    sender_id: String,
    total_supply_cap: Amount,
}

/// Reads those with these names; no input is an empty object.
pub fn read(names: &'static [&'static str]) -> Args {
    let input = env::input().unwrap_or_default();
    if input.is_empty() {
        return Args::default();
    }
    let text = core::str::from_utf8(&input).unwrap_or_default();
    Args::parse(text, names).unwrap_or_else(|error| env::panic_str(&format!("ERR_INPUT: {error}")))
}

/// An argument that must be there.
pub fn need<T>(value: Option<T>, name: &str) -> T {
    value.unwrap_or_else(|| wrong(name))
}

/// An account id, checked.
pub fn account(id: &str, name: &str) -> AccountId {
    id.parse().unwrap_or_else(|_| wrong(name))
}

fn wrong(name: &str) -> ! {
    env::panic_str(&["ERR_INPUT: the argument `", name, "` is missing, malformed or out of range"].concat())
}

impl Metadata {
    /// Checks it as the standard asks.
    pub fn check(&self) {
        require!(
            self.spec == near_contract_standards::fungible_token::metadata::FT_METADATA_SPEC,
            "ERR_METADATA: spec must be ft-1.0.0"
        );
        require!(
            self.reference.is_some() == self.reference_hash.is_some(),
            "ERR_METADATA: reference and reference_hash go together"
        );
        if let Some(hash) = &self.reference_hash {
            require!(is_hash(hash.as_bytes()), "ERR_METADATA: reference_hash must be 32 bytes in base64");
        }
    }
}

/// Whether it is 32 bytes in padded base64: 43 letters, the last of which has two bits to spare, and `=`.
fn is_hash(text: &[u8]) -> bool {
    let [letters @ .., b'='] = text else { return false };
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    letters.len() == 43 && letters.iter().all(is_letter) && b"AEIMQUYcgkosw048".contains(&letters[42])
}
