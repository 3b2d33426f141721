//! Random governance.

use piecework_interface::{
    amount::Amount,
    config::Config,
    governance::{Change, Feature, Prices, Role},
    ids::TokenId,
};
use proptest::sample::Index;

use super::{
    super::chain::{CONTRACT, Call, NEAR, OWNER},
    ACCOUNTS,
    run::Run,
};

impl Run {
    /// The owner, a role, or a stranger governs.
    pub fn govern(&mut self, who: &Index, kind: u8, number: u8) {
        let settings = self.chain.mirror.settings.clone();
        let owner = settings.owner_id.clone();
        let people = [
            Some(settings.owner_id),
            settings.proposed_owner_id,
            settings.guardian_id,
            settings.token_admin_id,
            Some("stranger.near".to_owned()),
        ];
        let who = people[who.index(people.len())].clone().unwrap_or_else(|| OWNER.to_owned());
        let name =
            (number > 20).then(|| ["owner.near", "guard.near", "admin.near"][usize::from(number % 3)].to_owned());
        let features = [Feature::ALL[usize::from(number % 4)], Feature::ALL[usize::from(number / 4 % 4)]];
        let first = settings.proposals.first().map_or(0, |proposal| proposal.number) + u32::from(number % 3);
        let call = Call::by(&who).with(1);
        let _done: Option<()> = match kind % 13 {
            0 => self.chain.call(call, |engine| engine.owner_propose(name)).map(drop).ok(),
            1 | 2 => self.chain.call(call, |engine| engine.owner_accept()).map(drop).ok(),
            3 | 4 => {
                let role = if number.is_multiple_of(2) { Role::Guardian } else { Role::TokenAdmin };
                self.chain.call(call, |engine| engine.role_set(role, name)).map(drop).ok()
            }
            // A market that stands still most of the time would prove little.
            5 if number < 64 => self.chain.call(call, |engine| engine.pause(&features)).map(drop).ok(),
            5..=7 => self.chain.call(Call::by(&owner).with(1), |engine| engine.unpause(&Feature::ALL)).map(drop).ok(),
            8 => {
                let change = match number % 3 {
                    0 => Change::Config(Config {
                        min_stake: Amount(NEAR / 4 * u128::from(number % 5)),
                        fee_bps: u16::from(number) * 4,
                        ..settings.config
                    }),
                    1 => Change::Code([number; 32]),
                    _ => Change::Prices(Prices {
                        token: TokenId(u16::from(number % 4)),
                        min_reward: Amount(u128::from(number % 7)),
                        rep_unit: Amount(1),
                        bond_rate: Amount(1 << 60),
                    }),
                };
                self.chain.call(call, |engine| engine.propose(change)).map(drop).ok()
            }
            9 => self.chain.call(call, |engine| engine.drop_proposal(first)).map(drop).ok(),
            10 => self.chain.call(Call::by(CONTRACT), |engine| engine.migrate(first)).map(drop).ok(),
            11 => {
                let treasury = (number > 40).then(|| ACCOUNTS[usize::from(number % 6)].to_owned());
                if let Some(treasury) = &treasury {
                    // It needs room for every token.
                    self.chain.storage_deposit(treasury, NEAR).ok();
                }
                self.chain.call(Call::by(&owner).with(1), |engine| engine.treasury_set(treasury)).ok()
            }
            _ => self.chain.call(Call::by(&who), |engine| engine.apply(first)).map(drop).ok(),
        };
    }
}
