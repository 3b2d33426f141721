//! The Borsh form of the protocol's own types.

use super::{Codec, Element, Source};
use crate::{
    amount::Amount,
    config::{Bounds, Config, Fixed},
    draw::{Draw, Seed},
    fields,
    governance::{Change, Prices, Proposal, Settings},
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
    intent::{IntentKey, Kinds, Limit, PublicKey, SignedIntent},
    merkle::Peaks,
    op::{At, Op, Target},
    revenue::{Revenue, Share},
    terms::{Terms, Verification},
    variants,
    view::{ClassRecord, LotPhase, LotState, Node, NodeStatus, Part, Slot, SlotPhase, Window},
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

macro_rules! element {
    ($($type:ty),*) => {$(impl Element for $type {})*};
}
element!(
    AccountNo,
    ClassId,
    ClassRecord,
    Draw,
    IntentKey,
    Op,
    Proposal,
    Share,
    SignedIntent,
    Slot,
    Target,
    TokenId,
    [u8; 32],
    u32
);

fields!(Bounds {
    claim_ttl_s,
    reveal_window_s,
    challenge_window_s,
    slice_s,
    lifetime_max_s,
    dissent_slash_pct_max,
    abandon_slash_pct_max,
});
fields!(Config {
    min_stake,
    unbonding_s,
    notice_s,
    liveness_window_s,
    grace_s,
    fee_bps,
    reputation_interval_s,
    epoch_s,
    treasury_bps,
    insurance_reserve,
    bounds,
    chain_id,
});
fields!(Fixed { fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s });
variants!(Verification { 0 = Consensus } else Self::Consensus);
fields!(Terms {
    class,
    reward,
    lot_size,
    answer_width,
    start,
    max,
    quorum_pct,
    claim_ttl_s,
    reveal_window_s,
    challenge_window_s,
    slice_s,
    bond_pct,
    dissent_slash_pct,
    abandon_slash_pct,
    min_reputation,
    expires_at,
    verification,
});
fields!(Seed { value, at, height, tickets });
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
fields!(ClassRecord { class, reputation, stepped_at, declared });
fields!(Node {
    stake,
    bonded,
    unbonding,
    unbonding_until,
    tickets,
    active_since,
    last_seen,
    slots,
    faults,
    registered_at,
    settled,
    status,
    classes,
    part,
});
fields!(Window { frontier, marks, draws });
variants!(LotPhase { 0 = Working, 1 = Revealing, 2 = Provisional } else Self::Working);
variants!(SlotPhase { 0 = Reserved(until), 1 = Committed(commitment), 2 = Revealed(answers) } else Self::Reserved(0));
fields!(Slot { node, round, phase });
fields!(LotState { phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, slots });
fields!(Peaks { count, peaks });
fields!(SignedIntent { message, nonce, callback_url, public_key, signature });
fields!(Limit { token, daily_cap, spent });
fields!(IntentKey { public_key, kinds, limit, nonce, used_at });
fields!(Prices { token, min_reward, rep_unit, bond_rate });
variants!(Change { 0 = Config(config), 1 = Code(hash), 2 = Prices(prices) } else Self::Code([0; 32]));
fields!(Proposal { number, ready_at, change });
fields!(Settings {
    owner_id,
    proposed_owner_id,
    guardian_id,
    token_admin_id,
    treasury,
    paused,
    next_proposal,
    proposals,
    config,
});
fields!(Share { token, per_ticket, left });
fields!(Revenue { epoch, started_at, tickets, shares });
fields!(Part { counted, tickets, before });
