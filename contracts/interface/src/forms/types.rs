//! The lists.

use crate::{
    call::{BatchCreateArgs, BatchSpec, Callback, ResultClaim, VerdictArgs},
    case::{Case, Challenge, Decided, Verdict},
    config::{Bounds, Config, Fixed},
    draw::Seed,
    event::{Abandoned, Credited, EpochShare, SettledSlot},
    fields,
    gold::{GoldOpenArgs, Opening},
    governance::{Prices, Proposal, Settings},
    intent::{IntentKey, Limit, SignedIntent},
    merkle::Peaks,
    revenue::{Revenue, Share},
    terms::Terms,
    view::{Account, Balance, Batch, ClassRecord, LotState, Node, OpenBatch, Part, Root, Slot, Token, Window},
};

fields!(Bounds as [borsh write read_default] {
    claim_ttl_s, reveal_window_s, challenge_window_s, slice_s, lifetime_max_s, dissent_slash_pct_max,
    abandon_slash_pct_max, gold_slash_pct_max, verdict_ttl_s,
});
fields!(Config as [borsh write read_default] {
    min_stake, unbonding_s, notice_s, liveness_window_s, grace_s, fee_bps, reputation_interval_s, epoch_s, treasury_bps,
    insurance_reserve, juror_age_s, juror_reputation, bounds,
    chain_id,
});
fields!(Fixed as [borsh write row] {
    fee_bps, bond_rate, rep_unit, reputation_interval_s, grace_s, juror_age_s, juror_reputation,
});
fields!(Terms as [borsh write read row] {
    class, reward, lot_size, answer_width, start, max, quorum_pct, claim_ttl_s, reveal_window_s, challenge_window_s,
    slice_s, bond_pct, dissent_slash_pct, abandon_slash_pct, min_reputation, expires_at, verification(optional),
    gold_slash_pct(optional),
});
fields!(Seed as [borsh write] { value(hex), at, height, tickets });
fields!(ClassRecord as [borsh write] { class, reputation, stepped_at, declared });
fields!(Node as [borsh write] {
    stake, bonded, unbonding, unbonding_until, tickets, active_since, last_seen, slots, faults, registered_at, settled,
    status, classes, part,
});
fields!(Window as [borsh] { frontier, marks, draws });
fields!(Slot as [borsh write] { node, round, phase });
fields!(LotState as [borsh] { phase, round, clock_at, phase_at, phase_height, leavers, open_items, draw, slots, case });
fields!(Case as [borsh write] { gold, against, void, decided, challenges, jury_items, verdict });
fields!(Decided as [borsh write row] { item, slot });
fields!(Challenge as [borsh write] { account, items, bond });
fields!(Verdict as [borsh write] { scores, report(hex) });
fields!(GoldOpenArgs as [borsh] { batch, lot, openings });
fields!(Opening as [borsh] { item, answer, salt, proof });
fields!(Callback as [borsh write read row] { account_id, tgas });
fields!(Peaks as [borsh] { count, peaks });
fields!(Prices as [borsh write read] { token, min_reward, rep_unit, bond_rate });
fields!(Proposal as [borsh write] { number, ready_at, change });
fields!(Settings as [borsh write] {
    owner_id, proposed_owner_id, guardian_id, token_admin_id, treasury, paused, next_proposal, proposals, config,
});
fields!(Share as [borsh write] { token, per_ticket, left });
fields!(Revenue as [borsh write] { epoch, started_at, tickets, shares });
fields!(Part as [borsh write] { counted, tickets, before });
fields!(Root as [write] { seq, head(hex), active_tickets, next_account, next_batch, insurance });
fields!(Token as [write] { token, account_id, min_reward, rep_unit, bond_rate, pool, in_flight });
fields!(Balance as [write] { token, amount });
fields!(Account as [write] { account, storage_paid, storage_used, in_flight, balances, node, keys });
fields!(Batch as [write] { batch, status, settled, results_root(hex), callback, open });
fields!(OpenBatch as [write] {
    requester, token, terms, fixed, items, manifest(hex), gold_root(hex), created_at, progress, escrow,
});
fields!(BatchSpec as [read] { terms, items, manifest(hex), uri, gold_root(hex_optional), callback(optional) });
fields!(BatchCreateArgs as [read] { token, batch });
fields!(ResultClaim as [read] { batch, lot, n, accepted(hex), answers(bytes), proof(bytes) });
fields!(VerdictArgs as [read] { batch, lot, scores, report(hex) });
fields!(Credited as [row] { account, amount });
fields!(SignedIntent as [borsh] { message, nonce, callback_url, public_key, signature });
fields!(Limit as [borsh write] { token, daily_cap, spent });
fields!(IntentKey as [borsh write] { public_key, kinds, limit, nonce, used_at });
fields!(EpochShare as [row] { token, treasury, per_ticket });
fields!(Abandoned as [row] { node, slash });
fields!(SettledSlot as [row] { node, pay, slash, reputation });
