//! Meta transactions (NEP-366): actions signed by the receiver and paid for by a relayer.

use near_parameters::ActionCosts;
use near_primitives::{
    account::AccessKey,
    action::delegate::{DelegateAction, SignedDelegateAction},
    errors::{ActionErrorKind, InvalidAccessKeyError},
    hash::CryptoHash,
    receipt::{ActionReceipt, Receipt, ReceiptEnum, ReceiptV0},
    types::{BlockHeight, Gas},
};

use super::ActionOutcome;
use crate::runtime::{
    RuntimeError,
    apply::ActionContext,
    fees,
    verify::{check_function_call_only, nonce_upper_bound},
};

impl ActionContext<'_> {
    pub(in crate::runtime) fn delegate(&mut self, signed: &SignedDelegateAction) -> ActionOutcome {
        let delegate = &signed.delegate_action;
        if !signed.verify() {
            return Err(ActionErrorKind::DelegateActionInvalidSignature.into());
        }
        if self.block.height > delegate.max_block_height {
            return Err(ActionErrorKind::DelegateActionExpired.into());
        }
        if delegate.sender_id != *self.account_id() {
            let (sender_id, receiver_id) = (delegate.sender_id.clone(), self.account_id().clone());
            return Err(ActionErrorKind::DelegateActionSenderDoesNotMatchTxReceiver { sender_id, receiver_id }.into());
        }
        let access_key = self.state.access_key(&delegate.sender_id, &delegate.public_key)?;
        let mut access_key = check_key(access_key, delegate, self.block.height)?;
        access_key.nonce = delegate.nonce;
        self.state.set_access_key(&delegate.sender_id, &delegate.public_key, &access_key)?;
        self.send_inner(delegate)?;
        Ok(())
    }

    /// Sends the inner actions as a receipt of the sender. The relayer stays the signer and pays for the gas.
    fn send_inner(&mut self, delegate: &DelegateAction) -> Result<(), RuntimeError> {
        let config = &self.runtime.config;
        let actions = delegate.get_actions();
        let sender_is_receiver = delegate.sender_id == delegate.receiver_id;
        let send = fees::total_send_fees(config, sender_is_receiver, &actions, &delegate.receiver_id)?;
        let receipt_fee = config.fees.fee(ActionCosts::new_action_receipt);
        // The receipt's own send fee is not prepaid by the relayer's transaction, so nearcore burns only
        // the actions' send fees here.
        self.result.burn(send)?;
        let forwarded: Gas = fees::prepaid_gas(&actions)?
            .checked_add_result(fees::prepaid_exec_fees(config, &actions, &delegate.receiver_id)?.gas)?
            .checked_add_result(receipt_fee.exec_fee().gas)?;
        self.result.gas_used = self.result.gas_used.checked_add_result(forwarded)?;
        self.result.new_receipts.push(Receipt::V0(ReceiptV0 {
            predecessor_id: delegate.sender_id.clone(),
            receiver_id: delegate.receiver_id.clone(),
            receipt_id: CryptoHash::default(),
            receipt: ReceiptEnum::Action(ActionReceipt {
                signer_id: self.action_receipt.signer_id().clone(),
                signer_public_key: self.action_receipt.signer_public_key().clone(),
                gas_price: self.action_receipt.gas_price(),
                output_data_receivers: Vec::new(),
                input_data_ids: Vec::new(),
                actions,
            }),
        }));
        Ok(())
    }
}

fn check_key(
    access_key: Option<AccessKey>,
    delegate: &DelegateAction,
    height: BlockHeight,
) -> Result<AccessKey, ActionErrorKind> {
    let key_error = ActionErrorKind::DelegateActionAccessKeyError;
    let access_key = access_key.ok_or_else(|| {
        key_error(InvalidAccessKeyError::AccessKeyNotFound {
            account_id: delegate.sender_id.clone(),
            public_key: Box::new(delegate.public_key.clone()),
        })
    })?;
    if access_key.gas_key_info().is_some() {
        return Err(key_error(InvalidAccessKeyError::DelegateActionRequiresNonGasKey));
    }
    let delegate_nonce = delegate.nonce;
    if delegate_nonce <= access_key.nonce {
        let ak_nonce = access_key.nonce;
        return Err(ActionErrorKind::DelegateActionInvalidNonce { delegate_nonce, ak_nonce });
    }
    let upper_bound = nonce_upper_bound(height);
    if delegate_nonce >= upper_bound {
        return Err(ActionErrorKind::DelegateActionNonceTooLarge { delegate_nonce, upper_bound });
    }
    if let Some(permission) = access_key.permission.function_call_permission() {
        check_function_call_only(&delegate.get_actions(), &delegate.receiver_id, permission).map_err(key_error)?;
    }
    Ok(access_key)
}
