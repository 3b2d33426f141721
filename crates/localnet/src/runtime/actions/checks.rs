//! Checks before every action: does the account exist, and may the actor do this to it?

use near_primitives::{account::id::AccountType, action::Action, errors::ActionErrorKind};

use crate::runtime::apply::ActionContext;

impl ActionContext<'_> {
    /// Whether the receiver's account is there (or not, where it must not).
    pub(in crate::runtime) fn check_existence(&self, action: &Action) -> Result<(), ActionErrorKind> {
        let account_id = self.account_id().clone();
        let exists = self.account.is_some();
        match action {
            Action::CreateAccount(_) if exists => Err(ActionErrorKind::AccountAlreadyExists { account_id }),
            Action::CreateAccount(_) if account_id.get_account_type().is_implicit() => {
                Err(ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id })
            }
            Action::Transfer(_) if !exists && !self.may_create_implicitly() => {
                Err(ActionErrorKind::AccountDoesNotExist { account_id })
            }
            Action::CreateAccount(_)
            | Action::Transfer(_)
            | Action::DeterministicStateInit(_)
            | Action::UniversalStateInit(_) => Ok(()),
            _ => match &self.account {
                None => Err(ActionErrorKind::AccountDoesNotExist { account_id }),
                Some(account) if !account.is_initialized() => {
                    Err(ActionErrorKind::AccountNotInitialized { account_id })
                }
                Some(_) => Ok(()),
            },
        }
    }

    /// A lone transfer creates an implicit account. A refund never does, and a batch must not, since its
    /// other actions would then act on an account whose key the sender does not hold. A universal account is
    /// safe from that, as its id commits to its keys.
    fn may_create_implicitly(&self) -> bool {
        let alone = self.action_receipt.actions().len() == 1;
        match self.account_id().get_account_type() {
            AccountType::NamedAccount => false,
            AccountType::UniversalAccount => !self.is_refund(),
            AccountType::NearImplicitAccount
            | AccountType::EthImplicitAccount
            | AccountType::NearDeterministicAccount => alone && !self.is_refund(),
        }
    }

    /// Whether the actor may do this to the receiver's account.
    pub(in crate::runtime) fn check_actor(&self, action: &Action) -> Result<(), ActionErrorKind> {
        let account_id = self.account_id().clone();
        match action {
            Action::DeployContract(_)
            | Action::Stake(_)
            | Action::AddKey(_)
            | Action::DeleteKey(_)
            | Action::DeployGlobalContract(_)
            | Action::UseGlobalContract(_)
            | Action::WithdrawFromGasKey(_)
            | Action::DeleteAccount(_)
                if self.actor_id != account_id =>
            {
                Err(ActionErrorKind::ActorNoPermission { account_id, actor_id: self.actor_id.clone() })
            }
            Action::DeleteAccount(_) if self.account.as_ref().is_some_and(|account| !account.locked().is_zero()) => {
                Err(ActionErrorKind::DeleteAccountStaking { account_id })
            }
            _ => Ok(()),
        }
    }
}
