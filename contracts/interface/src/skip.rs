//! Why an op was skipped. Codes are stable: they are journalled and never renumbered.

use serde::{Deserialize, Serialize};

macro_rules! skips {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// The reason of a skipped op.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Skip {
            $($(#[$doc])* $name = $code,)*
        }

        impl Skip {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What happened and what the node can do, in a sentence.
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
    Class = 4, "the node lacks the class or the reputation that the batch asks for";
    /// The group cannot open yet, or the draw is already past this step.
    DrawNotDue = 5, "nothing to draw: the group may not open yet, is drawn already, or its slice has not passed";
    /// No seed, or it was captured in this very block.
    NoSeed = 6, "the lot has no usable seed yet: draw first and wait a block";
    /// The node's number is above the bar.
    NotEligible = 7, "the node is not drawn for this lot yet: the bar rises each slice";
    /// All seats are taken.
    Full = 8, "every seat of the round is taken";
    /// The round no longer takes claims.
    ClosedToClaims = 9, "the round takes no more claims";
    /// The node holds or held a slot of this lot.
    Again = 10, "the node holds, held or left this lot before";
    /// The node holds as many slots as it may.
    SlotLimit = 11, "the node holds as many slots as it may";
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
    /// The node is too young for juries, or has too little reputation in the class.
    NoJuror = 20, "the node is too young for juries or has too little reputation in the class";
}
