//! Calls about gold, challenges and verdicts.

use piecework_chain::{AccountId, Gas, TxRequest};
use piecework_interface::{
    call::{BatchArgs, CALL_GAS, ChallengeArgs, GoldOpenArgs, VerdictArgs},
    ids::BatchId,
};

use super::{Request, near, plain};

/// Gas for each opening: its proof has up to 32 hashes.
const OPENING_GAS: u64 = 3_000_000_000_000;

/// Opens gold items of a lot; `bond` for those against its result.
///
/// # Errors
/// The arguments cannot be encoded; so for all requests here.
pub fn gold_open(contract: AccountId, args: &GoldOpenArgs, bond: u128) -> std::io::Result<TxRequest> {
    let openings = u64::try_from(args.openings.len()).unwrap_or(u64::MAX);
    let gas = Gas::from_gas(CALL_GAS.saturating_add(OPENING_GAS.saturating_mul(openings)));
    Ok(TxRequest::to(contract).call("gold_open", borsh::to_vec(args)?, gas, near(bond)))
}

/// Challenges items of a lot with this bond.
///
/// # Errors
/// As [`gold_open`].
pub fn challenge(contract: AccountId, args: &ChallengeArgs, bond: u128) -> Request {
    TxRequest::to(contract).call_json("challenge", args, plain(), near(bond))
}

/// Accepts to score a batch, with this bond.
///
/// # Errors
/// As [`gold_open`].
pub fn adjudicator_accept(contract: AccountId, batch: BatchId, bond: u128) -> Request {
    TxRequest::to(contract).call_json("adjudicator_accept", &BatchArgs { batch }, plain(), near(bond))
}

/// Scores the copies of a lot.
///
/// # Errors
/// As [`gold_open`].
pub fn verdict(contract: AccountId, args: &VerdictArgs) -> Request {
    TxRequest::to(contract).call_json("verdict", args, plain(), near(0))
}
