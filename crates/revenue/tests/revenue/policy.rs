use piecework_interface::ids::TokenId;
use piecework_revenue::{EpochNo, Policy, PolicyError};

use super::market::{POLICY, policy};

#[test]
fn policy__should_have_the_digest_of_what_it_says() {
    // Given the same in another order, with comments
    let turned: String = POLICY.lines().rev().map(|line| format!("{line} # so\n")).collect();

    // Then it has the same digest, and another share another one
    let digest = policy().digest().unwrap();
    assert_eq!(Policy::parse(&turned).unwrap().digest().unwrap(), digest);
    assert_ne!(Policy::parse(&POLICY.replace("5000", "5001")).unwrap().digest().unwrap(), digest);
    assert_eq!(hex::encode(digest), "e37da54b40375a40316c2169e415ddb2bbcc0c2560f88085eac408fdd1da864f");
}

#[test]
fn policy__should_refuse_what_it_does_not_know_or_allow() {
    for (from, to, part) in [
        ("version = 1", "version = 0", "`version` is 0"),
        ("version = 1", "version = 1\nfees = 2", "unknown field `fees`"),
        ("version = 1", "epoch_days = 0\nversion = 1", "`epoch_days` is 0; it must be 1..366"),
        ("5000", "9001", "add up to 10001"),
        ("carry_epochs = 4", "carry_epochs = 0", "`carry_epochs` is 0"),
        ("\"100\"", "100", "invalid type"),
        ("treasury.near", "a b", "`treasury_id`"),
        ("referrer.near", "", "`referrer_id`"),
        (
            "tokens = [{",
            "tokens = [{ token = 1, fees_per_near = \"1\", payout_min = \"1\", share_max = \"1\" }, {",
            "token 1 is named twice",
        ),
        (
            "referrers = [{",
            "referrers = [{ requester_id = \"app.near\", referrer_id = \"b.near\" }, {",
            "app.near is named twice",
        ),
    ] {
        let text = POLICY.replace(from, to);
        assert_ne!(text, POLICY, "{from}");
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let empty = POLICY.lines().filter(|line| !line.starts_with("tokens")).collect::<Vec<_>>().join("\n");
    assert!(matches!(Policy::parse(&empty), Err(PolicyError::Text(_))));
}

#[test]
fn policy__should_find_referrers_by_requester() {
    let policy = policy();
    assert_eq!((policy.referrer_of("app.near"), policy.referrer_of("other.near")), (Some("referrer.near"), None));
}

#[test]
fn template__should_be_a_policy_that_holds_now() {
    let text = Policy::template(("localnet", "piecework.near"), "treasury.near", (TokenId(1), 6), 1_796_083_200);
    let policy = Policy::parse(&text).unwrap();
    assert_eq!((policy.first_epoch, policy.epoch_days, policy.tokens[0].token), (EpochNo(2_969), 7, TokenId(1)));
}

#[test]
fn carrying_period__should_begin_with_the_policy_and_end_with_its_last_epoch() {
    let policy = policy();
    let carrying = |epoch| policy.carrying(EpochNo(epoch)).map(|epoch| epoch.0).collect::<Vec<_>>();
    assert_eq!(carrying(2_955), [0; 0]);
    assert_eq!(
        (carrying(2_956), carrying(2_959), carrying(2_960)),
        (vec![2_956], vec![2_956, 2_957, 2_958, 2_959], vec![2_960])
    );
    let ends: Vec<u32> = (2_956..2_965).filter(|epoch| policy.ends_carrying(EpochNo(*epoch))).collect();
    assert_eq!(ends, [2_959, 2_963]);
}
