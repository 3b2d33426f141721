//! The coordinator's configuration on a local network.

use piecework_interface::config::{Bounds, Config};

/// The contract's defaults, with times of seconds, and juries open to every node.
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
    let times =
        Config { unbonding_s: 60, notice_s: 10, epoch_s: 600, grace_s: 1, reputation_interval_s: 1, ..defaults };
    // A new network has no node of the default juror's age and reputation, and a jury without jurors changes nothing.
    Config { juror_age_s: 0, juror_reputation: 0, bounds, ..times }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_config__should_only_lower_times() {
        let (local, defaults) = (local_config(), Config::default());
        assert_eq!((local.min_stake, local.fee_bps), (defaults.min_stake, defaults.fee_bps));
        assert_eq!(local.bounds.dissent_slash_pct_max, defaults.bounds.dissent_slash_pct_max);
    }
}
