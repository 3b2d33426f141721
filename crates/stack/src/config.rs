//! The coordinator's configuration on a local network.

use piecework_console::amount::ONE_NEAR;
use piecework_interface::{
    amount::Amount,
    config::{Bounds, Config},
};

/// The contract's defaults, with times of seconds, a cheap class, and appeals in a class of eight nodes: three that do the
/// work and five that judge it.
#[must_use]
pub fn local_config() -> Config {
    let defaults = Config::default();
    let bounds = Bounds {
        claim_ttl_s: (5, defaults.bounds.claim_ttl_s.1),
        reveal_window_s: (3, defaults.bounds.reveal_window_s.1),
        challenge_window_s: (3, defaults.bounds.challenge_window_s.1),
        slice_s: (1, defaults.bounds.slice_s.1),
        verdict_ttl_s: (3, defaults.bounds.verdict_ttl_s.1),
        ..defaults.bounds
    };
    let times = Config { unbonding_s: 60, notice_s: 10, grace_s: 1, reputation_interval_s: 1, ..defaults };
    Config { class_deposit: Amount(ONE_NEAR / 10), jury_nodes: 8, bounds, ..times }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_config__should_lower_times_and_what_a_class_takes_only() {
        let (local, defaults) = (local_config(), Config::default());
        assert_eq!((local.min_stake, local.fee_bps), (defaults.min_stake, defaults.fee_bps));
        assert_eq!(local.bounds.lifetime_max_s, defaults.bounds.lifetime_max_s);
        assert!(local.class_deposit < defaults.class_deposit && local.jury_nodes < defaults.jury_nodes);
        assert_eq!(local.check(), Ok(()));
    }
}
