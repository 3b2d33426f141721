//! The virtual machine's view of the chain: storage, promises and validators (nearcore `ext.rs`).

use near_crypto::PublicKey;
use near_primitives::{
    account::{AccessKey, AccessKeyPermission, FunctionCallPermission},
    action::{
        Action, AddKeyAction, CreateAccountAction, DeleteAccountAction, DeleteKeyAction, DeployContractAction,
        DeployGlobalContractAction, DeterministicStateInitAction, StakeAction, TransferAction, TransferToGasKeyAction,
        UniversalStateInitAction, UseGlobalContractAction,
    },
    deterministic_account_id::{DeterministicAccountStateInit, DeterministicAccountStateInitV1},
    hash::{CryptoHash, YieldId},
    receipt::DataReceiver,
    trie_key::TrieKey,
    types::{AccountId, Balance, BlockHeight, Gas, GasWeight, Nonce, NonceIndex},
    universal_state_init::{
        DecodeMode, RawStateInit, StateInitError, UniversalStateInit, UniversalStateInitCounts, state_init_send_counts,
    },
    utils::create_receipt_id_from_action_hash,
};
use near_vm_runner::logic::{
    External, HostError, StorageAccessTracker, VMLogicError, ValuePtr,
    errors::AnyError,
    types::{ActionIndex, GlobalContractDeployMode, GlobalContractIdentifier, ReceiptIndex},
};

use super::{Runtime, promises::Promises, yields};
use crate::state::{Found, StateError, StateUpdate, Touched, Value};

type Result<T> = std::result::Result<T, VMLogicError>;

/// What one function call can reach.
pub struct RuntimeExternal<'a> {
    /// The rules.
    pub runtime: &'a Runtime,
    /// The state.
    pub state: &'a mut StateUpdate,
    /// The account whose contract is called.
    pub account_id: &'a AccountId,
    /// The block's height.
    pub height: BlockHeight,
    /// Whether this is a view, which leaves no storage proof.
    pub is_view: bool,
    /// What its data ids are made of.
    pub action_hash: CryptoHash,
    /// Data ids that it made.
    pub data_count: u64,
    /// Receipts the call created so far.
    pub promises: Promises,
}

impl RuntimeExternal<'_> {
    fn data_key(&self, key: &[u8]) -> TrieKey {
        TrieKey::ContractData { account_id: self.account_id.clone(), key: key.to_vec() }
    }

    fn add_key(&mut self, receipt: ReceiptIndex, public_key: PublicKey, access_key: AccessKey) {
        let action = AddKeyAction { public_key, access_key };
        self.promises.append(receipt, Action::AddKey(Box::new(action)));
    }
}

/// A stored value; its bytes are charged by the virtual machine when it copies them.
struct StoredValue<'a> {
    state: &'a StateUpdate,
    found: Found,
}

impl ValuePtr for StoredValue<'_> {
    fn len(&self) -> u32 {
        u32::try_from(self.found.value.len()).unwrap_or(u32::MAX)
    }

    fn deref(&self, tracker: &mut dyn StorageAccessTracker) -> Result<Vec<u8>> {
        charge(tracker, self.state.read_found(&self.found))?;
        Ok(self.found.value.to_vec())
    }
}

impl External for RuntimeExternal<'_> {
    fn storage_set(
        &mut self,
        tracker: &mut dyn StorageAccessTracker,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let key = self.data_key(key);
        let (evicted, mut touched) = self.state.find_old(&key);
        if let Some(evicted) = &evicted {
            tracker.deref_write_evicted_value_bytes(length(&evicted.value))?;
            touched = touched.and(self.state.read_found(evicted));
        }
        charge(tracker, touched)?;
        self.state.set(key, value.to_vec());
        Ok(evicted.map(|evicted| evicted.value.to_vec()))
    }

    fn storage_get<'b>(
        &'b self,
        _: &mut dyn StorageAccessTracker,
        key: &[u8],
    ) -> Result<Option<Box<dyn ValuePtr + 'b>>> {
        let Some(found) = self.state.find(&self.data_key(key)) else { return Ok(None) };
        Ok(Some(Box::new(StoredValue { state: self.state, found })))
    }

    fn storage_remove(&mut self, tracker: &mut dyn StorageAccessTracker, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = self.data_key(key);
        let (removed, mut touched) = self.state.find_old(&key);
        if let Some(removed) = &removed {
            tracker.deref_removed_value_bytes(length(&removed.value))?;
            touched = touched.and(self.state.read_found(removed));
        }
        self.state.remove(key);
        charge(tracker, touched)?;
        Ok(removed.map(|removed| removed.value.to_vec()))
    }

    fn storage_has_key(&mut self, _: &mut dyn StorageAccessTracker, key: &[u8]) -> Result<bool> {
        Ok(self.state.find(&self.data_key(key)).is_some())
    }

    fn generate_data_id(&mut self) -> CryptoHash {
        let data_id = create_receipt_id_from_action_hash(&self.action_hash, self.height, self.data_count);
        self.data_count += 1;
        data_id
    }

    fn get_recorded_storage_size(&self) -> usize {
        let limit = self.runtime.config.wasm_config.limit_config.per_receipt_storage_proof_size_limit;
        if self.is_view { 0 } else { self.state.receipt_proof_size(limit) }
    }

    fn storage_proof_size_before_receipt(&self) -> usize {
        // The recorded size is counted from the receipt's start.
        0
    }

    fn validator_stake(&self, account_id: &AccountId) -> Result<Option<Balance>> {
        Ok(self.runtime.validators.stake(account_id))
    }

    fn validator_total_stake(&self) -> Result<Balance> {
        Ok(self.runtime.validators.total_stake())
    }

    fn chain_id(&self) -> String {
        self.runtime.chain_id.clone()
    }

    fn create_action_receipt(
        &mut self,
        receipt_indices: Vec<ReceiptIndex>,
        receiver_id: AccountId,
    ) -> Result<ReceiptIndex> {
        let mut input_data_ids = Vec::with_capacity(receipt_indices.len());
        for index in receipt_indices {
            let data_id = self.generate_data_id();
            let awaited = DataReceiver { data_id, receiver_id: receiver_id.clone() };
            self.promises.receipt(index)?.output_data_receivers.push(awaited);
            input_data_ids.push(data_id);
        }
        Ok(self.promises.push(receiver_id, input_data_ids, false))
    }

    fn create_promise_yield_receipt(&mut self, receiver_id: AccountId) -> Result<(ReceiptIndex, CryptoHash)> {
        let data_id = self.generate_data_id();
        yields::set_waiting(self.state, &receiver_id, data_id).map_err(external)?;
        Ok((self.promises.push(receiver_id, vec![data_id], true), data_id))
    }

    fn create_promise_yield_receipt_with_id(
        &mut self,
        receiver_id: AccountId,
        yield_id: YieldId,
    ) -> Result<Option<(ReceiptIndex, CryptoHash)>> {
        if yields::data_id(self.state, &receiver_id, yield_id).map_err(external)?.is_some() {
            return Ok(None);
        }
        let (index, data_id) = self.create_promise_yield_receipt(receiver_id.clone())?;
        yields::set_id(self.state, &receiver_id, yield_id, data_id).map_err(external)?;
        Ok(Some((index, data_id)))
    }

    fn submit_promise_resume_data(&mut self, data_id: CryptoHash, data: Vec<u8>) -> Result<bool> {
        let waiting = yields::is_waiting(self.state, self.account_id, data_id);
        if waiting {
            yields::set_resumed(self.state, self.account_id, data_id).map_err(external)?;
            self.promises.resumes.push((data_id, data));
        }
        Ok(waiting)
    }

    fn submit_promise_resume_data_with_yield_id(&mut self, yield_id: YieldId, data: Vec<u8>) -> Result<bool> {
        match yields::data_id(self.state, self.account_id, yield_id).map_err(external)? {
            Some(data_id) => self.submit_promise_resume_data(data_id, data),
            None => Ok(false),
        }
    }

    fn append_action_create_account(&mut self, receipt: ReceiptIndex) {
        self.promises.append(receipt, Action::CreateAccount(CreateAccountAction {}));
    }

    fn append_action_deploy_contract(&mut self, receipt: ReceiptIndex, code: Vec<u8>) {
        self.promises.append(receipt, Action::DeployContract(DeployContractAction { code }));
    }

    fn append_action_deploy_global_contract(
        &mut self,
        receipt: ReceiptIndex,
        code: Vec<u8>,
        mode: GlobalContractDeployMode,
    ) {
        let deploy_mode = match mode {
            GlobalContractDeployMode::CodeHash => near_primitives::action::GlobalContractDeployMode::CodeHash,
            GlobalContractDeployMode::AccountId => near_primitives::action::GlobalContractDeployMode::AccountId,
        };
        let action = DeployGlobalContractAction { code: code.into(), deploy_mode };
        self.promises.append(receipt, Action::DeployGlobalContract(action));
    }

    fn append_action_use_global_contract(&mut self, receipt: ReceiptIndex, contract_id: GlobalContractIdentifier) {
        let action = UseGlobalContractAction { contract_identifier: contract_id.into() };
        self.promises.append(receipt, Action::UseGlobalContract(Box::new(action)));
    }

    fn append_action_deterministic_state_init(
        &mut self,
        receipt: ReceiptIndex,
        contract_id: GlobalContractIdentifier,
        amount: Balance,
    ) -> ActionIndex {
        let state_init = DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 {
            code: contract_id.into(),
            data: Default::default(),
        });
        let action = DeterministicStateInitAction { state_init, deposit: amount };
        let index = self.promises.append(receipt, Action::DeterministicStateInit(Box::new(action)));
        u64::try_from(index).unwrap_or(u64::MAX)
    }

    fn set_deterministic_state_init_data_entry(
        &mut self,
        receipt: ReceiptIndex,
        action_index: ActionIndex,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<()> {
        let invalid = HostError::InvalidActionIndex { receipt_index: receipt, action_index };
        let position = usize::try_from(action_index).map_err(|_| invalid.clone())?;
        match self.promises.receipt(receipt)?.actions.get_mut(position) {
            Some(Action::DeterministicStateInit(action)) => match action.state_init.data_mut().insert(key, value) {
                None => Ok(()),
                Some(_) => Err(HostError::DataEntryAlreadyExists.into()),
            },
            _ => Err(invalid.into()),
        }
    }

    fn check_state_init(&self, state_init: &RawStateInit) -> std::result::Result<(), StateInitError> {
        UniversalStateInit::from_raw_strict(state_init).map(|_| ())
    }

    fn state_init_send_counts(&self, state_init: &RawStateInit, mode: DecodeMode) -> UniversalStateInitCounts {
        state_init_send_counts(state_init, mode)
    }

    fn append_action_universal_state_init(&mut self, receipt: ReceiptIndex, state_init: RawStateInit, amount: Balance) {
        let action = UniversalStateInitAction { state_init, deposit: amount };
        self.promises.append(receipt, Action::UniversalStateInit(Box::new(action)));
    }

    fn append_action_function_call_weight(
        &mut self,
        receipt: ReceiptIndex,
        method_name: Vec<u8>,
        args: Vec<u8>,
        attached_deposit: Balance,
        prepaid_gas: Gas,
        gas_weight: GasWeight,
    ) -> Result<()> {
        self.promises.append_call(receipt, method_name, args, attached_deposit, prepaid_gas, gas_weight)
    }

    fn append_action_transfer(&mut self, receipt: ReceiptIndex, deposit: Balance) {
        self.promises.append(receipt, Action::Transfer(TransferAction { deposit }));
    }

    fn append_action_transfer_to_gas_key(&mut self, receipt: ReceiptIndex, public_key: PublicKey, deposit: Balance) {
        let action = TransferToGasKeyAction { public_key, deposit };
        self.promises.append(receipt, Action::TransferToGasKey(Box::new(action)));
    }

    fn append_action_add_gas_key_with_full_access(
        &mut self,
        receipt: ReceiptIndex,
        public_key: PublicKey,
        num_nonces: NonceIndex,
    ) {
        self.add_key(receipt, public_key, AccessKey::gas_key_full_access(num_nonces));
    }

    fn append_action_add_gas_key_with_function_call(
        &mut self,
        receipt: ReceiptIndex,
        public_key: PublicKey,
        num_nonces: NonceIndex,
        allowance: Option<Balance>,
        receiver_id: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> Result<()> {
        let permission = function_call_permission(allowance, receiver_id, method_names)?;
        self.add_key(receipt, public_key, AccessKey::gas_key_function_call(num_nonces, permission));
        Ok(())
    }

    fn append_action_stake(&mut self, receipt: ReceiptIndex, stake: Balance, public_key: PublicKey) {
        self.promises.append(receipt, Action::Stake(Box::new(StakeAction { stake, public_key })));
    }

    fn append_action_add_key_with_full_access(&mut self, receipt: ReceiptIndex, public_key: PublicKey, nonce: Nonce) {
        let access_key = AccessKey { nonce, permission: AccessKeyPermission::FullAccess };
        self.add_key(receipt, public_key, access_key);
    }

    fn append_action_add_key_with_function_call(
        &mut self,
        receipt: ReceiptIndex,
        public_key: PublicKey,
        nonce: Nonce,
        allowance: Option<Balance>,
        receiver_id: AccountId,
        method_names: Vec<Vec<u8>>,
    ) -> Result<()> {
        let permission = function_call_permission(allowance, receiver_id, method_names)?;
        let permission = AccessKeyPermission::FunctionCall(permission);
        self.add_key(receipt, public_key, AccessKey { nonce, permission });
        Ok(())
    }

    fn append_action_delete_key(&mut self, receipt: ReceiptIndex, public_key: PublicKey) {
        self.promises.append(receipt, Action::DeleteKey(Box::new(DeleteKeyAction { public_key })));
    }

    fn append_action_delete_account(&mut self, receipt: ReceiptIndex, beneficiary_id: AccountId) {
        self.promises.append(receipt, Action::DeleteAccount(DeleteAccountAction { beneficiary_id }));
    }

    fn get_receipt_receiver(&self, receipt: ReceiptIndex) -> &AccountId {
        usize::try_from(receipt)
            .ok()
            .and_then(|index| self.promises.receipts.get(index))
            .map_or(self.account_id, |receipt| &receipt.receiver_id)
    }

    fn set_refund_to(&mut self, receipt: ReceiptIndex, refund_to: AccountId) {
        if let Ok(receipt) = self.promises.receipt(receipt) {
            receipt.refund_to = Some(refund_to);
        }
    }

    fn post_quantum_keys_enabled(&self) -> bool {
        true
    }
}

fn function_call_permission(
    allowance: Option<Balance>,
    receiver_id: AccountId,
    method_names: Vec<Vec<u8>>,
) -> Result<FunctionCallPermission> {
    let method_names = method_names
        .into_iter()
        .map(|name| String::from_utf8(name).map_err(|_| HostError::InvalidMethodName))
        .collect::<std::result::Result<_, _>>()?;
    Ok(FunctionCallPermission { allowance, receiver_id: receiver_id.into(), method_names })
}

fn charge(tracker: &mut dyn StorageAccessTracker, touched: Touched) -> Result<()> {
    tracker.trie_node_touched(touched.fresh)?;
    tracker.cached_trie_node_access(touched.cached)
}

fn length(value: &Value) -> u64 {
    u64::try_from(value.len()).unwrap_or(u64::MAX)
}

fn external(error: StateError) -> VMLogicError {
    VMLogicError::ExternalError(AnyError::new(error.to_string()))
}
