//! The Borsh form of the protocol's own types.

use super::{Codec, Element, Source};
use crate::{
    amount::Amount,
    case::{Challenge, Decided},
    draw::Draw,
    gold::Opening,
    governance::{Change, Proposal},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::{IntentKey, Kinds, PublicKey, SignedIntent},
    op::{At, Op, Target, Work},
    revenue::Share,
    terms::Verification,
    variants,
    view::{ClassRecord, LotPhase, NodeStatus, Slot, SlotPhase},
};

macro_rules! newtype {
    ($($type:ident),*) => {$(
        impl Codec for $type {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
            fn decode(source: &mut Source<'_>) -> Self {
                Self(Codec::decode(source))
            }
        }
    )*};
}
newtype!(Amount, AccountNo, BatchId, ClassId, Kinds, LotId, PublicKey, TokenId);

impl Codec for Work {
    fn encode(&self, out: &mut Vec<u8>) {
        self.ops.encode(out);
        if let Some(account) = self.account {
            account.encode(out);
        }
    }
    fn decode(source: &mut Source<'_>) -> Self {
        Self { ops: Codec::decode(source), account: source.last() }
    }
}

macro_rules! element {
    ($($type:ty),*) => {$(impl Element for $type {})*};
}
element!(
    AccountNo,
    Challenge,
    ClassId,
    ClassRecord,
    Decided,
    Draw,
    IntentKey,
    Op,
    Opening,
    Proposal,
    Share,
    SignedIntent,
    Slot,
    Target,
    TokenId,
    [u8; 32],
    u16,
    u32
);

variants!(Verification { 0 = Consensus, 1 = Adjudicated { adjudicator, verdict_ttl_s } } else Self::Consensus);
variants!(Draw { 0 = Closed, 1 = Opened(at), 2 = Seeded(seed) } else Self::Closed);
variants!(At { 0 = Group(group), 1 = Lot(lot) } else Self::Group(0));
variants!(Op {
    0 = Draw { batch, at },
    1 = Claim { batch, lot },
    2 = Release { batch, lot },
    3 = Commit { batch, lot, commitment },
    4 = Reveal { batch, lot, answers, salt },
} else Self::Claim { batch: BatchId(0), lot: LotId(0) });
variants!(Target { 0 = Lot(batch, lot), 1 = Batch(batch), 2 = Node(node) } else Self::Batch(BatchId(0)));
variants!(NodeStatus { 0 = Active, 1 = Paused, 2 = Silent } else Self::Active);
variants!(LotPhase { 0 = Working, 1 = Revealing, 2 = Provisional, 3 = Judging } else Self::Working);
variants!(SlotPhase { 0 = Reserved(until), 1 = Committed(commitment), 2 = Revealed(answers) } else Self::Reserved(0));
variants!(Change { 0 = Config(config), 1 = Code(hash), 2 = Prices(prices) } else Self::Code([0; 32]));
