//! Roles, pauses, and changes that wait.
//!
//! The owner proposes; anybody applies what is due. Whoever disagrees has the unbonding time and a day to leave, and the
//! guardian may drop a proposal. Nothing here touches what live batches, bonds or unbondings were promised.

use piecework_interface::{
    account_id::is_account_id,
    event::Entry,
    governance::{Change, Feature, PROPOSALS_MAX, Proposal, Role, ready_at},
};

use super::{Engine, Error, Host, record::Settings};

/// Who may call, beside the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The guardian.
    Guardian,
    /// The token admin.
    TokenAdmin,
}

impl<H: Host> Engine<'_, H> {
    /// Names who may become the owner by accepting; nobody, without a name.
    ///
    /// # Errors
    /// The caller is not the owner, or the name is no account id.
    pub fn owner_propose(mut self, account_id: Option<String>) -> Result<(), Error> {
        check_name(account_id.as_deref())?;
        self.govern(&[])?.governance.proposed_owner_id.clone_from(&account_id);
        self.push(Entry::OwnerProposed { account_id });
        self.finish("owner_propose", None)
    }

    /// Makes the caller the owner, if the owner named it.
    ///
    /// # Errors
    /// The caller was not named.
    pub fn owner_accept(mut self) -> Result<(), Error> {
        self.assert_one_yocto()?;
        let caller = self.host.predecessor();
        let settings = &mut self.edit_settings()?.governance;
        if settings.proposed_owner_id.as_ref() != Some(&caller) {
            return Err(Error::Caller("the proposed owner"));
        }
        settings.set_owner(caller.clone());
        self.push(Entry::OwnerSet { account_id: caller });
        self.finish("owner_accept", None)
    }

    /// Gives a role to an account, or to nobody.
    ///
    /// # Errors
    /// The caller is not the owner, or the name is no account id.
    pub fn role_set(mut self, role: Role, account_id: Option<String>) -> Result<(), Error> {
        check_name(account_id.as_deref())?;
        self.govern(&[])?.governance.set_role(role, account_id.clone());
        self.push(Entry::RoleSet { role, account_id });
        self.finish("role_set", None)
    }

    /// Stops features.
    ///
    /// # Errors
    /// The caller is neither owner nor guardian, or all of them are paused.
    pub fn pause(mut self, features: &[Feature]) -> Result<(), Error> {
        self.govern(&[By::Guardian])?;
        self.set_paused(self.root.paused | Feature::bits(features))?;
        self.finish("pause", None)
    }

    /// Lets features go on.
    ///
    /// # Errors
    /// The caller is not the owner, or none of them is paused.
    pub fn unpause(mut self, features: &[Feature]) -> Result<(), Error> {
        self.govern(&[])?;
        self.set_paused(self.root.paused & !Feature::bits(features))?;
        self.finish("unpause", None)
    }

    /// Announces a change; returns its number.
    ///
    /// # Errors
    /// The caller may not propose it, it could not hold, or too many proposals are open.
    pub fn propose(mut self, change: Change) -> Result<u32, Error> {
        let now = self.now;
        let admins: &[By] = match &change {
            Change::Config(config) => {
                config.check().map_err(Error::Input)?;
                &[]
            }
            Change::Code(_) => &[],
            Change::Prices(prices) => {
                if !prices.are_possible() {
                    return Err(Error::Amount(PRICES));
                }
                let listed = self.tokens.peek(&*self.host, prices.token)?;
                listed.filter(|row| !row.account_id.is_empty()).ok_or(Error::Token(prices.token))?;
                &[By::TokenAdmin]
            }
        };
        let settings = &mut self.govern(admins)?.governance;
        if settings.proposals.len() >= PROPOSALS_MAX {
            return Err(Error::Input("too many proposals are open: drop one"));
        }
        let number = settings.next_proposal;
        settings.next_proposal = number.checked_add(1).ok_or(Error::Internal("proposal numbers are used up"))?;
        let ready_at = ready_at(&settings.config, now);
        settings.proposals.push(Proposal { number, ready_at, change: change.clone() });
        self.push(Entry::Proposed { number, ready_at, change });
        self.finish("propose", None)?;
        Ok(number)
    }

    /// Drops a proposal.
    ///
    /// # Errors
    /// The caller is neither owner nor guardian, or there is no such proposal.
    pub fn drop_proposal(mut self, number: u32) -> Result<(), Error> {
        let settings = self.govern(&[By::Guardian])?;
        settings.governance.take_proposal(number).ok_or(NO_PROPOSAL)?;
        self.push(Entry::Dropped { number });
        self.finish("drop_proposal", None)
    }

    /// Makes a proposal hold whose time has come. Anybody may; code comes by `upgrade`.
    ///
    /// # Errors
    /// There is no such proposal, or it has to wait.
    pub fn apply(mut self, number: u32) -> Result<(), Error> {
        self.assert_no_deposit()?;
        match self.take_ready(number)? {
            Change::Config(config) => {
                self.root.min_stake = config.min_stake.0;
                let settings = &mut self.edit_settings()?.governance;
                if !settings.config.may_become(&config) {
                    return Err(CHAIN_ID);
                }
                settings.config = config;
            }
            Change::Prices(prices) => {
                let row = self.token(prices.token)?;
                (row.min_reward, row.rep_unit, row.bond_rate) = (prices.min_reward, prices.rep_unit, prices.bond_rate);
            }
            Change::Code(_) => return Err(Error::Input("new code comes by `upgrade`")),
        }
        self.push(Entry::Applied { number });
        self.finish("apply", None)
    }

    /// Checks that this code may be deployed now: proposed by its hash, and its time has come. Returns the proposal.
    ///
    /// # Errors
    /// The caller is not the owner, or the code was not proposed or has to wait.
    pub fn check_upgrade(mut self, code_hash: &[u8; 32]) -> Result<u32, Error> {
        let now = self.now;
        let proposals = &self.govern(&[])?.governance.proposals;
        let proposal = proposals.iter().find(|proposal| proposal.change == Change::Code(*code_hash));
        let proposal = proposal.ok_or(NO_PROPOSAL)?;
        if now < proposal.ready_at { Err(TOO_EARLY) } else { Ok(proposal.number) }
    }

    /// Refuses what is paused.
    pub(super) const fn assert_runs(&self, feature: Feature) -> Result<(), Error> {
        if feature.is_in(self.root.paused) { Err(Error::Status("this is paused: see `settings`")) } else { Ok(()) }
    }

    /// The settings, for the owner and these others. One yoctoNEAR.
    pub(super) fn govern(&mut self, others: &[By]) -> Result<&mut Settings, Error> {
        self.assert_one_yocto()?;
        let caller = Some(self.host.predecessor());
        let settings = self.edit_settings()?;
        let governance = &settings.governance;
        let may = caller.as_ref() == Some(&governance.owner_id)
            || others.iter().any(|by| match by {
                By::Guardian => governance.guardian_id == caller,
                By::TokenAdmin => governance.token_admin_id == caller,
            });
        if may { Ok(settings) } else { Err(Error::Caller("the owner or a role that it gave")) }
    }

    pub(super) fn edit_settings(&mut self) -> Result<&mut Settings, Error> {
        self.settings.edit(&*self.host, ())?.ok_or(Error::NotInitialised)
    }

    fn set_paused(&mut self, features: u8) -> Result<(), Error> {
        if core::mem::replace(&mut self.root.paused, features) == features {
            return Err(Error::NothingDue("these features are so already"));
        }
        self.edit_settings()?.governance.paused = features;
        self.push(Entry::Paused { features });
        Ok(())
    }

    /// Takes a proposal whose time has come.
    pub(super) fn take_ready(&mut self, number: u32) -> Result<Change, Error> {
        let now = self.now;
        let proposal = self.edit_settings()?.governance.take_proposal(number).ok_or(NO_PROPOSAL)?;
        if now < proposal.ready_at { Err(TOO_EARLY) } else { Ok(proposal.change) }
    }
}

/// What prices must be.
pub(super) const PRICES: &str = "min_reward, rep_unit and bond_rate must be above 0";
const CHAIN_ID: Error = Error::Input("config.chain_id never changes once it is set");
pub(super) const NO_PROPOSAL: Error = Error::Input("there is no such proposal: see `settings`");
const TOO_EARLY: Error = Error::Status("the proposal has to wait: see its ready_at in `settings`");

fn check_name(account_id: Option<&str>) -> Result<(), Error> {
    if account_id.is_none_or(is_account_id) { Ok(()) } else { Err(Error::Argument("account_id")) }
}
