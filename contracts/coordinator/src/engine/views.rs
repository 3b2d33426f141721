//! Views: read only, nothing is journalled.

use piecework_interface::{
    amount::Amount,
    call::{PAGE_MAX, ResultClaim},
    config::Config,
    governance,
    ids::{AccountNo, BatchId, ClassId, LotId, NEAR, TokenId},
    merkle,
    view::{self, BatchStatus},
};

use super::{Engine, Error, Host, StorageBalance, record::Batch};

impl<H: Host> Engine<'_, H> {
    /// The root record.
    #[must_use]
    pub fn view_root(&self) -> view::Root {
        let root = &self.root;
        view::Root {
            seq: root.seq,
            head: root.head,
            next_class: root.next_class,
            next_account: root.next_account,
            next_batch: root.next_batch,
            burnt: Amount(root.burnt),
        }
    }

    /// The configuration.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_config(&mut self) -> Result<Config, Error> {
        Ok(self.config()?.clone())
    }

    /// Who governs, the configuration, and what is about to change.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_settings(&mut self) -> Result<governance::Settings, Error> {
        Ok(self.settings()?.governance.clone())
    }

    /// Classes by number.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_classes(&mut self, from: u32, limit: u32) -> Result<Vec<view::Class>, Error> {
        page(from, limit, self.root.next_class.into())
            .filter_map(|number| {
                let class = ClassId(u16::try_from(number).unwrap_or(u16::MAX));
                self.classes.peek(&*self.host, class).map(|row| row.cloned()).transpose()
            })
            .collect()
    }

    /// Listed tokens, NEAR first.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_tokens(&mut self) -> Result<Vec<view::Token>, Error> {
        (0..self.settings()?.tokens)
            .map(|number| {
                let token = TokenId(number);
                let in_flight = Amount(self.root.in_flight(token));
                let row = self.token(token)?;
                Ok(view::Token {
                    token,
                    account_id: row.account_id.clone(),
                    min_reward: row.min_reward,
                    rep_unit: row.rep_unit,
                    bond_rate: row.bond_rate,
                    pool: Amount(row.pool),
                    in_flight,
                })
            })
            .collect()
    }

    /// The number of an account.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_account_no(&self, account_id: &str) -> Result<Option<AccountNo>, Error> {
        self.find_account(account_id)
    }

    /// An account by name.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_account(&mut self, account_id: &str) -> Result<Option<view::Account>, Error> {
        match self.find_account(account_id)? {
            Some(number) => self.view_numbered_account(number),
            None => Ok(None),
        }
    }

    /// Accounts by number.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_accounts(&mut self, from: u32, limit: u32) -> Result<Vec<view::Account>, Error> {
        page(from, limit, self.root.next_account)
            .filter_map(|number| self.view_numbered_account(AccountNo(number)).transpose())
            .collect()
    }

    /// A batch.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_batch(&mut self, batch: BatchId) -> Result<Option<view::Batch>, Error> {
        let open = match self.batches.peek(&*self.host, batch)? {
            Some(Batch::Closed(closed)) => {
                return Ok(Some(view::Batch {
                    batch,
                    status: BatchStatus::Closed,
                    settled: closed.settled,
                    results_root: closed.results_root,
                    callback: closed.callback.clone(),
                    open: None,
                }));
            }
            Some(Batch::Open(open)) => open,
            None => return Ok(None),
        };
        let (facts, purse) = (&open.facts, &open.purse);
        Ok(Some(view::Batch {
            batch,
            status: if open.cancelled { BatchStatus::Cancelled } else { BatchStatus::Open },
            settled: purse.results.count,
            results_root: merkle::bag(H::SHA256, &purse.results),
            callback: facts.callback.clone(),
            open: Some(view::OpenBatch {
                requester: facts.requester,
                requester_operator: facts.requester_operator,
                token: facts.token,
                terms: facts.terms.clone(),
                fixed: facts.fixed.clone(),
                items: facts.items,
                manifest: facts.manifest,
                created_at: facts.created_at,
                appendable: facts.appendable,
                forget_on_close: facts.forget_on_close,
                referrer: facts.referrer,
                appended: facts.appended,
                progress: view::Progress {
                    window: open.window.clone(),
                    live: purse.live,
                    reserved: purse.reserved,
                    fees: Amount(purse.fees),
                    referral: Amount(purse.referral),
                    freed: Amount(purse.freed),
                    bond: Amount(purse.bond.unwrap_or_default()),
                    accepted: open.accepted,
                    adjudicator_operator: open.adjudicator_operator,
                },
                escrow: Amount(purse.escrow),
            }),
        }))
    }

    /// Batches by number, forgotten ones left out.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_batches(&mut self, from: u32, limit: u32) -> Result<Vec<view::Batch>, Error> {
        page(from, limit, self.root.next_batch)
            .filter_map(|number| self.view_batch(BatchId(number)).transpose())
            .collect()
    }

    /// A lot that has a record.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_lot(&mut self, batch: BatchId, lot: LotId) -> Result<Option<view::Lot>, Error> {
        let found = self.lots.peek(&*self.host, (batch, lot))?;
        Ok(found.map(|found| view::Lot { batch, lot, state: found.state.clone() }))
    }

    /// The lots with a record among `from..from + limit`.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_lots(&mut self, batch: BatchId, from: u32, limit: u32) -> Result<Vec<view::Lot>, Error> {
        let Some(lots) = self.peek_batch(batch)?.map(|open| open.facts.lots()) else { return Ok(Vec::new()) };
        page(from, limit, lots).filter_map(|number| self.view_lot(batch, LotId(number)).transpose()).collect()
    }

    /// Whether a lot's result is the one that the batch's root stands for: false too for a batch that does not exist.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_verify_result(&mut self, claim: &ResultClaim) -> Result<bool, Error> {
        let Some(batch) = self.view_batch(claim.batch)? else { return Ok(false) };
        let (proof, rest) = claim.proof.as_chunks::<32>();
        let accepted = u64::from_be_bytes(claim.accepted);
        let leaf = merkle::result_leaf(H::SHA256, claim.n, claim.lot, accepted, &H::SHA256(&claim.answers));
        let holds = merkle::verify(H::SHA256, &batch.results_root, batch.settled, claim.n, leaf, proof);
        Ok(holds && rest.is_empty())
    }

    /// NEP-145: an account's storage deposit.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn view_storage_balance(&mut self, account_id: &str) -> Result<Option<StorageBalance>, Error> {
        match self.find_account(account_id)? {
            Some(number) => self.account(number).map(|account| Some(StorageBalance::of(account))),
            None => Ok(None),
        }
    }

    fn view_numbered_account(&mut self, number: AccountNo) -> Result<Option<view::Account>, Error> {
        let Some(account) = self.accounts.peek(&*self.host, number)?.cloned() else { return Ok(None) };
        let mut balances = Vec::new();
        let listed = self.settings()?.tokens;
        let kept = |token: &TokenId| *token == NEAR || *token == account.first || account.others.contains(token);
        for token in (0..listed).map(TokenId).filter(kept) {
            let amount = Amount(self.balance(number, token)?);
            if amount.0 > 0 {
                balances.push(view::Balance { token, amount });
            }
        }
        Ok(Some(view::Account {
            account: number,
            storage_paid: Amount(account.paid),
            storage_used: account.used,
            in_flight: self.in_flight(number)?,
            balances,
            node: account.node,
            keys: account.keys,
            payout: account.payout,
        }))
    }
}

fn page(from: u32, limit: u32, end: u32) -> core::ops::Range<u32> {
    from..from.saturating_add(limit.min(PAGE_MAX)).min(end)
}
