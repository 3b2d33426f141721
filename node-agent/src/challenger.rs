//! Signs challenges with the operator's intent key, each with a number of its own.

use anyhow::{Context, bail};
use piecework_chain::{AccountId, KeyFile};
use piecework_interface::{
    answers::Items,
    call::ChallengeArgs,
    host::sha256,
    intent::{Action, Challenge as Challenged, Intent},
    key::PublicKey,
};

use crate::{
    core::challenge::Draft,
    record::{Challenge, Fate, next_number},
};

/// A key that signs challenges, where for, and the last number it used.
#[derive(Debug)]
pub struct Challenger {
    key: KeyFile,
    public_key: PublicKey,
    contract: AccountId,
    chain_id: String,
    last: u64,
}

impl Challenger {
    /// A challenger for the contract, whose challenges on record are `known`.
    ///
    /// # Errors
    /// The key is none that signs intents, or the contract executes none.
    pub fn new(key: KeyFile, contract: AccountId, chain_id: String, known: &[Challenge]) -> anyhow::Result<Self> {
        if chain_id.is_empty() {
            bail!(
                "contract {contract} does not know its chain, so it executes no intent: set [challenge] enabled = false"
            );
        }
        let last = known.iter().map(|challenge| challenge.intent.number()).max().unwrap_or_default();
        let public_key = public_key(&key)?;
        Ok(Self { key, public_key, contract, chain_id, last })
    }

    /// The key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Signs a challenge. `clock_ms` is Unix time, milliseconds; of it and the chain's time the earlier one counts, because a
    /// number of the future is refused and would hold back all later ones.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn sign(&mut self, draft: Draft, clock_ms: u64) -> anyhow::Result<Challenge> {
        let Draft { batch, lot, items, token, deposit, now_s, deadline, evidence } = draft;
        let challenge =
            ChallengeArgs { batch, lot, items: Items(items).iter().collect(), evidence: sha256(evidence.as_bytes()) };
        let kind = Action::Challenge(Challenged { token, challenge });
        let intent =
            Intent { chain_id: self.chain_id.clone(), account_id: self.key.account_id.to_string(), deadline, kind };
        self.last = next_number(clock_ms.min((u64::from(now_s) + 1) * 1_000), self.last);
        let sign = |digest: &[u8; 32]| self.key.sign_ed25519(digest).map_or([0; 64], |(_, signature)| signature);
        let intent = intent.signed((self.contract.as_str(), self.last), self.public_key, sign)?;
        let (deposit, fate) = (deposit.into(), Fate::Pending);
        Ok(Challenge { batch, lot, items, token, deposit, signed_at: now_s, deadline, evidence, intent, fate })
    }
}

/// The key as intents know it.
///
/// # Errors
/// It is no ed25519 key.
pub fn public_key(key: &KeyFile) -> anyhow::Result<PublicKey> {
    let text = key.public_key.to_string();
    text.parse().ok().with_context(|| format!("key {text} signs no intents: [challenge] key_file needs an ed25519 key"))
}
