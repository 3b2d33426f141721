//! Why an op or a signed intent was skipped, or why an intent failed. Codes are stable: they are journalled and never renumbered.

#[cfg(feature = "host")]
use piecework_compact::row::Value;
use piecework_compact::{json::Text, json::push_decimal, row::Field};
use serde::{Deserialize, Serialize};

macro_rules! skips {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// The reason of a skipped op or intent, or of a failed intent. Intents begin at 40.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Skip {
            $($(#[$doc])* $name = $code,)*
        }

        impl Skip {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What happened and what can be done, in a sentence.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The reason of a journalled code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

skips! {
    /// No such batch, or it is closed.
    NoBatch = 1, "the batch does not exist or is closed";
    /// No such lot in the batch, or nothing is recorded for it.
    NoLot = 2, "the lot does not exist, is settled, or nobody holds it";
    /// The node is paused, silent or below the least stake.
    Inactive = 3, "the node is not active: send a heartbeat, resume it, or add stake";
    /// The node did not declare the class or has too little reputation in it.
    Class = 4, "the node lacks the class, its owner's admission, or the reputation that the batch asks for";
    /// The group cannot open yet, or the draw is already past this step.
    DrawNotDue = 5, "nothing to draw: the group may not open yet, is drawn already, or its slice has not passed";
    /// No seed, or it was captured in this very block.
    NoSeed = 6, "the lot has no usable seed yet: draw first and wait a block";
    /// The node's number is above the bar, or its tickets, its return or its class are younger than the draw.
    NotEligible = 7, "the node is not drawn for this lot yet: the bar rises each slice";
    /// All seats are taken.
    Full = 8, "every seat of the round is taken";
    /// The round no longer takes claims.
    ClosedToClaims = 9, "the round takes no more claims";
    /// The node holds or held a slot of this lot.
    Again = 10, "the node holds, held or left this lot before";
    /// The node holds as many reservations as it may.
    Reservations = 11, "the node holds 64 reservations: commit or give back some first";
    /// Unbonded stake does not cover the bond.
    Bond = 12, "the node's free stake does not cover the bond";
    /// The node's storage balance does not cover its rows.
    NodeStorage = 13, "the node's storage balance does not cover its rows: storage_deposit first";
    /// The requester's storage balance does not cover the lot.
    RequesterStorage = 14, "the requester's storage balance does not cover the lot";
    /// The node holds no slot of the current round.
    NoSlot = 15, "the node holds no slot of the lot's current round";
    /// The slot or the lot is in another phase.
    Phase = 16, "the slot or the lot is in another phase";
    /// Answers and salt do not match the commitment.
    WrongReveal = 17, "answers and salt do not match the commitment";
    /// Answers are not judged items × width bytes.
    WrongLength = 18, "answers are not judged items × answer width bytes";
    /// The contract is paused for first-round claims.
    Paused = 19, "claims of first rounds are paused";
    /// The node's tickets or its class are younger than the lot's first claim.
    NoJuror = 20, "the node's stake rose, or it joined the class, after the lot's first claim: it cannot judge it";
    /// The node's account is a party of the lot.
    Party = 21, "the requester cannot work on its own batch, nor a challenger or the adjudicator judge the lot";
    /// The adjudicator does not stand behind the batch.
    Adjudicator = 22, "the batch's adjudicator has not accepted, has resigned, or its bond is used up";
    /// The class has too few nodes for appeals.
    FewNodes = 23, "the class has fewer active nodes than a jury needs: a batch with a challenge window waits for them";
    /// The message is no intent.
    Message = 40, "the message is no intent's JSON, or it or its memo is too long";
    /// The message names another chain.
    Chain = 41, "the intent is for another chain than the contract's configuration names";
    /// The deadline has passed.
    Expired = 42, "the intent's deadline has passed";
    /// The deadline is too far ahead.
    DeadlineFar = 43, "the intent's deadline is more than 24 hours ahead";
    /// The account is not registered.
    NoAccount = 44, "the intent's account is not registered: storage_deposit first";
    /// The key may not sign for the account.
    NoKey = 45, "the key may not sign for the account: intent_key_add first";
    /// The intent's number was used, is forgotten, or lies too far ahead.
    Nonce = 46, "the nonce's first eight bytes are no Unix time in milliseconds that the key has left: used, below its 16 highest, or more than a day ahead";
    /// The signature is wrong.
    Signature = 47, "the signature is not the key's over this message, nonce and contract";
    /// The account cannot pay for the row of its own key.
    KeyStorage = 48, "the account's storage balance does not cover its key's row: storage_deposit first";
    /// The call has no gas or log left.
    NoRoom = 49, "the call had no gas or log left for the intent: relay it again";
    /// The key has not this kind.
    KeyKind = 50, "the key may not sign intents of this kind";
    /// The key has another token.
    KeyToken = 51, "the key is for another token";
    /// The key's cap of the day.
    KeyCap = 52, "the key's daily cap does not leave room for it";
    /// The balance is too small.
    Balance = 53, "the account's balance is too small";
    /// Nobody who could receive it.
    Receiver = 54, "the receiver is the sender, is not registered, or has no room for the token";
    /// Nothing, or too much.
    Amount = 55, "the amount is 0 or too large";
    /// The storage deposit is too small.
    Storage = 56, "the account's storage balance does not cover it";
    /// The batch cannot be made.
    Terms = 57, "the batch's token, terms, size or accounts do not do";
    /// A pause, or too many withdrawals in flight.
    Stopped = 58, "this is paused, or too many withdrawals are in flight";
    /// The lot cannot be challenged so.
    Lot = 59, "the lot is not provisional, or these items of it cannot be challenged";
}

impl Field for Skip {
    fn write(&self, out: &mut Text) {
        push_decimal(*self as u128, out);
    }
    #[cfg(feature = "host")]
    fn read(value: &Value) -> Option<Self> {
        Self::from_code(Field::read(value)?)
    }
}
