//! Signed intents: what an account asks for by a signature over text (NEP-413) instead of a transaction, and the keys
//! that may sign for it.
//!
//! Anybody relays a [`SignedIntent`]. Its `message` is the JSON of an [`Intent`]; the wallet signs it together with a
//! nonce and the contract's account id as NEP-413's `recipient`, so what was signed for one contract, chain, account or
//! key is void for any other.

use borsh::{BorshDeserialize, BorshSerialize};
use piecework_compact::{codec::Element, fields, json::Read, json::Reader};
use serde::{Deserialize, Serialize};

use crate::{
    Sha256,
    model::{
        amount::Amount,
        ids::{BatchId, LotId, TokenId},
        key::{Kind, PublicKey, WORDS},
    },
    wire::call::{
        BatchAppendArgs, BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchRaiseArgs, BatchSkipLotsArgs,
        BatchSpec, ChallengeArgs, WithdrawArgs,
    },
};

/// Intents of one call at most.
pub const INTENTS_MAX: usize = 16;
/// Bytes of a message at most.
pub const MESSAGE_MAX: usize = 2_048;
/// Bytes of a memo at most.
pub const MEMO_MAX: usize = 128;
/// Lots that an intent closes at most: more would cost more gas than it has.
pub const SKIPPED_MAX: usize = 4;
/// NEP-413's tag: 2^31 + 413, which no transaction begins with.
const TAG: u32 = (1 << 31) + 413;

/// A message with its signature, as a wallet's `signMessage` gives them: in JSON with nonce and signature in base64, in
/// Borsh for the contract.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "host", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "schema", derive(borsh::BorshSchema))]
pub struct SignedIntent {
    /// The signed text: the JSON of an [`Intent`].
    pub message: String,
    /// NEP-413's nonce, base64. Its first eight bytes are a big-endian number, Unix time in milliseconds, at most a day
    /// ahead and new to the key ([`takes`](crate::key::IntentKey::takes)).
    #[cfg_attr(feature = "host", serde(with = "base64"))]
    pub nonce: [u8; 32],
    /// NEP-413's `callbackUrl`, if the wallet was given one: it is part of what was signed, and nothing else.
    #[cfg_attr(feature = "host", serde(default, skip_serializing_if = "Option::is_none"))]
    pub callback_url: Option<String>,
    /// The key that signed.
    pub public_key: PublicKey,
    /// The signature, base64.
    #[cfg_attr(feature = "host", serde(with = "base64"))]
    pub signature: [u8; 64],
}

fields!(SignedIntent as [borsh] { message, nonce, callback_url, public_key, signature });
impl Element for SignedIntent {}

impl SignedIntent {
    /// The digest that is signed when the message is for `recipient`: SHA-256 over tag and payload, by NEP-413.
    #[must_use]
    pub fn digest(&self, sha256: Sha256, recipient: &str) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(128 + self.message.len());
        bytes.extend(TAG.to_le_bytes());
        push_text(&self.message, &mut bytes);
        bytes.extend(self.nonce);
        push_text(recipient, &mut bytes);
        bytes.push(u8::from(self.callback_url.is_some()));
        if let Some(url) = &self.callback_url {
            push_text(url, &mut bytes);
        }
        sha256(&bytes)
    }

    /// The number that must be new.
    #[must_use]
    pub fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.nonce;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Default for SignedIntent {
    fn default() -> Self {
        let (message, public_key) = (String::new(), PublicKey::default());
        Self { message, nonce: [0; 32], callback_url: None, public_key, signature: [0; 64] }
    }
}

/// A string in Borsh.
fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}

/// What is asked for, by whom, where and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The chain, as in the view `config`.
    pub chain_id: String,
    /// Whose balance moves.
    pub account_id: String,
    /// Unix time in seconds after which it is void; at most 24 hours ahead when it is executed.
    pub deadline: u32,
    /// What to do: an object with one field.
    pub kind: Action,
}

#[cfg(feature = "host")]
impl Intent {
    /// The intent for the contract `recipient`, with its number, signed by `sign` over its digest as a wallet does.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn signed(
        &self,
        (recipient, number): (&str, u64),
        public_key: PublicKey,
        sign: impl FnOnce(&[u8; 32]) -> [u8; 64],
    ) -> Result<SignedIntent, serde_json::Error> {
        let mut signed = SignedIntent { message: serde_json::to_string(self)?, public_key, ..SignedIntent::default() };
        signed.nonce[..8].copy_from_slice(&number.to_be_bytes());
        signed.signature = sign(&signed.digest(crate::host::sha256, recipient));
        Ok(signed)
    }
}

/// What an intent does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Moves balance to another account.
    Transfer(Payment),
    /// Sends balance to the account itself, as `withdraw` does.
    Withdraw(WithdrawArgs),
    /// Creates a batch, as `batch_create` does.
    CreateBatch(BatchCreateArgs),
    /// Challenges items of a lot, as `challenge` does.
    Challenge(Challenge),
    /// Appends lots to a batch, as `batch_append` does.
    Append(Append),
    /// Lets a batch expire later, as `batch_extend_expiry` does.
    ExtendExpiry(BatchExtendExpiryArgs),
    /// Cancels a batch, as `batch_cancel` does.
    Cancel(BatchArgs),
    /// Closes lots in which no node holds a slot, as `batch_skip_lots` does.
    Skip(BatchSkipLotsArgs),
    /// Drops a closed batch's row, as `batch_forget` does.
    Forget(BatchArgs),
    /// Raises a batch's reward, as `batch_raise` does.
    Raise(Raise),
}

impl Action {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Transfer(_) => Kind::Transfer,
            Self::Withdraw(_) => Kind::Withdraw,
            Self::CreateBatch(_) => Kind::CreateBatch,
            Self::Challenge(_) => Kind::Challenge,
            Self::Append(_) => Kind::Append,
            Self::ExtendExpiry(_) => Kind::ExtendExpiry,
            Self::Cancel(_) => Kind::Cancel,
            Self::Skip(_) => Kind::Skip,
            Self::Forget(_) => Kind::Forget,
            Self::Raise(_) => Kind::Raise,
        }
    }
}

/// Lots for a batch whose reward token is the one named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// Token of the escrow.
    pub token: TokenId,
    /// What is appended.
    pub append: BatchAppendArgs,
}

/// A raise of a batch whose reward token is the one named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    /// Token of the escrow.
    pub token: TokenId,
    /// What is raised.
    #[serde(flatten)]
    pub raise: BatchRaiseArgs,
}

/// A challenge of a batch whose reward token is the one named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Token of the deposit.
    pub token: TokenId,
    /// What is challenged.
    pub challenge: ChallengeArgs,
}

/// Balance for somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// A registered account that has room for the token: it kept it before, or keeps none yet.
    pub receiver_id: String,
    /// Token.
    pub token: TokenId,
    /// Amount, above 0.
    pub amount: Amount,
    /// A word with it, at most 128 bytes. It is journalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

impl Default for Action {
    fn default() -> Self {
        Self::Transfer(Payment::default())
    }
}

/// A message as the contract reads it: an [`Intent`] with the fields of all actions beside each other, any of which may
/// be missing. One flat type costs the contract a quarter of the code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The chain.
    pub chain_id: String,
    /// Whose balance moves.
    pub account_id: String,
    /// Unix time in seconds after which it is void.
    pub deadline: u32,
    /// What to do.
    pub kind: Option<Kind>,
    /// In which token.
    pub token: Option<TokenId>,
    /// How much.
    pub amount: Option<Amount>,
    /// To whom.
    pub receiver_id: String,
    /// A word with it.
    pub memo: Option<String>,
    /// The batch to create.
    pub batch: Option<BatchSpec>,
    /// What is challenged.
    pub challenge: Option<ChallengeArgs>,
    /// What is appended.
    pub append: Option<BatchAppendArgs>,
    /// The batch that is changed.
    pub number: BatchId,
    /// When it expires.
    pub expires_at: u32,
    /// Its reward.
    pub reward: Amount,
    /// Lots of it.
    pub lots: Vec<LotId>,
}

/// Fields of an action, by the place of its kind in [`Kind::ALL`]; of those with `true` none may be left out.
const FIELDS: [(&[&str], &[bool]); 10] = [
    (&["token", "amount", "receiver_id", "memo"], &[true, true, true]),
    (&["token", "amount"], &[true]),
    (&["token", "batch"], &[true, true]),
    (&["token", "challenge"], &[true, true]),
    (&["token", "append"], &[true, true]),
    (&["batch", "expires_at"], &[true, true]),
    (&["batch"], &[true]),
    (&["batch", "lots"], &[true, true]),
    (&["batch"], &[true]),
    (&["token", "batch", "reward"], &[true; 3]),
];

impl Draft {
    fn field(&mut self, reader: &mut Reader<'_>, name: &str) {
        match name {
            "token" => self.token = Some(Read::read(reader)),
            "amount" => self.amount = Read::read(reader),
            "receiver_id" => self.receiver_id = Read::read(reader),
            "memo" => self.memo = Read::read(reader),
            "batch" if self.kind == Some(Kind::CreateBatch) => self.batch = Some(Read::read(reader)),
            "batch" => self.number = Read::read(reader),
            "expires_at" => self.expires_at = Read::read(reader),
            "reward" => self.reward = Read::read(reader),
            "lots" => self.lots = Read::read(reader),
            "append" => self.append = Some(Read::read(reader)),
            _ => self.challenge = Some(Read::read(reader)),
        }
    }
}

impl Read for Draft {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut draft = Self::default();
        reader.fields(&["chain_id", "account_id", "deadline", "kind"], &[true; 4], &mut |reader, index| match index {
            0 => draft.chain_id = Read::read(reader),
            1 => draft.account_id = Read::read(reader),
            2 => draft.deadline = Read::read(reader),
            _ => reader.fields(&WORDS, &[], &mut |reader, place| {
                if draft.kind.replace(Kind::ALL[place]).is_some() {
                    return reader.fail_at("kind");
                }
                let (names, needed) = FIELDS[place];
                reader.fields(names, needed, &mut |reader, index| draft.field(reader, names[index]));
            }),
        });
        draft
    }
}

/// Bytes as base64, for serde.
#[cfg(feature = "host")]
mod base64 {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes with padding, as wallets do.
    pub fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads what [`serialize`] writes.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom(format_args!("expected {N} bytes in base64")))
    }
}
