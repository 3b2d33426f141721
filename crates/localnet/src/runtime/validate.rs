//! Checks of actions and receipts that need no state (nearcore `action_validation.rs`, `verifier.rs`).

use near_crypto::key_conversion::is_valid_staking_key;
use near_parameters::vm::LimitConfig;
use near_primitives::{
    account::AccessKeyPermission,
    action::{Action, AddKeyAction, DeterministicStateInitAction, FunctionCallAction, UniversalStateInitAction},
    errors::{ActionsValidationError as Invalid, ReceiptValidationError},
    receipt::{Receipt, VersionedReceiptEnum},
    types::AccountId,
    universal_state_init::{UniversalStateInit, state_init_counts},
    utils::{derive_near_deterministic_account_id, derive_universal_account_id},
    version::PROTOCOL_VERSION,
};

use super::fees;

/// Checks a receipt that an action wants to send.
pub fn new_receipt(limits: &LimitConfig, receipt: &Receipt) -> Result<(), ReceiptValidationError> {
    let size = borsh::object_length(receipt).map_or(u64::MAX, length);
    if size > limits.max_receipt_size {
        return Err(ReceiptValidationError::ReceiptSizeExceeded { size, limit: limits.max_receipt_size });
    }
    match receipt.versioned_receipt() {
        VersionedReceiptEnum::Action(action) | VersionedReceiptEnum::PromiseYield(action) => {
            let dependencies = length(action.input_data_ids().len());
            if dependencies > limits.max_number_input_data_dependencies {
                return Err(ReceiptValidationError::NumberInputDataDependenciesExceeded {
                    number_of_input_data_dependencies: dependencies,
                    limit: limits.max_number_input_data_dependencies,
                });
            }
            actions(limits, action.actions(), receipt.receiver_id()).map_err(ReceiptValidationError::ActionsValidation)
        }
        VersionedReceiptEnum::Data(data) | VersionedReceiptEnum::PromiseResume(data) => {
            let returned = length(data.data.as_ref().map_or(0, Vec::len));
            if returned > limits.max_length_returned_data {
                return Err(ReceiptValidationError::ReturnedValueLengthExceeded {
                    length: returned,
                    limit: limits.max_length_returned_data,
                });
            }
            Ok(())
        }
        VersionedReceiptEnum::GlobalContractDistribution(_) => Ok(()),
    }
}

/// Checks a list of actions that goes to one receiver.
pub fn actions(limits: &LimitConfig, actions: &[Action], receiver_id: &AccountId) -> Result<(), Invalid> {
    let total = length(actions.len());
    if total > limits.max_actions_per_receipt {
        return Err(Invalid::TotalNumberOfActionsExceeded {
            total_number_of_actions: total,
            limit: limits.max_actions_per_receipt,
        });
    }
    let deploys = actions
        .iter()
        .filter(|action| matches!(action, Action::DeployContract(_) | Action::DeployGlobalContract(_)))
        .count();
    if length(deploys) > limits.max_deploy_actions_per_receipt {
        return Err(Invalid::TotalNumberOfDeployActionsExceeded {
            number_of_deploy_actions: length(deploys),
            limit: limits.max_deploy_actions_per_receipt,
        });
    }
    let states = state_inits(actions);
    if states.entries > limits.max_state_init_entries {
        let (number_of_entries, limit) = (states.entries, limits.max_state_init_entries);
        return Err(Invalid::TotalNumberOfStateInitEntriesExceeded { number_of_entries, limit });
    }
    if states.keys > limits.max_universal_state_init_keys {
        let (number_of_keys, limit) = (states.keys, limits.max_universal_state_init_keys);
        return Err(Invalid::TotalNumberOfStateInitKeysExceeded { number_of_keys, limit });
    }
    if actions.iter().filter(|action| action.is_delegate()).count() > 1 {
        return Err(Invalid::DelegateActionMustBeOnlyOne);
    }
    for (position, item) in actions.iter().enumerate() {
        if matches!(item, Action::DeleteAccount(_)) && position + 1 != actions.len() {
            return Err(Invalid::DeleteActionMustBeFinal);
        }
        action(limits, item, receiver_id)?;
    }
    let prepaid = fees::prepaid_gas(actions).map_err(|_| Invalid::IntegerOverflow)?;
    if prepaid > limits.max_total_prepaid_gas {
        return Err(Invalid::TotalPrepaidGasExceeded {
            total_prepaid_gas: prepaid,
            limit: limits.max_total_prepaid_gas,
        });
    }
    Ok(())
}

fn action(limits: &LimitConfig, action: &Action, receiver_id: &AccountId) -> Result<(), Invalid> {
    match action {
        Action::DeployContract(deploy) => contract_size(limits, deploy.code.len()),
        Action::DeployGlobalContract(deploy) => contract_size(limits, deploy.code.len()),
        Action::FunctionCall(call) => function_call(limits, call),
        Action::Stake(stake) if !is_valid_staking_key(&stake.public_key) => {
            Err(Invalid::UnsuitableStakingKey { public_key: Box::new(stake.public_key.clone()) })
        }
        Action::AddKey(add) => add_key(limits, add),
        Action::Delegate(_) => delegate(limits, action),
        Action::DelegateV2(_) => Err(Invalid::RemovedProtocolFeature {
            protocol_feature: "DelegateV2".to_owned(),
            version: PROTOCOL_VERSION,
        }),
        Action::DeterministicStateInit(init) => deterministic_state_init(limits, init, receiver_id),
        Action::UniversalStateInit(init) => universal_state_init(limits, init, receiver_id),
        Action::CreateAccount(_)
        | Action::Transfer(_)
        | Action::Stake(_)
        | Action::DeleteKey(_)
        | Action::DeleteAccount(_)
        | Action::UseGlobalContract(_)
        | Action::TransferToGasKey(_)
        | Action::WithdrawFromGasKey(_) => Ok(()),
    }
}

fn delegate(limits: &LimitConfig, action: &Action) -> Result<(), Invalid> {
    let Some(inner) = fees::delegate(action) else { return Ok(()) };
    let inner_actions = inner.get_actions();
    if inner_actions.iter().any(|action| matches!(action, Action::WithdrawFromGasKey(_))) {
        return Err(Invalid::WithdrawFromGasKeyNotAllowedInDelegate);
    }
    actions(limits, &inner_actions, inner.receiver_id())
}

fn contract_size(limits: &LimitConfig, size: usize) -> Result<(), Invalid> {
    let size = length(size);
    if size > limits.max_contract_size {
        return Err(Invalid::ContractSizeExceeded { size, limit: limits.max_contract_size });
    }
    Ok(())
}

fn function_call(limits: &LimitConfig, call: &FunctionCallAction) -> Result<(), Invalid> {
    if call.gas.as_gas() == 0 {
        return Err(Invalid::FunctionCallZeroAttachedGas);
    }
    let name = length(call.method_name.len());
    if name == 0 {
        return Err(Invalid::FunctionCallEmptyMethodName);
    }
    if name > limits.max_length_method_name {
        let limit = limits.max_length_method_name;
        return Err(Invalid::FunctionCallMethodNameLengthExceeded { length: name, limit });
    }
    let args = length(call.args.len());
    if args > limits.max_arguments_length {
        let limit = limits.max_arguments_length;
        return Err(Invalid::FunctionCallArgumentsLengthExceeded { length: args, limit });
    }
    Ok(())
}

fn add_key(limits: &LimitConfig, add: &AddKeyAction) -> Result<(), Invalid> {
    let permission = &add.access_key.permission;
    if let AccessKeyPermission::GasKeyFullAccess(gas_key) | AccessKeyPermission::GasKeyFunctionCall(gas_key, _) =
        permission
    {
        let limit = AccessKeyPermission::MAX_NONCES_FOR_GAS_KEY;
        if gas_key.num_nonces == 0 || gas_key.num_nonces > limit {
            return Err(Invalid::GasKeyInvalidNumNonces { requested_nonces: gas_key.num_nonces, limit });
        }
        if gas_key.balance.as_yoctonear() > 0 {
            return Err(Invalid::AddGasKeyWithNonZeroBalance { balance: gas_key.balance });
        }
        if permission.function_call_permission().is_some_and(|call| call.allowance.is_some()) {
            return Err(Invalid::GasKeyFunctionCallAllowanceNotAllowed);
        }
    }
    let Some(call) = permission.function_call_permission() else { return Ok(()) };
    if call.receiver_id.parse::<AccountId>().is_err() {
        return Err(Invalid::InvalidAccountId { account_id: call.receiver_id.clone() });
    }
    if let Some(name) = call.method_names.iter().find(|name| {
        let bytes = length(name.len());
        bytes == 0 || bytes > limits.max_length_method_name
    }) {
        return Err(Invalid::AddKeyMethodNameLengthExceeded {
            length: length(name.len()),
            limit: limits.max_length_method_name,
        });
    }
    let bytes: usize = call.method_names.iter().map(|name| name.len() + 1).sum();
    if length(bytes) > limits.max_number_bytes_method_names {
        return Err(Invalid::AddKeyMethodNamesNumberOfBytesExceeded {
            total_number_of_bytes: length(bytes),
            limit: limits.max_number_bytes_method_names,
        });
    }
    Ok(())
}

fn deterministic_state_init(
    limits: &LimitConfig,
    init: &DeterministicStateInitAction,
    receiver_id: &AccountId,
) -> Result<(), Invalid> {
    let derived_id = derive_near_deterministic_account_id(&init.state_init);
    if derived_id != *receiver_id {
        return Err(Invalid::InvalidDeterministicStateInitReceiver { receiver_id: receiver_id.clone(), derived_id });
    }
    for (key, value) in init.state_init.data() {
        let (key, value) = (length(key.len()), length(value.len()));
        if key > limits.max_length_storage_key {
            return Err(Invalid::DeterministicStateInitKeyLengthExceeded {
                length: key,
                limit: limits.max_length_storage_key,
            });
        }
        if value > limits.max_length_storage_value {
            return Err(Invalid::DeterministicStateInitValueLengthExceeded {
                length: value,
                limit: limits.max_length_storage_value,
            });
        }
    }
    Ok(())
}

fn universal_state_init(
    limits: &LimitConfig,
    init: &UniversalStateInitAction,
    receiver_id: &AccountId,
) -> Result<(), Invalid> {
    let derived_id = derive_universal_account_id(&init.state_init);
    if derived_id != *receiver_id {
        return Err(Invalid::InvalidUniversalStateInitReceiver { receiver_id: receiver_id.clone(), derived_id });
    }
    let state_init =
        UniversalStateInit::from_raw_strict(&init.state_init).map_err(|_| Invalid::MalformedUniversalStateInit)?;
    for (key, value) in state_init.data() {
        let (key, value) = (length(key.len()), length(value.len()));
        if key > limits.max_length_storage_key {
            let limit = limits.max_length_storage_key;
            return Err(Invalid::UniversalStateInitKeyLengthExceeded { length: key, limit });
        }
        if value > limits.max_length_storage_value {
            let limit = limits.max_length_storage_value;
            return Err(Invalid::UniversalStateInitValueLengthExceeded { length: value, limit });
        }
    }
    Ok(())
}

/// Storage entries and keys of all state inits of a receipt together, those inside a delegate action included.
#[derive(Default)]
struct StateInits {
    entries: u64,
    keys: u64,
}

fn state_inits(actions: &[Action]) -> StateInits {
    actions.iter().fold(StateInits::default(), |total, action| {
        let own = match action {
            Action::DeterministicStateInit(init) => {
                StateInits { entries: length(init.state_init.data().len()), keys: 0 }
            }
            Action::UniversalStateInit(init) => {
                let counts = state_init_counts(&init.state_init);
                StateInits { entries: counts.num_entries, keys: counts.num_keys }
            }
            _ => fees::delegate(action).map_or_else(StateInits::default, |inner| state_inits(&inner.get_actions())),
        };
        let entries = total.entries.saturating_add(own.entries);
        StateInits { entries, keys: total.keys.saturating_add(own.keys) }
    })
}

fn length(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use near_parameters::RuntimeConfigStore;
    use near_primitives::{
        hash::CryptoHash,
        receipt::{ActionReceipt, DataReceipt, ReceiptEnum, ReceiptV0},
        types::Balance,
    };

    use super::*;

    fn check(receipt: ReceiptEnum) -> Result<(), ReceiptValidationError> {
        let account: AccountId = "test.near".parse().unwrap();
        let (predecessor_id, receipt_id) = (account.clone(), CryptoHash::default());
        let receipt = Receipt::V0(ReceiptV0 { predecessor_id, receiver_id: account, receipt_id, receipt });
        let config = RuntimeConfigStore::new(None);
        new_receipt(&config.get_config(PROTOCOL_VERSION).wasm_config.limit_config, &receipt)
    }

    fn waits_for(results: usize) -> ReceiptEnum {
        ReceiptEnum::Action(ActionReceipt {
            signer_id: "test.near".parse().unwrap(),
            signer_public_key: near_crypto::PublicKey::empty(near_crypto::KeyType::ED25519),
            gas_price: Balance::ZERO,
            output_data_receivers: Vec::new(),
            input_data_ids: vec![CryptoHash::default(); results],
            actions: Vec::new(),
        })
    }

    fn returns(bytes: usize) -> ReceiptEnum {
        ReceiptEnum::Data(DataReceipt { data_id: CryptoHash::default(), data: Some(vec![0; bytes]) })
    }

    #[test]
    fn new_receipt__should_wait_for_a_hundred_and_twenty_eight_results_at_most() {
        assert_eq!(check(waits_for(128)), Ok(()));
        let number_of_input_data_dependencies = 129;
        assert_eq!(
            check(waits_for(129)),
            Err(ReceiptValidationError::NumberInputDataDependenciesExceeded {
                number_of_input_data_dependencies,
                limit: 128
            })
        );
    }

    #[test]
    fn new_receipt__should_carry_four_megabytes_at_most() {
        // The whole receipt has the limit that what it carries has, so that its other bytes are over it.
        assert_eq!(check(returns((4 << 20) - 1_000)), Ok(()));
        assert!(matches!(
            check(returns(4 << 20)),
            Err(ReceiptValidationError::ReceiptSizeExceeded { limit: 4_194_304, .. })
        ));
    }
}
