//! A chain in memory for tests: the coordinator's engine over its storage, a token ledger, time, and a mirror that replays
//! every line.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    missing_docs,
    reason = "what goes wrong here fails the test"
)]

use std::collections::BTreeMap;

use ed25519_dalek::Verifier;
use piecework_interface::{
    Sha256,
    amount::Amount,
    call::{ClassRegisterArgs, DepositMessage, TokenListArgs, WithdrawArgs},
    config::Config,
    event::{Entry, Line},
    host::sha256,
    ids::{AccountNo, ClassId, TokenId},
    intent::SignedIntent,
    op::{Op, Target},
};
use piecework_replay::{Context, Mirror};

use crate::engine::{Engine, Error, Host, Transfer};

pub const CONTRACT: &str = "market.near";
pub const OWNER: &str = "owner.near";
pub const NEAR: u128 = 10_u128.pow(24);

/// Everything that exists.
#[derive(Clone, Debug)]
pub struct Chain {
    pub storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub now_ns: u64,
    pub height: u64,
    /// The coordinator's NEAR that its records must explain, and what arrived without a record: attached yoctos.
    pub near: u128,
    pub donated: u128,
    /// Token contract, account → balance.
    pub ledger: BTreeMap<(String, String), u128>,
    /// Transfers whose answer is out.
    pub transfers: Vec<Transfer>,
    pub mirror: Mirror,
    pub lines: Vec<Line>,
    /// The receipts that wrote them, one each.
    pub receipts: Vec<Receipt>,
    calls: u64,
}

/// A receipt that wrote a line.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub now_s: u32,
    pub height: u64,
    pub predecessor: String,
    /// The method, and the ops of a `work` call.
    pub method: String,
    pub ops: Vec<Op>,
    /// The line as logged.
    pub text: String,
}

/// One call's view of the chain; its writes count only if the call succeeds.
#[derive(Debug)]
pub struct Memory<'a> {
    chain: &'a Chain,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    predecessor: String,
    deposit: u128,
    gas: u64,
    logs: Vec<String>,
}

impl Host for Memory<'_> {
    const SHA256: Sha256 = sha256;

    fn ed25519_verify(&self, signature: &[u8; 64], message: &[u8], public_key: &[u8; 32]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        ed25519_dalek::VerifyingKey::from_bytes(public_key).is_ok_and(|key| key.verify(message, &signature).is_ok())
    }

    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.writes.get(key) {
            Some(value) => value.clone(),
            None => self.chain.storage.get(key).cloned(),
        }
    }

    fn write(&mut self, key: &[u8], value: &[u8]) {
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
    }

    fn remove(&mut self, key: &[u8]) {
        self.writes.insert(key.to_vec(), None);
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.read(key);
        self.remove(key);
        value
    }

    fn now_ns(&self) -> u64 {
        self.chain.now_ns
    }

    fn height(&self) -> u64 {
        self.chain.height
    }

    fn predecessor(&self) -> String {
        self.predecessor.clone()
    }

    fn current_account(&self) -> String {
        CONTRACT.to_owned()
    }

    fn deposit(&self) -> u128 {
        self.deposit
    }

    fn random_seed(&self) -> Vec<u8> {
        sha256(&self.chain.calls.to_le_bytes()).to_vec()
    }

    fn gas_left(&self) -> u64 {
        self.gas
    }

    fn log(&mut self, line: &str) {
        self.logs.push(line.to_owned());
    }
}

/// Who calls, and what is attached.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub who: &'a str,
    pub deposit: u128,
    pub gas: u64,
    pub ops: &'a [Op],
}

impl<'a> Call<'a> {
    pub const fn by(who: &'a str) -> Self {
        Self { who, deposit: 0, gas: u64::MAX, ops: &[] }
    }

    #[must_use]
    pub const fn with(self, deposit: u128) -> Self {
        Self { deposit, ..self }
    }
}

impl Chain {
    /// A chain with an initialised coordinator.
    pub fn new(config: Config) -> Self {
        let mut chain = Self {
            storage: BTreeMap::new(),
            now_ns: 1_700_000_000_000_000_000,
            height: 1_000,
            near: 0,
            donated: 0,
            ledger: BTreeMap::new(),
            transfers: Vec::new(),
            mirror: Mirror::default(),
            lines: Vec::new(),
            receipts: Vec::new(),
            calls: 0,
        };
        chain.init(OWNER, config).expect("init");
        chain
    }

    /// `new`, by whoever will be the owner.
    pub fn init(&mut self, owner: &str, config: Config) -> Result<(), Error> {
        self.run(Call::by(owner), |host| Engine::init(host, owner.to_owned(), config))
    }

    pub fn now(&self) -> u32 {
        u32::try_from(self.now_ns / 1_000_000_000).expect("time")
    }

    /// Lets time pass, a block a second.
    pub fn pass(&mut self, seconds: u32) {
        self.now_ns += u64::from(seconds) * 1_000_000_000;
        self.height += u64::from(seconds.max(1));
    }

    /// Calls a method; its writes and its line count only if it succeeds.
    pub fn call<T>(
        &mut self,
        call: Call<'_>,
        run: impl FnOnce(Engine<'_, Memory<'_>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.run(call, |host| Engine::start(host).and_then(run))
    }

    fn run<T>(&mut self, call: Call<'_>, run: impl FnOnce(&mut Memory<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.calls += 1;
        let mut host = Memory {
            chain: self,
            writes: BTreeMap::new(),
            predecessor: call.who.to_owned(),
            deposit: call.deposit,
            gas: call.gas,
            logs: Vec::new(),
        };
        let result = run(&mut host);
        let Memory { writes, logs, .. } = host;
        if let Err(error) = &result {
            assert!(!matches!(error, Error::Internal(_)), "internal error: {error}");
            return result;
        }
        for (key, value) in writes {
            match value {
                Some(value) => self.storage.insert(key, value),
                None => self.storage.remove(&key),
            };
        }
        self.near += call.deposit;
        if call.deposit == 1 {
            self.donated += 1;
        }
        assert!(logs.len() <= 1, "one line per call");
        for text in logs {
            assert!(text.len() <= 16_384, "the line has {} bytes", text.len());
            let line = Line::parse(&text).expect("readable").expect("ours");
            assert_eq!(line.render(), text, "a line reads back as it was written");
            let now_s = self.now();
            let height = u32::try_from(self.height).expect("height");
            let context = Context { contract: CONTRACT, now_s, height, text: &text, ops: call.ops };
            self.mirror.apply(&line, &context).unwrap_or_else(|error| panic!("replay: {error}: {text}"));
            let (method, ops, predecessor) = (line.event.clone(), call.ops.to_vec(), call.who.to_owned());
            self.lines.push(line);
            self.receipts.push(Receipt { now_s, height: self.height, predecessor, method, ops, text });
        }
        result
    }

    /// A view.
    pub fn view<T>(&self, look: impl FnOnce(Engine<'_, Memory<'_>>) -> T) -> T {
        let mut host = Memory {
            chain: self,
            writes: BTreeMap::new(),
            predecessor: String::new(),
            deposit: 0,
            gas: u64::MAX,
            logs: Vec::new(),
        };
        look(Engine::start(&mut host).expect("initialised"))
    }

    /// Registers a class for an account.
    pub fn register_class(&mut self, owner: &str, name: &str, gated: bool) -> Result<ClassId, Error> {
        let args = ClassRegisterArgs { name: name.to_owned(), gated, ..ClassRegisterArgs::default() };
        let deposit = self.view(|mut engine| engine.view_config())?.class_deposit.0;
        self.call(Call::by(owner).with(deposit), |engine| engine.class_register(args))
    }

    pub fn list_token(&mut self, account_id: &str) -> TokenId {
        self.list_token_with(account_id, 1 << 40)
    }

    /// Lists a token with so many yoctoNEAR of bond per 2^32 units.
    pub fn list_token_with(&mut self, account_id: &str, bond_rate: u128) -> TokenId {
        let args = TokenListArgs {
            account_id: account_id.to_owned(),
            min_reward: Amount(1),
            rep_unit: Amount(1),
            bond_rate: Amount(bond_rate),
        };
        self.call(Call::by(OWNER).with(1), |engine| engine.token_list(args)).expect("listed")
    }

    pub fn storage_deposit(&mut self, who: &str, deposit: u128) -> Result<(), Error> {
        let payout = self.call(Call::by(who).with(deposit), |engine| engine.storage_deposit(None, false))?.1;
        if let Some(payout) = payout {
            self.near -= payout.amount;
        }
        Ok(())
    }

    pub fn storage_withdraw(&mut self, who: &str, amount: Option<u128>) -> Result<(), Error> {
        let call = Call::by(who).with(1);
        let payout = self.call(call, |engine| engine.storage_withdraw(amount.map(Amount)))?.1;
        self.near -= payout.map_or(0, |payout| payout.amount);
        Ok(())
    }

    pub fn storage_unregister(&mut self, who: &str) -> Result<bool, Error> {
        let payout = self.call(Call::by(who).with(1), |engine| engine.storage_unregister())?;
        self.near -= payout.as_ref().map_or(0, |payout| payout.amount);
        Ok(payout.is_some())
    }

    /// `ft_transfer_call` of freshly made tokens: kept if the coordinator accepts, refunded otherwise.
    pub fn transfer_call(
        &mut self,
        token: &str,
        sender: &str,
        amount: u128,
        message: DepositMessage,
    ) -> Result<(), Error> {
        self.transfer_call_for(token, sender, amount, (message, None))
    }

    /// The same for another account.
    pub fn transfer_call_for(
        &mut self,
        token: &str,
        sender: &str,
        amount: u128,
        (message, receiver): (DepositMessage, Option<&str>),
    ) -> Result<(), Error> {
        let (sender, receiver) = (sender.to_owned(), receiver.map(str::to_owned));
        self.call(Call::by(token), |engine| engine.ft_on_transfer(sender, amount, message, receiver))?;
        *self.ledger.entry((token.to_owned(), CONTRACT.to_owned())).or_default() += amount;
        Ok(())
    }

    pub fn withdraw(&mut self, who: &str, token: TokenId, amount: Option<u128>) -> Result<(), Error> {
        let args = WithdrawArgs { token, amount: amount.map(Amount) };
        let transfer = self.call(Call::by(who).with(1), |engine| engine.withdraw(args))?;
        self.transfers.push(transfer);
        Ok(())
    }

    /// `withdraw_payout`, as a machine's key calls it: nothing is attached.
    pub fn withdraw_payout(&mut self, who: &str, token: TokenId, amount: Option<u128>) -> Result<(), Error> {
        let args = WithdrawArgs { token, amount: amount.map(Amount) };
        let transfer = self.call(Call::by(who), |engine| engine.withdraw_payout(args))?;
        self.transfers.push(transfer);
        Ok(())
    }

    /// `intents_execute` by a relayer; returns the line's entries.
    pub fn execute(&mut self, intents: &[SignedIntent]) -> Result<Vec<Entry>, Error> {
        self.execute_with_gas(u64::MAX, intents)
    }

    pub fn execute_with_gas(&mut self, gas: u64, intents: &[SignedIntent]) -> Result<Vec<Entry>, Error> {
        let call = Call { gas, ..Call::by("relayer.near") };
        let transfers = self.call(call, |engine| engine.intents_execute(intents))?;
        self.transfers.extend(transfers);
        Ok(self.last())
    }

    /// Answers the oldest transfer that is out.
    pub fn answer(&mut self, ok: bool) {
        if self.transfers.is_empty() {
            return;
        }
        let Transfer { account, account_id, token, token_account_id, amount } = self.transfers.remove(0);
        if ok {
            match token_account_id {
                None => self.near -= amount,
                Some(contract) => {
                    *self.ledger.get_mut(&(contract.clone(), CONTRACT.to_owned())).expect("held") -= amount;
                    *self.ledger.entry((contract, account_id)).or_default() += amount;
                }
            }
        }
        self.call(Call::by(CONTRACT), |engine| engine.on_withdrawn(account, token, amount, ok)).expect("callback");
    }

    /// `work`; returns the line's entries.
    pub fn work(&mut self, who: &str, ops: Vec<Op>) -> Result<Vec<Entry>, Error> {
        self.work_with_gas(who, u64::MAX, ops)
    }

    pub fn work_with_gas(&mut self, who: &str, gas: u64, ops: Vec<Op>) -> Result<Vec<Entry>, Error> {
        let call = Call { gas, ops: &ops.clone(), ..Call::by(who) };
        self.call(call, |engine| engine.work(ops))?;
        Ok(self.last())
    }

    /// `poke`; returns the line's entries.
    pub fn poke(&mut self, targets: &[Target]) -> Result<Vec<Entry>, Error> {
        self.call(Call::by("keeper.near"), |engine| engine.poke(targets))?;
        Ok(self.last())
    }

    pub fn number(&self, account_id: &str) -> AccountNo {
        self.view(|engine| engine.view_account_no(account_id)).expect("view").expect("registered")
    }

    /// Undoes everything since `before`, as a transaction does that fails; calls were made all the same.
    pub fn revert(&mut self, before: Self) {
        let calls = self.calls;
        *self = Self { calls, ..before };
    }

    fn last(&self) -> Vec<Entry> {
        self.lines.last().map(|line| line.log.clone()).unwrap_or_default()
    }
}
