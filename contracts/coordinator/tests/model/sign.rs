//! Wallets: real ed25519 keys that sign intents.

use ed25519_dalek::{Signer, SigningKey};
use piecework_interface::{
    amount::Amount,
    call::WithdrawArgs,
    host::sha256,
    ids::TokenId,
    intent::{Action, Intent, Payment, SignedIntent},
    key::PublicKey,
};

use super::chain::CONTRACT;

/// What intents name in tests.
pub const CHAIN_ID: &str = "test";

/// A key pair.
#[derive(Clone, Debug)]
pub struct Wallet(SigningKey);

impl Wallet {
    pub fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The id of the key's implicit account.
    pub fn implicit(&self) -> String {
        self.public_key().0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Signs an intent for the contract.
    pub fn sign(&self, intent: &Intent, nonce: u64) -> SignedIntent {
        self.sign_text(serde_json::to_string(intent).expect("json"), nonce, CONTRACT)
    }

    /// Signs any text for any recipient.
    pub fn sign_text(&self, message: String, nonce: u64, recipient: &str) -> SignedIntent {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        let unsigned = SignedIntent {
            message,
            nonce: bytes,
            callback_url: None,
            public_key: self.public_key(),
            signature: [0; 64],
        };
        self.seal(unsigned, recipient)
    }

    /// Puts the signature on.
    pub fn seal(&self, mut intent: SignedIntent, recipient: &str) -> SignedIntent {
        intent.public_key = self.public_key();
        intent.signature = self.0.sign(&intent.digest(sha256, recipient)).to_bytes();
        intent
    }
}

/// An intent of an account.
pub fn intent(account_id: &str, deadline: u32, kind: Action) -> Intent {
    Intent { chain_id: CHAIN_ID.to_owned(), account_id: account_id.to_owned(), deadline, kind }
}

pub fn payment(receiver_id: &str, token: TokenId, amount: u128) -> Payment {
    Payment { receiver_id: receiver_id.to_owned(), token, amount: Amount(amount), memo: None }
}

pub fn transfer(receiver_id: &str, token: TokenId, amount: u128) -> Action {
    Action::Transfer(payment(receiver_id, token, amount))
}

pub fn withdraw(token: TokenId, amount: Option<u128>) -> Action {
    Action::Withdraw(WithdrawArgs { token, amount: amount.map(Amount) })
}
