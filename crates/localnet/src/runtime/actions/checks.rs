//! Checks before every action: does the account exist, and may the actor do this to it?

use near_primitives::{
    account::id::AccountType,
    action::Action,
    errors::ActionErrorKind,
    types::{AccountId, Balance},
};

use crate::runtime::{Runtime, apply::ActionContext};

impl Runtime {
    /// Whether the receiver's account is there (or not, where it must not) and the actor may act on it.
    pub(in crate::runtime) fn check_account_and_actor(
        &self,
        ctx: &ActionContext<'_>,
        action: &Action,
    ) -> Result<(), ActionErrorKind> {
        self.check_existence(ctx, action)?;
        check_actor(ctx, action)
    }

    fn check_existence(&self, ctx: &ActionContext<'_>, action: &Action) -> Result<(), ActionErrorKind> {
        let account_id = ctx.account_id().clone();
        let exists = ctx.account.is_some();
        match action {
            Action::CreateAccount(_) if exists => Err(ActionErrorKind::AccountAlreadyExists { account_id }),
            Action::CreateAccount(_) if self.account_type(&account_id).is_implicit() => {
                Err(ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id })
            }
            Action::Transfer(_) if !exists && !self.may_create_implicitly(ctx) => {
                Err(ActionErrorKind::AccountDoesNotExist { account_id })
            }
            Action::CreateAccount(_)
            | Action::Transfer(_)
            | Action::DeterministicStateInit(_)
            | Action::UniversalStateInit(_) => Ok(()),
            _ => match &ctx.account {
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
    fn may_create_implicitly(&self, ctx: &ActionContext<'_>) -> bool {
        let alone = ctx.action_receipt.actions().len() == 1;
        match self.account_type(ctx.account_id()) {
            AccountType::NamedAccount => false,
            AccountType::UniversalAccount => !ctx.is_refund(),
            AccountType::NearImplicitAccount
            | AccountType::EthImplicitAccount
            | AccountType::NearDeterministicAccount => alone && !ctx.is_refund(),
        }
    }

    pub(super) fn account_type(&self, account_id: &AccountId) -> AccountType {
        account_id.get_account_type()
    }
}

fn check_actor(ctx: &ActionContext<'_>, action: &Action) -> Result<(), ActionErrorKind> {
    let account_id = ctx.account_id();
    match action {
        Action::DeployContract(_)
        | Action::Stake(_)
        | Action::AddKey(_)
        | Action::DeleteKey(_)
        | Action::DeployGlobalContract(_)
        | Action::UseGlobalContract(_)
        | Action::WithdrawFromGasKey(_)
        | Action::DeleteAccount(_)
            if ctx.actor_id != *account_id =>
        {
            Err(ActionErrorKind::ActorNoPermission { account_id: account_id.clone(), actor_id: ctx.actor_id.clone() })
        }
        Action::DeleteAccount(_) if ctx.account.as_ref().is_some_and(|account| account.locked() > Balance::ZERO) => {
            Err(ActionErrorKind::DeleteAccountStaking { account_id: account_id.clone() })
        }
        _ => Ok(()),
    }
}
