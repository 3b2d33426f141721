//! What a transaction or an action costs, from near-parameters' table (nearcore `runtime/src/config.rs`).

use near_crypto::{KeyType, PublicKey};
use near_parameters::{
    ActionCosts, ExtCosts, Fee, ParameterCost, RuntimeConfig, SignatureKind, gas_key_add_key_exec_fee,
    gas_key_add_key_send_fee, gas_key_transfer_exec_fee, gas_key_transfer_send_fee, transfer_exec_fee,
    transfer_send_fee, universal_state_init_content_terms, universal_state_init_size_terms,
};
use near_primitives::{
    account::{AccessKey, AccessKeyPermission},
    action::{Action, delegate::VersionedDelegateActionRef},
    errors::IntegerOverflowError,
    transaction::Transaction,
    types::{AccountId, Balance, Gas},
    universal_state_init::state_init_counts,
};

type Result<T> = std::result::Result<T, IntegerOverflowError>;

/// The cost of turning a transaction into its receipt, and of the gas bought for what follows.
#[derive(Debug, Clone)]
pub struct TransactionCost {
    /// Gas burnt by the conversion: all send fees and signature checks.
    pub gas_burnt: Gas,
    /// Compute burnt by the conversion.
    pub compute_burnt: u64,
    /// yoctoNEAR burnt by the conversion, at the block's gas price.
    pub burnt_amount: Balance,
    /// The price the rest of the gas is bought at: the block's, but at least the protocol's minimum.
    pub receipt_gas_price: Balance,
    /// Price of all gas.
    pub gas_cost: Balance,
    /// Sum of the attached deposits.
    pub deposit_cost: Balance,
    /// Everything the signer pays.
    pub total_cost: Balance,
}

/// Which of the three parts of a fee is asked for.
#[derive(Clone, Copy)]
enum Part {
    Send { sender_is_receiver: bool },
    Exec,
}

impl Part {
    fn of(self, fee: &Fee) -> ParameterCost {
        match self {
            Self::Send { sender_is_receiver } => fee.send_fee(sender_is_receiver),
            Self::Exec => fee.exec_fee(),
        }
    }
}

/// What `tx` costs its signer at the block's gas price.
pub fn transaction_cost(config: &RuntimeConfig, tx: &Transaction, gas_price: Balance) -> Result<TransactionCost> {
    let fees = &config.fees;
    let sender_is_receiver = tx.signer_id() == tx.receiver_id();
    let burnt = fees
        .fee(ActionCosts::new_action_receipt)
        .send_fee(sender_is_receiver)
        .checked_add_result(total_send_fees(config, sender_is_receiver, tx.actions(), tx.receiver_id())?)?
        .checked_add_result(signature_cost(config, tx)?)?;

    let gas_remaining = bought_gas(config, tx.actions(), tx.receiver_id())?;
    let burnt_amount = gas_to_balance(gas_price, burnt.gas)?;
    let receipt_gas_price = gas_price.max(config.min_gas_purchase_price);
    let gas_cost = add(burnt_amount, gas_to_balance(receipt_gas_price, gas_remaining)?)?;
    let deposit_cost = total_deposit(tx.actions())?;
    Ok(TransactionCost {
        gas_burnt: burnt.gas,
        compute_burnt: burnt.compute,
        burnt_amount,
        receipt_gas_price,
        gas_cost,
        deposit_cost,
        total_cost: add(gas_cost, deposit_cost)?,
    })
}

/// Gas that is bought with a receipt, for all that follows from its actions.
pub fn bought_gas(config: &RuntimeConfig, actions: &[Action], receiver_id: &AccountId) -> Result<Gas> {
    prepaid_gas(actions)?
        .checked_add_result(prepaid_send_fees(config, actions)?.gas)?
        .checked_add_result(config.fees.fee(ActionCosts::new_action_receipt).exec_fee().gas)?
        .checked_add_result(prepaid_exec_fees(config, actions, receiver_id)?.gas)
}

/// The price of `gas`.
pub fn gas_to_balance(gas_price: Balance, gas: Gas) -> Result<Balance> {
    gas_price.checked_mul(u128::from(gas.as_gas())).ok_or(IntegerOverflowError)
}

/// `a + b`.
pub fn add(a: Balance, b: Balance) -> Result<Balance> {
    a.checked_add(b).ok_or(IntegerOverflowError)
}

/// Send fees of a list of actions.
pub fn total_send_fees(
    config: &RuntimeConfig,
    sender_is_receiver: bool,
    actions: &[Action],
    receiver_id: &AccountId,
) -> Result<ParameterCost> {
    sum(actions, |action| {
        let own = fee(config, action, receiver_id, Part::Send { sender_is_receiver })?;
        match delegate(action) {
            Some(inner) => own.checked_add_result(total_send_fees(
                config,
                sender_is_receiver,
                &inner.get_actions(),
                inner.receiver_id(),
            )?),
            None => Ok(own),
        }
    })
}

/// Send fees a delegate action pays ahead for the receipt it will create. Nothing for other actions.
fn prepaid_send_fees(config: &RuntimeConfig, actions: &[Action]) -> Result<ParameterCost> {
    sum(actions, |action| match delegate(action) {
        Some(inner) => {
            total_send_fees(config, inner.sender_id() == inner.receiver_id(), &inner.get_actions(), inner.receiver_id())
        }
        None => Ok(ParameterCost::ZERO),
    })
}

/// Gas that executing `action` burns before any contract code runs.
pub fn exec_fee(config: &RuntimeConfig, action: &Action, receiver_id: &AccountId) -> Result<ParameterCost> {
    fee(config, action, receiver_id, Part::Exec)
}

/// Execution fees bought in advance, those of a delegate action's inner receipt included.
pub fn prepaid_exec_fees(config: &RuntimeConfig, actions: &[Action], receiver_id: &AccountId) -> Result<ParameterCost> {
    sum(actions, |action| match delegate(action) {
        Some(inner) => prepaid_exec_fees(config, &inner.get_actions(), inner.receiver_id())?
            .checked_add_result(exec_fee(config, action, inner.receiver_id())?)?
            .checked_add_result(config.fees.fee(ActionCosts::new_action_receipt).exec_fee()),
        None => exec_fee(config, action, receiver_id),
    })
}

/// Gas attached to function calls.
pub fn prepaid_gas(actions: &[Action]) -> Result<Gas> {
    actions.iter().try_fold(Gas::ZERO, |total, action| {
        let gas = match delegate(action) {
            Some(inner) => prepaid_gas(&inner.get_actions())?,
            None => action.get_prepaid_gas(),
        };
        total.checked_add_result(gas)
    })
}

/// Deposits attached to the actions.
pub fn total_deposit(actions: &[Action]) -> Result<Balance> {
    actions.iter().try_fold(Balance::ZERO, |total, action| {
        let deposit = match delegate(action) {
            Some(inner) => total_deposit(&inner.get_actions())?,
            None => action.get_deposit_balance(),
        };
        add(total, deposit)
    })
}

/// The delegate action inside `action`, if it is one.
pub fn delegate(action: &Action) -> Option<VersionedDelegateActionRef<'_>> {
    match action {
        Action::Delegate(signed) => Some((&signed.delegate_action).into()),
        Action::DelegateV2(signed) => Some((&signed.delegate_action).into()),
        _ => None,
    }
}

/// Compute of removing `count` nonce lanes of gas keys, whose raw keys have `key_bytes` together. The fees of the
/// actions that remove them do not cover it, so it counts towards the chunk's limit only.
pub fn lane_removal_compute(config: &RuntimeConfig, count: usize, key_bytes: usize) -> Result<u64> {
    let ext_costs = &config.wasm_config.ext_costs;
    let terms = [
        (ExtCosts::storage_remove_base, count),
        (ExtCosts::storage_remove_key_byte, key_bytes),
        (ExtCosts::storage_remove_ret_value_byte, count.saturating_mul(AccessKey::NONCE_VALUE_LEN)),
    ];
    terms.into_iter().try_fold(0_u64, |total, (cost, units)| {
        let units = u64::try_from(units).map_err(|_| IntegerOverflowError)?;
        let term = cost.compute(ext_costs).checked_mul(units).ok_or(IntegerOverflowError)?;
        total.checked_add(term).ok_or(IntegerOverflowError)
    })
}

fn fee(config: &RuntimeConfig, action: &Action, receiver_id: &AccountId, part: Part) -> Result<ParameterCost> {
    use ActionCosts as C;
    let fees = &config.fees;
    let flat = |cost| Ok(part.of(fees.fee(cost)));
    let sized = |base, byte, bytes: usize| {
        let bytes = u64::try_from(bytes).map_err(|_| IntegerOverflowError)?;
        part.of(fees.fee(base)).checked_add_result(part.of(fees.fee(byte)).checked_mul_result(bytes)?)
    };
    let gas_key_transfer = |key: &PublicKey| match part {
        Part::Send { sender_is_receiver } => {
            gas_key_transfer_send_fee(fees, sender_is_receiver, key.trie_id_len()).total()
        }
        Part::Exec => gas_key_transfer_exec_fee(fees, receiver_id.len(), key.trie_id_len()).total(),
    };
    match action {
        Action::CreateAccount(_) => flat(C::create_account),
        Action::DeployContract(deploy) => sized(C::deploy_contract_base, C::deploy_contract_byte, deploy.code.len()),
        Action::FunctionCall(call) => {
            sized(C::function_call_base, C::function_call_byte, call.method_name.len() + call.args.len())
        }
        Action::Transfer(_) => {
            let eth = config.wasm_config.eth_implicit_accounts;
            let universal = config.wasm_config.universal_accounts;
            let receiver = receiver_id.get_account_type();
            Ok(match part {
                Part::Send { sender_is_receiver } => {
                    transfer_send_fee(fees, sender_is_receiver, eth, universal, receiver)
                }
                Part::Exec => transfer_exec_fee(fees, eth, universal, receiver),
            })
        }
        Action::Stake(_) => flat(C::stake),
        Action::AddKey(add_key) => {
            permission_fee(config, &add_key.access_key.permission, receiver_id, &add_key.public_key, part)
        }
        Action::DeleteKey(_) => flat(C::delete_key),
        Action::DeleteAccount(_) => flat(C::delete_account),
        Action::Delegate(_) | Action::DelegateV2(_) => flat(C::delegate),
        Action::DeployGlobalContract(deploy) => {
            sized(C::deploy_global_contract_base, C::deploy_global_contract_byte, deploy.code.len())
        }
        Action::UseGlobalContract(reference) => {
            sized(C::use_global_contract_base, C::use_global_contract_byte, reference.contract_identifier.len())
        }
        Action::DeterministicStateInit(init) => {
            let entries = u64::try_from(init.state_init.data().len()).map_err(|_| IntegerOverflowError)?;
            sized(C::deterministic_state_init_base, C::deterministic_state_init_byte, init.state_init.len_bytes())?
                .checked_add_result(part.of(fees.fee(C::deterministic_state_init_entry)).checked_mul_result(entries)?)
        }
        Action::TransferToGasKey(transfer) => Ok(gas_key_transfer(&transfer.public_key)),
        Action::WithdrawFromGasKey(withdraw) => Ok(gas_key_transfer(&withdraw.public_key)),
        Action::UniversalStateInit(init) => {
            let counts = state_init_counts(&init.state_init);
            universal_state_init_size_terms(counts.num_bytes)
                .into_iter()
                .chain(universal_state_init_content_terms(counts))
                .try_fold(ParameterCost::ZERO, |total, (cost, units)| {
                    total.checked_add_result(part.of(fees.fee(cost)).checked_mul_result(units)?)
                })
        }
    }
}

fn permission_fee(
    config: &RuntimeConfig,
    permission: &AccessKeyPermission,
    account_id: &AccountId,
    public_key: &PublicKey,
    part: Part,
) -> Result<ParameterCost> {
    let fees = &config.fees;
    let key_fee = match permission.function_call_permission() {
        None => part.of(fees.fee(ActionCosts::add_full_access_key)),
        Some(call) => {
            // Every method name counts with its terminating zero.
            let bytes: usize = call.method_names.iter().map(|name| name.len() + 1).sum();
            let bytes = u64::try_from(bytes).map_err(|_| IntegerOverflowError)?;
            let per_byte = part.of(fees.fee(ActionCosts::add_function_call_key_byte));
            part.of(fees.fee(ActionCosts::add_function_call_key_base))
                .checked_add_result(per_byte.checked_mul_result(bytes)?)?
        }
    };
    let (AccessKeyPermission::GasKeyFullAccess(gas_key) | AccessKeyPermission::GasKeyFunctionCall(gas_key, _)) =
        permission
    else {
        return Ok(key_fee);
    };
    let lanes = match part {
        Part::Send { sender_is_receiver } => gas_key_add_key_send_fee(fees, sender_is_receiver),
        Part::Exec => {
            let key_len = public_key.trie_id_len();
            gas_key_add_key_exec_fee(fees, account_id.len(), key_len, gas_key.num_nonces).total()
        }
    };
    key_fee.checked_add_result(lanes)
}

fn signature_cost(config: &RuntimeConfig, tx: &Transaction) -> Result<ParameterCost> {
    let cost = |key: &PublicKey| {
        let kind = match key.key_type() {
            KeyType::ED25519 => SignatureKind::Ed25519,
            KeyType::SECP256K1 => SignatureKind::Secp256k1,
            KeyType::MLDSA65 => SignatureKind::MlDsa65,
        };
        config.fees.signature_verification_costs[kind]
    };
    let inner =
        sum(tx.actions(), |action| Ok(delegate(action).map_or(ParameterCost::ZERO, |inner| cost(inner.public_key()))))?;
    cost(tx.public_key()).checked_add_result(inner)
}

fn sum(actions: &[Action], cost: impl Fn(&Action) -> Result<ParameterCost>) -> Result<ParameterCost> {
    actions.iter().try_fold(ParameterCost::ZERO, |total, action| total.checked_add_result(cost(action)?))
}
