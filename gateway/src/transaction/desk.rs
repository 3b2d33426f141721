//! Where a transaction is made: what the mirror knows of the market and the signer at one block.

use std::sync::Arc;

use axum::Json;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use piecework_api::{Account, Batch, FunctionCall, Token, UnsignedTransaction};
use piecework_client::Call;
use piecework_interface::{
    amount::Amount,
    governance::{Feature, Settings},
    ids::{BatchId, NEAR, TokenId},
    storage,
    view::Root,
};
use piecework_store::{
    Snapshot, account::account_get, batch::batch_get, cursor::Cursor, settings::settings_load, token::token_list,
};

use super::{asked, impossible};
use crate::{app::App, problem::Problem};

/// The market and the signer.
pub struct Desk {
    /// The mirror at one block.
    pub db: Snapshot,
    /// The contract's account id.
    pub contract_id: String,
    /// Its root record.
    pub root: Root,
    /// Who governs, what is paused and the configuration.
    pub settings: Settings,
    /// Time of the newest block in the mirror, Unix seconds.
    pub now_s: u32,
    /// Account that is to sign.
    pub signer_id: String,
    /// Its account, if it is registered.
    pub signer: Option<Account>,
    tokens: Vec<Token>,
    warnings: Vec<String>,
}

impl Desk {
    /// Reads what every transaction needs.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(app: &App, head: &Arc<Cursor>, signer_id: String) -> Result<Self, Problem> {
        let mut db = app.reader.snapshot().await?;
        Ok(Self {
            contract_id: head.stream.clone(),
            root: head.root.clone(),
            settings: settings_load(&mut db).await?,
            now_s: u32::try_from(head.timestamp_ns / 1_000_000_000).unwrap_or(u32::MAX),
            signer: account_get(&mut db, &signer_id).await?,
            tokens: token_list(&mut db, None, u32::MAX).await?,
            signer_id,
            db,
            warnings: Vec::new(),
        })
    }

    /// A listed token.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn token(&self, token: TokenId) -> Result<&Token, Problem> {
        self.tokens.iter().find(|listed| listed.row.token == token).ok_or_else(|| Problem::not_found("token", token))
    }

    /// A listed token that rewards are paid in: every one but NEAR.
    ///
    /// # Errors
    /// It is not listed, or is NEAR.
    pub fn reward_token(&self, token: TokenId) -> Result<&Token, Problem> {
        if token == NEAR {
            return Err(impossible("token 0 is NEAR, which is no reward token: see /v1/tokens"));
        }
        self.token(token)
    }

    /// An amount of a token in words.
    ///
    /// # Errors
    /// The token is not listed.
    pub fn amount(&self, token: TokenId, amount: u128) -> Result<String, Problem> {
        Ok(self.token(token)?.amount(Amount(amount)))
    }

    /// A batch that the signer requested.
    ///
    /// # Errors
    /// There is none of this number, or it is another account's.
    pub async fn own_batch(&mut self, batch: BatchId) -> Result<Batch, Problem> {
        let found = self.batch(batch).await?;
        if found.requester_id != self.signer_id {
            return Err(impossible(format!("batch {batch} is {}'s, not {}'s", found.requester_id, self.signer_id)));
        }
        Ok(found)
    }

    /// A batch.
    ///
    /// # Errors
    /// There is none of this number.
    pub async fn batch(&mut self, batch: BatchId) -> Result<Batch, Problem> {
        batch_get(&mut self.db, batch).await?.ok_or_else(|| Problem::not_found("batch", batch))
    }

    /// Checks that a field is an account id.
    ///
    /// # Errors
    /// It is none.
    pub fn account_id(field: &str, text: &str) -> Result<(), Problem> {
        asked::account_id(field, text)
    }

    /// Checks that no pause stops it.
    ///
    /// # Errors
    /// One does.
    pub fn runs(&self, feature: Feature, what: &str) -> Result<(), Problem> {
        if feature.is_in(self.settings.paused) {
            return Err(impossible(format!("{what} are paused")));
        }
        Ok(())
    }

    /// The signer's balance in a token.
    #[must_use]
    pub fn balance(&self, token: TokenId) -> u128 {
        let balances = self.signer.iter().flat_map(|signer| &signer.balances);
        balances.filter(|balance| balance.token == token).map(|balance| balance.amount.0).sum()
    }

    /// Warns if the signer's balance is smaller than what the transaction takes out of it.
    ///
    /// # Errors
    /// The token is not listed.
    pub fn takes(&mut self, token: TokenId, amount: u128) -> Result<(), Problem> {
        let balance = self.balance(token);
        if let Some(missing) = amount.checked_sub(balance).filter(|missing| *missing > 0) {
            let (has, missing) = (self.amount(token, balance)?, self.amount(token, missing)?);
            self.warn(format!("the balance of {} is {has}: deposit {missing} more before", self.signer_id));
        }
        Ok(())
    }

    /// Warns if the signer is not registered, or its storage deposit has no room for so many bytes.
    pub fn stores(&mut self, bytes: u32) {
        let Some(signer) = &self.signer else {
            let warning = format!("{} is not registered: it makes a storage deposit before", self.signer_id);
            return self.warn(warning);
        };
        let needed = storage::cost(signer.storage_used.saturating_add(bytes));
        if let Some(missing) = needed.checked_sub(signer.storage_paid.0).filter(|missing| *missing > 0) {
            let missing = near(missing);
            self.warn(format!("the storage deposit of {} lacks {missing}", self.signer_id));
        }
    }

    /// Says why the transaction would fail as things are.
    pub fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// The transaction that makes this call of the coordinator.
    ///
    /// # Errors
    /// The call's arguments are no JSON.
    pub fn done(self, call: Call, description: String) -> Result<Json<UnsignedTransaction>, Problem> {
        let receiver_id = self.contract_id.clone();
        self.done_at(receiver_id, call, description)
    }

    /// The transaction that makes this call of a contract.
    ///
    /// # Errors
    /// The call's arguments are no JSON.
    pub fn done_at(
        self,
        receiver_id: String,
        call: Call,
        description: String,
    ) -> Result<Json<UnsignedTransaction>, Problem> {
        let action = FunctionCall {
            method_name: call.method.to_owned(),
            args: serde_json::from_slice(&call.args).map_err(|error| Problem::internal(&error))?,
            args_base64: BASE64_STANDARD.encode(&call.args),
            gas: call.gas.to_string(),
            deposit: Amount(call.deposit),
        };
        Ok(Json(UnsignedTransaction { receiver_id, actions: vec![action], description, warnings: self.warnings }))
    }
}

/// yoctoNEAR in words.
#[must_use]
pub fn near(yoctonear: u128) -> String {
    format!("{} NEAR", piecework_api::amount::format_units(yoctonear, 24))
}
