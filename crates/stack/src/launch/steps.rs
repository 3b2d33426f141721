//! The steps of a launch, in order: what each does and costs, and whether it stands.
//!
//! A market is set up while its configuration names no chain: nothing waits then, no intent holds, and the signing account owns
//! it. The step `configuration` ends that. From then on the steps are only compared: what differs is the owner's to propose.

use piecework_chain::{AccountId, PublicKey, TxRequest, requests};
use piecework_client::{Call, calls};
use piecework_console::amount::format_units;
use piecework_interface::{
    governance::{Change, Role, Settings},
    storage::{BALANCE_BYTES, account_bytes, cost},
};

use super::{
    LaunchPlan,
    found::{Found, FoundToken, Market},
    plan::differences,
    step::{Act, State, Step, TRANSACTION_GAS},
};

/// Gas of a byte of code that is deployed, at most: sent, stored, prepared.
const CODE_BYTE_GAS: u64 = 80_000_000;
/// Length of the longest account id.
const ACCOUNT_ID_MAX: usize = 64;

/// Who launches: the account and the key that sign.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub account_id: AccountId,
    pub public_key: PublicKey,
    /// Whether the key stays on the contract's account.
    pub stays: bool,
}

/// Creates a coordinator's account and deploys it there in one transaction, so that no stranger initialises it.
pub(crate) fn found_request(
    contract: &AccountId,
    key: &PublicKey,
    yoctonear: u128,
    code: Vec<u8>,
    new: Call,
) -> TxRequest {
    requests::account_create(contract.clone(), key.clone(), yoctonear).deploy(code).call(new)
}

/// All steps, in order.
pub(super) fn steps(plan: &LaunchPlan, found: &Found, signer: &Signer) -> Vec<Step> {
    let table = Table { plan, found, signer };
    let mut steps = vec![table.contract()];
    steps.extend(extra(plan, found));
    steps.push(table.signer_storage());
    steps.extend(table.treasury_storage());
    for (index, token) in found.tokens.iter().enumerate() {
        steps.extend([
            table.token_storage(index, token),
            table.token_list(index, token),
            table.token_test(index, token),
        ]);
    }
    steps.push(table.class());
    steps.extend(table.treasury());
    steps.extend([table.role(Role::Guardian), table.role(Role::TokenAdmin), table.configuration()]);
    steps.extend([table.key(), table.owner(), table.owner_accepts()]);
    steps
}

/// What steps are made of.
struct Table<'a> {
    plan: &'a LaunchPlan,
    found: &'a Found,
    signer: &'a Signer,
}

impl Table<'_> {
    fn market(&self) -> Option<&Market> {
        self.found.market.as_ref()
    }

    fn settings(&self) -> Option<&Settings> {
        self.market().map(|market| &market.settings)
    }

    fn is_sealed(&self) -> bool {
        self.market().is_some_and(Market::is_sealed)
    }

    /// Whether the signing account may still set the market up.
    fn sets_up(&self) -> bool {
        self.settings().is_none_or(|settings| settings.owner_id == self.signer.account_id.as_str()) && !self.is_sealed()
    }

    /// A call of the contract's by the signing account.
    fn call(&self, call: Call) -> TxRequest {
        TxRequest::to(self.plan.contract.clone()).call(call)
    }

    /// A change that is proposed and applied in one transaction, as long as none has to wait.
    fn change(&self, change: &Change) -> TxRequest {
        let number = self.settings().map_or(0, |settings| settings.next_proposal);
        self.call(calls::propose(change)).call(calls::apply(number))
    }

    /// What only the owner may do: done by the launch while it sets up, and later by the owner's own command.
    fn governed(&self, mut step: Step, stands: bool, found: &str, fix: String) -> Step {
        if stands {
            return step.stands();
        }
        if !self.sets_up() {
            step.state = State::Differs { found: found.to_owned(), fix };
        }
        step
    }

    fn contract(&self) -> Step {
        let LaunchPlan { contract, yoctonear, code, code_hash, .. } = self.plan;
        let digest = hex::encode(code_hash);
        let what = format!("{contract} runs code with the SHA-256 {digest}, initialised in the same transaction");
        let new = calls::new(self.signer.account_id.as_str(), &self.plan.setting_up());
        let code_gas = CODE_BYTE_GAS.saturating_mul(u64::try_from(code.len()).unwrap_or(u64::MAX));
        let step = |act, yoctonear| Step::new("contract", what.clone(), code_gas, yoctonear, act);
        match (self.found.code_hash, self.settings()) {
            (None, _) => {
                let request = found_request(contract, &self.signer.public_key, *yoctonear, code.clone(), new);
                let step = step(Act::Signer(request), *yoctonear);
                if contract.is_sub_account_of(&self.signer.account_id) {
                    return step;
                }
                step.differs(
                    format!("{contract} does not exist, and {} cannot create it", self.signer.account_id),
                    format!(
                        "create it with at least {} NEAR and this key: {}",
                        near(*yoctonear),
                        self.signer.public_key
                    ),
                )
            }
            (Some(hash), _) if hash == [0; 32] => {
                let request = TxRequest::to(contract.clone()).deploy(code.clone()).call(new);
                let step = step(Act::Contract(request), 0);
                if self.holds_key() {
                    return step;
                }
                step.differs(
                    format!("{contract} exists without code, and this key is not on it"),
                    format!("add the key {} to it, with full access", self.signer.public_key),
                )
            }
            (Some(hash), _) if hash != *code_hash => step(Act::None, 0).differs(
                format!("it runs code with the SHA-256 {}", hex::encode(hash)),
                "propose the plan's code, and apply it when its time has come: `piecework upgrade WASM`".to_owned(),
            ),
            (Some(_), None) => step(Act::Signer(self.call(new)), 0),
            (Some(_), Some(settings)) => {
                let owners = [self.plan.owner.as_str(), self.signer.account_id.as_str()];
                if owners.contains(&settings.owner_id.as_str()) {
                    return step(Act::None, 0).stands();
                }
                step(Act::None, 0).differs(
                    format!("its owner is {}", settings.owner_id),
                    "correct owner in the plan, or sign with that account's key: --key-file FILE".to_owned(),
                )
            }
        }
    }

    fn holds_key(&self) -> bool {
        self.found.keys.contains(&self.signer.public_key.to_string())
    }

    /// A storage deposit that leaves room for every token of the plan.
    fn storage(&self, name: &str, account_id: &AccountId, paid: u128, what: &str) -> Step {
        let tokens = u32::try_from(self.plan.tokens.len()).unwrap_or(u32::MAX);
        let bytes = account_bytes(ACCOUNT_ID_MAX).saturating_add(BALANCE_BYTES.saturating_mul(tokens.max(1)));
        let missing = cost(bytes).saturating_sub(paid);
        let request = self.call(calls::storage_deposit(account_id.as_str(), missing));
        let step = Step::new(name, format!("{account_id} {what}"), 0, missing, Act::Signer(request));
        if missing == 0 { step.stands() } else { step }
    }

    /// The signing account's own, for the test withdrawals and the class.
    fn signer_storage(&self) -> Step {
        let paid = self.market().map_or(0, |market| market.signer_paid);
        let what = "is registered, to test tokens and register the class";
        let step = self.storage("deposit", &self.signer.account_id, paid, what);
        if self.is_sealed() { step.stands() } else { step }
    }

    fn treasury_storage(&self) -> Option<Step> {
        let treasury = self.plan.treasury.as_ref()?;
        let paid = self.market().and_then(|market| market.treasury).map_or(0, |(_, paid)| paid);
        // The signing account as treasury has its deposit from the step before.
        let own = *treasury == self.signer.account_id;
        let step = self.storage("treasury-deposit", treasury, paid, "is registered, with room for every token's fees");
        Some(if own { step.stands() } else { step })
    }

    fn token_storage(&self, index: usize, token: &FoundToken) -> Step {
        let account_id = &self.plan.tokens[index].account_id;
        let deposit = calls::storage_deposit(self.plan.contract.as_str(), token.least);
        let request = TxRequest::to(account_id.clone()).call(deposit);
        let what = format!("{} is registered with {account_id}, to hold {}", self.plan.contract, token.symbol);
        let step = Step::new(&format!("{account_id}:deposit"), what, 0, token.least, Act::Signer(request));
        if token.is_registered { step.stands() } else { step }
    }

    fn token_list(&self, index: usize, token: &FoundToken) -> Step {
        let account_id = &self.plan.tokens[index].account_id;
        let list = &token.listing;
        let listed =
            self.market().and_then(|market| market.tokens.iter().find(|listed| listed.account_id == list.account_id));
        let what = format!("{account_id} is listed: {}", self.plan.tokens[index]);
        let act = Act::Signer(self.call(calls::token_list(list)));
        let step = Step::new(&format!("{account_id}:list"), what, 0, 0, act);
        let Some(listed) = listed else {
            let fix = format!("the owner lists it: `piecework token list {account_id}` with the plan's prices");
            return self.governed(step, false, "it is not listed", fix);
        };
        let prices = (listed.min_reward, listed.rep_unit, listed.bond_rate);
        if prices == (list.min_reward, list.rep_unit, list.bond_rate) {
            return step.stands();
        }
        step.differs(
            format!("least reward {}, rep_unit {}, bond_rate {} units", prices.0.0, prices.1.0, prices.2.0),
            format!(
                "the owner proposes others: `piecework govern propose prices --token {account_id} --min-reward AMOUNT \
                 --rep-unit AMOUNT --bond-per-token NEAR`"
            ),
        )
    }

    fn token_test(&self, index: usize, token: &FoundToken) -> Step {
        let account_id = &self.plan.tokens[index].account_id;
        let what = format!(
            "a unit of {} is deposited and withdrawn; again in each run while the market is set up",
            token.symbol
        );
        let gas = token_test_gas();
        let step = Step::new(&format!("{account_id}:test"), what, gas, 0, Act::Test(index));
        if self.is_sealed() || self.found.tested.contains(account_id) {
            step.stands()
        } else if token.units == 0 {
            step.differs(
                format!("{} holds no {}", self.signer.account_id, token.symbol),
                format!("send it one unit of {account_id} for the test, which comes back"),
            )
        } else {
            step
        }
    }

    fn class(&self) -> Step {
        let class = &self.plan.class;
        let (name, schema) = (&class.name, hex::encode(class.schema));
        let what = format!("class 0 is {name:?}, its schema's SHA-256 {schema}");
        let deposit = self.settings().map_or(&self.plan.config, |settings| &settings.config).class_deposit.0;
        let act = Act::Signer(self.call(calls::class_register(class, deposit)));
        let step = Step::new("class", what, 0, deposit, act);
        match self.market().and_then(|market| market.classes.first()) {
            None if self.is_sealed() => step.differs(
                "there is no class".to_owned(),
                format!("register it: `piecework class register {name}`"),
            ),
            None => step,
            Some(found) if found.name == *name && found.schema == class.schema && !found.gated => step.stands(),
            Some(found) => step.differs(
                format!("class 0 is {:?}, its schema's SHA-256 {}", found.name, hex::encode(found.schema)),
                "classes never change: put that one into the plan, and register the other with `piecework class register`"
                    .to_owned(),
            ),
        }
    }

    fn treasury(&self) -> Option<Step> {
        let name = self.plan.treasury.as_ref();
        let now = self.settings().and_then(|settings| settings.treasury);
        if name.is_none() && now.is_none() {
            return None;
        }
        let who = name.map_or("nobody", |name| name.as_str());
        let call = calls::treasury_set(name.map(|name| name.as_str()));
        let step = Step::new("treasury", format!("fees go to {who}"), 0, 0, Act::Signer(self.call(call)));
        let planned = self.market().and_then(|market| market.treasury).map(|(number, _)| number);
        let stands = now.is_some() && now == planned;
        let found = now.map_or_else(|| "fees wait".to_owned(), |number| format!("fees go to account {number}"));
        let fix = name.map_or_else(|| "--nobody".to_owned(), ToString::to_string);
        Some(self.governed(step, stands, &found, format!("the owner's: `piecework govern treasury {fix}`")))
    }

    fn role(&self, role: Role) -> Step {
        let settings = self.settings();
        let (name, planned, now) = match role {
            Role::Guardian => ("guardian", &self.plan.guardian, settings.and_then(|it| it.guardian_id.as_deref())),
            Role::TokenAdmin => {
                ("token-admin", &self.plan.token_admin, settings.and_then(|it| it.token_admin_id.as_deref()))
            }
        };
        let planned = planned.as_ref().map(|account_id| account_id.as_str());
        let who = planned.unwrap_or("nobody");
        let act = Act::Signer(self.call(calls::role_set(role, planned)));
        let step = Step::new(name, format!("the {name} is {who}"), 0, 0, act);
        // Without a market no account has it.
        let stands = now == planned;
        let found = format!("it is {}", now.unwrap_or("nobody"));
        let fix = format!("the owner's: `piecework govern role {name} {}`", planned.unwrap_or("--nobody"));
        self.governed(step, stands, &found, fix)
    }

    /// Ends the setting up: from here on every change waits for as long as everybody needs to leave.
    fn configuration(&self) -> Step {
        let config = &self.plan.config;
        let (days, rest) = (config.unbonding_s, config.notice_s);
        let what = format!(
            "the configuration holds on {}: from then on changes wait {days} s of unbonding and {rest} s of notice",
            config.chain_id
        );
        let request = self.change(&Change::Config(config.clone()));
        let step = Step::new("configuration", what, 0, 0, Act::Signer(request));
        let Some(settings) = self.settings() else { return step };
        let now = &settings.config;
        if now == config {
            return step.stands();
        }
        let changes = differences("", &json(now), &json(config));
        let set: String = changes.iter().map(|(name, _, value)| format!(" --set '{name}={value}'")).collect();
        let fix = format!("the owner's: `piecework govern propose config{set}`");
        let found: Vec<String> = changes.iter().map(|(name, value, _)| format!("{name} is {value}")).collect();
        if self.sets_up() && (now.unbonding_s, now.notice_s) == (0, 0) {
            return step;
        }
        step.differs(found.join(", "), fix)
    }

    fn key(&self) -> Step {
        let (contract, key) = (&self.plan.contract, &self.signer.public_key);
        let others: Vec<&str> =
            self.found.keys.iter().filter(|found| **found != key.to_string()).map(String::as_str).collect();
        let what = if self.signer.stays {
            format!("{key} stays on {contract}, by --keep-key: it can replace the code at once")
        } else {
            format!("{contract} has no full-access key: its code changes by `upgrade` alone")
        };
        let request = TxRequest::to(contract.clone()).delete_key(key.clone());
        let step = Step::new("key", what, 0, 0, Act::Contract(request));
        if !others.is_empty() {
            return step.differs(
                format!("{contract} has other full-access keys: {}", others.join(", ")),
                format!("each can replace the code at once: take them off {contract}, or name them to your users"),
            );
        }
        let was_made = self.found.code_hash.is_some();
        if was_made && (self.signer.stays || !self.holds_key()) { step.stands() } else { step }
    }

    fn owner(&self) -> Step {
        let owner = self.plan.owner.as_str();
        let act = Act::Signer(self.call(calls::owner_propose(Some(owner))));
        let step = Step::new("owner", format!("{owner} may become the owner"), 0, 0, act);
        let Some(settings) = self.settings() else {
            return if owner == self.signer.account_id.as_str() { step.stands() } else { step };
        };
        if settings.owner_id == owner || settings.proposed_owner_id.as_deref() == Some(owner) {
            return step.stands();
        }
        step
    }

    fn owner_accepts(&self) -> Step {
        let (owner, contract) = (self.plan.owner.as_str(), &self.plan.contract);
        let step = Step::new("owner-accepts", format!("{owner} is the owner"), 0, 0, Act::None);
        let now = self.settings().map_or(self.signer.account_id.as_str(), |settings| settings.owner_id.as_str());
        if now == owner {
            return step.stands();
        }
        let fix =
            format!("with that account's key: `piecework --contract {contract} --key-file FILE govern owner accept`");
        Step { state: State::Waits { fix }, gas: 0, ..step }
    }
}

/// Tokens that the plan does not have, on a market that is still being set up: one that failed its test cannot be taken off.
fn extra(plan: &LaunchPlan, found: &Found) -> Option<Step> {
    let market = found.market.as_ref().filter(|market| !market.is_sealed())?;
    let planned = |account_id: &str| plan.tokens.iter().any(|token| token.account_id.as_str() == account_id);
    let names: Vec<&str> = market.tokens.iter().map(|token| token.account_id.as_str()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty() && !planned(name)).collect();
    (!names.is_empty()).then(|| {
        Step::new("tokens", "only the plan's tokens are listed".to_owned(), 0, 0, Act::None).differs(
            format!("{} is listed too, and a listing stays for ever", names.join(", ")),
            format!("put it into the plan, or launch on another account and delete {}", plan.contract),
        )
    })
}

/// Gas of the deposit and of the withdrawal.
fn token_test_gas() -> u64 {
    use piecework_interface::call::{TRANSFER_CALL_GAS, WITHDRAW_GAS};
    TRANSFER_CALL_GAS + WITHDRAW_GAS + TRANSACTION_GAS
}

fn near(yoctonear: u128) -> String {
    format_units(yoctonear, piecework_console::amount::NEAR_DECIMALS)
}

fn json(config: &piecework_interface::config::Config) -> serde_json::Value {
    // The form has no maps with keys that are not strings, so this cannot fail.
    serde_json::to_value(config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use piecework_chain::KeyFile;
    use piecework_interface::{
        ids::{AccountNo, ClassId, TokenId},
        view::{Class, Token},
    };

    use super::*;

    const PLAN: &str = "contract = \"m.me.test\"\nnear = \"6\"\nowner = \"own.test\"\nguardian = \"g.test\"\n\
        treasury = \"fees.test\"\n[code]\nwasm = \"code.wasm\"\n[class]\nname = \"digits\"\n[[tokens]]\n\
        account_id = \"t.test\"\nmin_reward = \"1\"\nrep_unit = \"1\"\nbond_per_token = \"1\"\n";

    fn plan() -> LaunchPlan {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("code.wasm"), b"code").unwrap();
        std::fs::write(dir.path().join("plan.toml"), PLAN).unwrap();
        LaunchPlan::read(&dir.path().join("plan.toml"), "local").unwrap()
    }

    fn signer() -> Signer {
        let key = KeyFile::generate("me.test".parse().unwrap());
        Signer { account_id: key.account_id, public_key: key.public_key, stays: false }
    }

    /// A chain on which nothing of the market is.
    fn nothing(plan: &LaunchPlan) -> Found {
        let listing = plan.tokens[0].listing(6).unwrap();
        let token = FoundToken { listing, symbol: "T".to_owned(), least: 5, is_registered: false, units: 1 };
        Found {
            gas_price: 1,
            yoctonear: u128::MAX,
            code_hash: None,
            keys: Vec::new(),
            market: None,
            tokens: vec![token],
            tested: BTreeSet::new(),
        }
    }

    /// A market that is as the plan says, and its owner's.
    fn launched(plan: &LaunchPlan) -> Found {
        let list = plan.tokens[0].listing(6).unwrap();
        let token = Token {
            token: TokenId(1),
            account_id: list.account_id,
            min_reward: list.min_reward,
            rep_unit: list.rep_unit,
            bond_rate: list.bond_rate,
            pool: piecework_interface::amount::Amount(0),
            in_flight: piecework_interface::amount::Amount(0),
        };
        let settings = Settings {
            owner_id: "own.test".to_owned(),
            guardian_id: Some("g.test".to_owned()),
            treasury: Some(AccountNo(1)),
            config: plan.config.clone(),
            ..Settings::default()
        };
        let class = Class { class: ClassId(0), name: "digits".to_owned(), ..Class::default() };
        let market = Market {
            settings,
            tokens: vec![token],
            classes: vec![class],
            signer_paid: u128::MAX,
            treasury: Some((AccountNo(1), u128::MAX)),
        };
        let mut found = nothing(plan);
        found.tokens[0].is_registered = true;
        Found { code_hash: Some(plan.code_hash), market: Some(market), ..found }
    }

    type Change = fn(&mut Found);

    /// Steps that do not stand, with their states.
    fn open(plan: &LaunchPlan, found: &Found, signer: &Signer) -> Vec<(String, State)> {
        let steps = steps(plan, found, signer).into_iter().map(|step| (step.step, step.state));
        steps.filter(|(_, state)| *state != State::Done).collect()
    }

    #[test]
    fn steps__should_all_be_missing_on_an_empty_chain_and_all_stand_on_a_launched_one() {
        let (plan, signer) = (plan(), signer());
        let fresh = open(&plan, &nothing(&plan), &signer);
        assert!(fresh.iter().all(|(step, state)| *state == State::Missing || step == "owner-accepts"), "{fresh:?}");
        assert_eq!(fresh.len(), 13);
        assert_eq!(open(&plan, &launched(&plan), &signer), []);
    }

    #[test]
    fn steps__should_leave_a_launched_market_to_its_owner() {
        // Given each change that a launched market may have had
        let (plan, signer) = (plan(), signer());
        let changes: [(&str, Change); 8] = [
            ("contract", |found| found.code_hash = Some([1; 32])),
            ("contract", |found| market(found).settings.owner_id = "thief.test".to_owned()),
            ("t.test:list", |found| market(found).tokens[0].min_reward.0 += 1),
            ("class", |found| market(found).classes[0].name = "other".to_owned()),
            ("treasury", |found| market(found).settings.treasury = None),
            ("guardian", |found| market(found).settings.guardian_id = None),
            ("configuration", |found| market(found).settings.config.fee_bps += 1),
            ("key", |found| found.keys.push("ed25519:another".to_owned())),
        ];
        for (name, change) in changes {
            let mut found = launched(&plan);
            change(&mut found);

            // Then that step alone differs, and nothing is done about it
            let open = open(&plan, &found, &signer);
            let differs = open.iter().filter(|(_, state)| matches!(state, State::Differs { .. })).collect::<Vec<_>>();
            assert_eq!(differs.len(), 1, "{name}: {open:?}");
            assert_eq!(differs[0].0, name);
        }
    }

    #[test]
    fn steps__should_set_right_what_differs_until_the_configuration_holds() {
        // Given a market of the signer's that is being set up, with another guardian
        let (plan, signer) = (plan(), signer());
        let mut found = launched(&plan);
        let settings = &mut market(&mut found).settings;
        settings.owner_id = "me.test".to_owned();
        settings.config = plan.setting_up();
        settings.guardian_id = Some("other.test".to_owned());
        found.keys.push(signer.public_key.to_string());

        // Then it is done, with the test, the configuration, the key and the owner
        let names: Vec<String> = open(&plan, &found, &signer).into_iter().map(|(step, _)| step).collect();
        assert_eq!(names, ["t.test:test", "guardian", "configuration", "key", "owner", "owner-accepts"]);

        // And a token that the plan does not have stops it, as a test that could not be paid does
        found.tokens[0].units = 0;
        let mut extra = market(&mut found).tokens[0].clone();
        extra.account_id = "extra.test".to_owned();
        market(&mut found).tokens.push(extra);
        let differs: Vec<String> = open(&plan, &found, &signer)
            .into_iter()
            .filter(|(_, state)| matches!(state, State::Differs { .. }))
            .map(|(step, _)| step)
            .collect();
        assert_eq!(differs, ["tokens", "t.test:test"]);
    }

    fn market(found: &mut Found) -> &mut Market {
        found.market.as_mut().unwrap()
    }
}
