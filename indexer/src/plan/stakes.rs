//! What stands behind nodes, as far as lines change it.

use std::collections::BTreeMap;

use piecework_interface::ids::AccountNo;
use piecework_replay::Mirror;
use piecework_store::change::StakeRow;

/// Stake and operator.
type Behind = (u128, Option<AccountNo>);

/// What stands behind each node after the last line.
#[derive(Clone, Debug)]
pub(super) struct Stakes(BTreeMap<AccountNo, Behind>);

impl Stakes {
    pub fn of(mirror: &Mirror) -> Self {
        Self(mirror.accounts.keys().filter_map(|account| Some((*account, behind(mirror, *account)?))).collect())
    }

    /// The row of a line that changed an account, if another stake or operator stands behind its node.
    pub fn changed(&mut self, mirror: &Mirror, account: AccountNo, seq: u64) -> Option<StakeRow> {
        let before = self.0.get(&account).copied();
        // A closed account has no node any more, and its number never comes again.
        let now = behind(mirror, account).or_else(|| before.map(|_| (0, None)))?;
        if before == Some(now) {
            return None;
        }
        self.0.insert(account, now);
        let (stake, operator) = now;
        Some(StakeRow { account, seq, stake, operator })
    }
}

fn behind(mirror: &Mirror, account: AccountNo) -> Option<Behind> {
    let node = mirror.accounts.get(&account)?.row.node.as_ref()?;
    Some((node.stake.0, node.operator))
}
