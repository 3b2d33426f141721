//! Governance. Each method takes one yoctoNEAR, but `apply`, which anybody may call, and `migrate`.

use near_sdk::{Gas, GasWeight, NearToken, env};
use piecework_compact::codec;

use super::{args, call, methods, reply};

/// Gas for the first call of new code.
const MIGRATE_GAS: Gas = Gas::from_tgas(30);

methods! {
    /// Names who may become the owner.
    owner_propose(account_id(optional)) => call(|engine| engine.owner_propose(account_id));

    /// Makes the caller the owner, if it was named.
    owner_accept() => call(|engine| engine.owner_accept());

    /// Gives a role to an account, or to nobody.
    role_set(role, account_id(optional)) => call(|engine| engine.role_set(role, account_id));

    /// Stops features. Owner or guardian.
    pause(features) => call(|engine| engine.pause(&features));

    /// Lets features go on. Owner.
    unpause(features) => call(|engine| engine.unpause(&features));

    /// Announces a change.
    propose(change) => reply(&call(|engine| engine.propose(change)));

    /// Drops a proposal. Owner or guardian.
    drop_proposal(number) => call(|engine| engine.drop_proposal(number));

    /// Makes a proposal hold whose time has come.
    apply(number) => call(|engine| engine.apply(number));

    /// Deploys the code that is the argument, raw, in one batch with its `migrate`: if that fails, the old code stays.
    upgrade => {
        let code = env::input().unwrap_or_default();
        let number = call(|engine| engine.check_upgrade(&env::sha256_array(&code)));
        let promise = env::promise_batch_create(&env::current_account_id());
        env::promise_batch_action_deploy_contract(promise, &code);
        let args = codec::encode(&number);
        let none = NearToken::from_yoctonear(0);
        env::promise_batch_action_function_call_weight(promise, "migrate", &args, none, MIGRATE_GAS, GasWeight(0));
        env::promise_return(promise);
    };

    /// The first call of new code. Only the contract itself.
    migrate => {
        let number = args::read_borsh();
        call(|engine| engine.migrate(number));
    };
}
