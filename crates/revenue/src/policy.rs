//! The policy: who shares in the treasury's fees, and how much.

use piecework_interface::{amount::Amount, host::sha256, ids::TokenId};
use serde::{Deserialize, Serialize};

use crate::calendar::{DAY_S, EpochNo};

/// A whole, in basis points.
pub const BPS: u16 = 10_000;

/// A policy, as its file has it. Amounts are in the smallest unit of their token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Grows with each change of the policy.
    pub version: u32,
    /// Chain of the coordinator, as its view `config` says.
    pub chain_id: String,
    /// Coordinator contract.
    pub contract_id: String,
    /// First epoch that it holds for. Nothing is carried into it.
    pub first_epoch: EpochNo,
    /// Days of an epoch.
    #[serde(default = "week")]
    pub epoch_days: u16,
    /// Account that has the fees and pays.
    pub treasury_id: String,
    /// Account that has the rest. If it is the treasury, the rest stays where it is.
    pub reserve_id: String,
    /// Part of the fees on work for others that goes to the nodes that did it.
    pub node_bps: u16,
    /// Part of the fees on a referred requester's work that goes to the referrer.
    pub referrer_bps: u16,
    /// Epochs of a carrying period: an amount that is too small to be paid waits at most until its end.
    pub carry_epochs: u16,
    /// Tokens whose fees are shared. Those of others stay in the treasury.
    pub tokens: Vec<TokenPolicy>,
    /// Who referred whom.
    #[serde(default)]
    pub referrers: Vec<Referral>,
}

const fn week() -> u16 {
    7
}

/// What holds for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPolicy {
    /// Number of the token; 0 is NEAR.
    pub token: TokenId,
    /// Fees of an epoch that one NEAR of stake, held throughout it, stands behind at most.
    pub fees_per_near: Amount,
    /// Least amount that is paid.
    pub payout_min: Amount,
    /// Most that an epoch gives one account for work or for referring.
    pub share_max: Amount,
}

/// A requester's referrer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// Account that creates batches.
    pub requester_id: String,
    /// Account that brought it.
    pub referrer_id: String,
}

/// Why a file is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not TOML with these fields.
    #[error("it cannot be read: {0}")]
    Text(String),
    /// A field is out of bounds.
    #[error("`{field}` is {value}; it must be {bounds}")]
    Bounds {
        /// Field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        bounds: &'static str,
    },
    /// The shares are more than there is.
    #[error(
        "node_bps and referrer_bps add up to {0}; they must be at most 10000, or an account could get back more than its own fees"
    )]
    Shares(u32),
    /// Two entries for the same thing.
    #[error("{0} is named twice")]
    Twice(String),
}

impl Policy {
    /// A policy out of the text of its file, checked and in canonical order.
    ///
    /// # Errors
    /// The text is none, or a field is out of bounds.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy: Self = toml::from_str(text).map_err(|error| PolicyError::Text(error.to_string()))?;
        policy.tokens.sort_by_key(|token| token.token);
        policy.referrers.sort();
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), PolicyError> {
        let bounded = |field, value: u64, (least, most): (u64, u64), bounds| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(PolicyError::Bounds { field, value: value.to_string(), bounds }),
        };
        bounded("version", self.version.into(), (1, u32::MAX.into()), "1 or more")?;
        bounded("epoch_days", self.epoch_days.into(), (1, 366), "1..366")?;
        bounded("carry_epochs", self.carry_epochs.into(), (1, 64), "1..64")?;
        let shares = u32::from(self.node_bps) + u32::from(self.referrer_bps);
        if shares > u32::from(BPS) {
            return Err(PolicyError::Shares(shares));
        }
        let names = [
            ("chain_id", &self.chain_id),
            ("contract_id", &self.contract_id),
            ("treasury_id", &self.treasury_id),
            ("reserve_id", &self.reserve_id),
        ];
        let referred =
            self.referrers.iter().flat_map(|it| [("requester_id", &it.requester_id), ("referrer_id", &it.referrer_id)]);
        for (field, name) in names.into_iter().chain(referred) {
            if name.is_empty() || name.len() > 64 || name.contains(char::is_whitespace) {
                let (value, bounds) = (format!("{name:?}"), "a name of 1..64 bytes without spaces");
                return Err(PolicyError::Bounds { field, value, bounds });
            }
        }
        if self.tokens.is_empty() {
            let bounds = "one token or more";
            return Err(PolicyError::Bounds { field: "tokens", value: "empty".to_owned(), bounds });
        }
        if let Some([twice, _]) = self.tokens.array_windows::<2>().find(|[a, b]| a.token == b.token) {
            return Err(PolicyError::Twice(format!("token {}", twice.token)));
        }
        if let Some([twice, _]) = self.referrers.array_windows::<2>().find(|[a, b]| a.requester_id == b.requester_id) {
            return Err(PolicyError::Twice(format!("the requester {}", twice.requester_id)));
        }
        Ok(())
    }

    /// SHA-256 of its canonical JSON: comments, order of entries and white space of the file do not count.
    ///
    /// # Errors
    /// It has no JSON form.
    pub fn digest(&self) -> Result<[u8; 32], serde_json::Error> {
        Ok(sha256(&serde_json::to_vec(self)?))
    }

    /// First and last second behind an epoch.
    #[must_use]
    pub fn bounds(&self, epoch: EpochNo) -> (u64, u64) {
        (epoch.begins_at(self.epoch_days), epoch.ends_at(self.epoch_days))
    }

    /// The epochs of a carrying period up to `epoch`, itself included; empty before the policy holds.
    pub fn carrying(&self, epoch: EpochNo) -> impl Iterator<Item = EpochNo> + use<> {
        let since = epoch.0.checked_sub(self.first_epoch.0).map(|since| since % u32::from(self.carry_epochs.max(1)));
        let first = since.map_or(u32::MAX, |since| epoch.0 - since);
        (first..=epoch.0).map(EpochNo)
    }

    /// Whether an epoch is the last of its carrying period.
    #[must_use]
    pub fn ends_carrying(&self, epoch: EpochNo) -> bool {
        let next = epoch.0.saturating_add(1).saturating_sub(self.first_epoch.0);
        next.is_multiple_of(u32::from(self.carry_epochs.max(1)))
    }

    /// The referrer of a requester.
    #[must_use]
    pub fn referrer_of(&self, requester_id: &str) -> Option<&str> {
        let place = self.referrers.binary_search_by(|referral| referral.requester_id.as_str().cmp(requester_id));
        place.ok().and_then(|place| self.referrers.get(place)).map(|referral| referral.referrer_id.as_str())
    }

    /// Whether what an account would get stays with the treasury or its reserve anyway.
    #[must_use]
    pub fn is_own(&self, account_id: &str) -> bool {
        account_id == self.treasury_id || account_id == self.reserve_id
    }

    /// A file with a policy for this contract and token, with a comment on each field.
    #[must_use]
    pub fn template(
        (chain_id, contract_id): (&str, &str),
        treasury_id: &str,
        (token, decimals): (TokenId, u8),
        now_s: u64,
    ) -> String {
        let first_epoch = EpochNo::at(now_s, week());
        let began = crate::calendar::Date::at(first_epoch.begins_at(week()));
        let day_s = DAY_S;
        let whole = "0".repeat(decimals.into());
        format!(
            r#"# What the treasury's fees give to whom. Check it with `piecework revenue policy FILE`, which prints its digest.
# Amounts are text, in the smallest unit of their token.

# Grows with each change. A changed policy begins with an epoch that is not paid yet.
version = 1
# The coordinator whose journal counts.
chain_id = "{chain_id}"
contract_id = "{contract_id}"
# The first epoch that it holds for. Epoch n begins n x epoch_days x {day_s} seconds after 1970-01-01T00:00:00Z; this one began on {began}.
first_epoch = {first_epoch}
epoch_days = 7
# Who pays, and who gets the rest. The same account: the rest stays.
treasury_id = "{treasury_id}"
reserve_id = "{treasury_id}"
# Shares of the fees in basis points: of those on work for others to the nodes that did it, of those on referred work to referrers.
# Together at most 10000, so that work for oneself by another name costs more than it gives.
node_bps = 4000
referrer_bps = 1000
# What is too small to be paid waits for later epochs, and goes to the reserve after so many.
carry_epochs = 4

[[tokens]]
token = {token}
# Fees of one epoch that each NEAR of stake, held from its first to its last second, stands behind.
fees_per_near = "1{whole}"
# Least amount that is paid, and the most that one account gets of an epoch for work or for referring.
payout_min = "1{whole}"
share_max = "1000000{whole}"

# Who brought a requester gets its share of the fees of all its batches.
# [[referrers]]
# requester_id = "app.near"
# referrer_id = "gateway.near"
"#
        )
    }
}
