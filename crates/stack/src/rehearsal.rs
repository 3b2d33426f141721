//! The rehearsal of an upgrade: the code of another release takes over a copy of a contract on a chain of its own.
//!
//! The copy's own code checks and deploys the new code as on the live chain: it is proposed, waits, and is applied by `upgrade`
//! with its `migrate`. Then every view must say what it said before.

mod books;
mod snapshot;
mod views;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use piecework_chain::{
    AccountId, BlockRef, Coordinator, CryptoHash, KeyFile, RpcClient, RpcConfig, Sender, TxError, TxRequest,
};
use piecework_client::calls;
use piecework_console::{Problem, amount::ONE_NEAR};
use piecework_interface::{governance::Change, host::sha256};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    chain::Node,
    deploy::{execute_outcome, open_pool},
    layout::Layout,
    process::Process,
    programs::Programs,
};
use views::Answers;

pub use books::Entry;
pub use snapshot::{Bytes, Snapshot};

/// Records of one call that writes state, and bytes of them at most, before the one that goes beyond.
const PATCH_BYTES: usize = 1_000_000;
/// How long the chain may take until a change is final.
const LIMIT: Duration = Duration::from_secs(60);
/// The account that registers afterwards, to see that the new code takes calls.
const NEWCOMER: &str = "rehearsal.test";

/// What a rehearsal found.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// The contract that was copied.
    pub contract: AccountId,
    /// Height at which it was copied.
    pub block_height: u64,
    /// SHA-256 of the code that ran, hex.
    pub code_before: String,
    /// SHA-256 of the code that took over, hex.
    pub code_after: String,
    /// Seconds that the proposal waited.
    pub waited_s: u32,
    /// Gas of `upgrade` with everything that followed from it.
    pub gas_burnt: u64,
    /// Gas of the deployment and `migrate` among it.
    pub migrate_gas: u64,
    /// Pages of views that were compared.
    pub views: usize,
    /// Records before the upgrade.
    pub records: usize,
    /// Records that it wrote, added or removed.
    pub records_changed: usize,
    /// What each view says otherwise, and everything else that is wrong.
    pub differences: Vec<String>,
    /// Fields that views have now and had not before, which is no difference.
    pub added: Vec<String>,
    /// What is owed and held after the upgrade.
    pub books: Vec<Entry>,
}

impl Rehearsal {
    /// Whether the code may be proposed.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Rehearses the upgrade of a copied contract to this code.
///
/// # Errors
/// The chain cannot be started or does not take the copy. Code that breaks something is a finding, and no error.
pub async fn rehearse(
    programs: &Programs,
    layout: &Layout,
    snapshot: &Snapshot,
    code: Vec<u8>,
) -> anyhow::Result<Rehearsal> {
    let node = Node::open(&programs.chain, programs.is_chain_named).await?;
    let mut slot = None;
    let ran = async {
        let url = node.start(&mut slot, layout, "127.0.0.1:0", None).await?;
        let stage = Stage::set(RpcClient::new(RpcConfig::new([url]))?, snapshot).await?;
        stage.play(code).await
    };
    let ran = Box::pin(ran).await;
    if let Some(process) = slot.as_mut() {
        Process::stop(process).await;
    }
    ran
}

/// A chain with the copy on it, and who may upgrade it there.
struct Stage<'a> {
    rpc: RpcClient,
    snapshot: &'a Snapshot,
    owner: Sender,
}

impl<'a> Stage<'a> {
    /// Writes the copy into a fresh chain, and gives its owner a key.
    async fn set(rpc: RpcClient, snapshot: &'a Snapshot) -> anyhow::Result<Self> {
        let contract = &snapshot.contract;
        patch(&rpc, &account_records(snapshot)).await?;
        let mut page: (usize, Vec<Value>) = (0, Vec::new());
        for (key, value) in &snapshot.records {
            page.0 += key.0.len() + value.0.len();
            page.1.push(json!({ "Data": { "account_id": contract, "data_key": key, "value": value } }));
            if page.0 > PATCH_BYTES {
                patch(&rpc, &std::mem::take(&mut page).1).await?;
            }
        }
        patch(&rpc, &page.1).await?;
        let coordinator = Coordinator::new(&rpc, contract.clone());
        let settings = until(async || coordinator.settings().await.ok()).await.ok_or_else(|| {
            let fix = "take the copy of a coordinator: `piecework contract snapshot FILE`";
            Problem::new(format!("the copy of {contract} does not answer as a coordinator"), fix)
        })?;
        let key = KeyFile::generate(settings.owner_id.parse()?);
        patch(&rpc, &owner_records(snapshot, &key)).await?;
        let pool = open_pool(&rpc, &key.account_id, vec![key.secret_key().clone()]).await?;
        let stage = Self { owner: Sender::new(rpc.clone(), pool), rpc, snapshot };
        stage.pass_until(snapshot.block_at).await?;
        Ok(stage)
    }

    fn contract(&self) -> &AccountId {
        &self.snapshot.contract
    }

    async fn play(&self, code: Vec<u8>) -> anyhow::Result<Rehearsal> {
        let (hash, began) = (sha256(&code), self.now_s().await?);
        let ready_at = self.propose(&hash).await?;
        self.pass_until(ready_at).await?;
        let questions = views::questions(&self.rpc, self.contract()).await?;
        let before = views::ask(&self.rpc, self.contract(), &questions).await?;
        let state = self.rpc.view_state(self.contract(), BlockRef::Final).await?;
        let mut found = Rehearsal {
            contract: self.contract().clone(),
            block_height: self.snapshot.block_height,
            code_before: hex::encode(sha256(&state.code)),
            code_after: hex::encode(hash),
            waited_s: ready_at.saturating_sub(began),
            gas_burnt: 0,
            migrate_gas: 0,
            views: questions.len(),
            records: state.records.len(),
            records_changed: 0,
            differences: Vec::new(),
            added: Vec::new(),
            books: books::entries(&before, self.snapshot).context("the copy's books cannot be read")?,
        };
        let owed_before = found.books.clone();
        let upgrade = TxRequest::to(self.contract().clone()).call(calls::upgrade(code));
        let outcome = match execute_outcome(&self.owner, upgrade).await {
            Ok((outcome, height)) => {
                self.rpc.raise_min_height(height);
                outcome
            }
            Err(error) => match error.downcast_ref() {
                Some(TxError::Failed { failure, .. }) => {
                    found.differences.push(format!("`upgrade` refuses it, and the old code stays: {failure}"));
                    return Ok(found);
                }
                _ => return Err(error),
            },
        };
        found.gas_burnt = outcome.gas_burnt.as_gas();
        let own = outcome.receipts.iter().filter(|receipt| receipt.executor_id == *self.contract());
        found.migrate_gas = own.skip(1).map(|receipt| receipt.gas_burnt.as_gas()).max().unwrap_or_default();

        let after = views::ask(&self.rpc, self.contract(), &questions).await?;
        let compared = views::compare(&expected(before, &after, &hash), &after);
        found.differences.extend(compared.differences);
        found.added = compared.added;
        match books::entries(&after, self.snapshot) {
            Ok(books) => found.books = books,
            Err(error) => found.differences.push(format!("the books cannot be read: {error:#}")),
        }
        found.differences.extend(books_differ(&owed_before, &found.books));
        let now = self.rpc.view_state(self.contract(), BlockRef::Final).await?;
        let (was, is): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (state.records.into_iter().collect(), now.records.into_iter().collect());
        let written = is.iter().filter(|(key, value)| was.get(*key) != Some(*value)).count();
        found.records_changed = written + was.keys().filter(|key| !is.contains_key(*key)).count();
        if let Err(error) = self.newcomer().await {
            found.differences.push(format!("`storage_deposit` fails after the upgrade: {error:#}"));
        }
        Ok(found)
    }

    /// Proposes the code unless it is; when it may be applied.
    async fn propose(&self, hash: &[u8; 32]) -> anyhow::Result<u32> {
        let coordinator = Coordinator::new(&self.rpc, self.contract().clone());
        let change = Change::Code(*hash);
        let open = async || -> anyhow::Result<Option<u32>> {
            let proposals = coordinator.settings().await?.proposals;
            Ok(proposals.iter().find(|proposal| proposal.change == change).map(|proposal| proposal.ready_at))
        };
        if let Some(ready_at) = open().await? {
            return Ok(ready_at);
        }
        self.call(calls::propose(&change)).await.context("the copy takes no proposal of the code")?;
        open().await?.context("the copy has no proposal of the code")
    }

    async fn call(&self, call: piecework_client::Call) -> anyhow::Result<()> {
        let (_, height) = execute_outcome(&self.owner, TxRequest::to(self.contract().clone()).call(call)).await?;
        self.rpc.raise_min_height(height);
        Ok(())
    }

    /// An account that registers with the new code, which gives it a number.
    async fn newcomer(&self) -> anyhow::Result<()> {
        let coordinator = Coordinator::new(&self.rpc, self.contract().clone());
        let next = coordinator.root().await?.value.next_account;
        self.call(calls::storage_deposit(NEWCOMER, ONE_NEAR)).await?;
        let number = coordinator.account_no(NEWCOMER).await?;
        if number.map(|number| number.0) != Some(next) {
            bail!("{NEWCOMER} became account {number:?}, not {next}");
        }
        Ok(())
    }

    async fn now_s(&self) -> anyhow::Result<u32> {
        Ok(u32::try_from(self.rpc.head().await?.timestamp_ns / 1_000_000_000)?)
    }

    /// Lets time pass on the chain until a final block has this time.
    async fn pass_until(&self, at: u32) -> anyhow::Result<()> {
        loop {
            let left = at.saturating_sub(self.now_s().await?);
            if left == 0 {
                return Ok(());
            }
            // A height stands for less than a second, so that this approaches the end.
            self.rpc.call_any("sandbox_fast_forward", json!({ "delta_height": left.max(2) })).await?;
            let newest = self.rpc.block(BlockRef::Latest).await?.context("the chain has no block")?.header.height;
            until(async || self.rpc.head().await.ok().filter(|head| head.height >= newest)).await;
        }
    }
}

/// What the views must say: what they said, with one line more in the journal and the proposal gone.
fn expected(mut before: Answers, after: &Answers, hash: &[u8; 32]) -> Answers {
    if let Some(Ok(settings)) = before.get_mut("settings")
        && let Some(proposals) = settings["proposals"].as_array_mut()
    {
        proposals.retain(|proposal| proposal["change"]["code"] != hex::encode(hash));
    }
    if let Some(Ok(root)) = before.get_mut("root") {
        root["seq"] = root["seq"].as_u64().map_or(0, |seq| seq.saturating_add(1)).into();
        // The head follows from the line, which is the new code's to write.
        let head = after.get("root").and_then(|root| root.as_ref().ok()).and_then(|root| root.get("head"));
        if let Some(head) = head.filter(|head| **head != root["head"]) {
            root["head"] = head.clone();
        }
    }
    before
}

/// Sums that are others after the upgrade, or not covered.
fn books_differ(before: &[Entry], after: &[Entry]) -> Vec<String> {
    let mut differences = Vec::new();
    for was in before {
        match after.iter().find(|is| is.token == was.token) {
            None => differences.push(format!("{} is no longer listed; {} units of it are owed", was.token, was.owed.0)),
            Some(is) if is.owed != was.owed => {
                differences.push(format!("{} units of {} are owed, they were {}", is.owed.0, is.token, was.owed.0));
            }
            Some(_) => {}
        }
    }
    for is in after.iter().filter(|is| !is.covered) {
        differences.push(format!("{} units of {} are owed, and {} held", is.owed.0, is.token, is.held.0));
    }
    differences
}

/// The contract's account with its code.
fn account_records(snapshot: &Snapshot) -> [Value; 2] {
    let hash = CryptoHash(sha256(&snapshot.code.0)).to_string();
    let account = account(snapshot.yoctonear.0, &hash, snapshot.storage_usage);
    [
        json!({ "Account": { "account_id": snapshot.contract, "account": account } }),
        json!({ "Contract": { "account_id": snapshot.contract, "code": snapshot.code } }),
    ]
}

fn account(yoctonear: u128, code_hash: &str, storage_usage: u64) -> Value {
    json!({
        "amount": yoctonear.to_string(), "locked": "0", "code_hash": code_hash, "storage_usage": storage_usage, "version": "V1",
    })
}

/// The owner's account, unless that is the contract itself, and its key here. Its key of the live chain is not needed.
fn owner_records(snapshot: &Snapshot, key: &KeyFile) -> Vec<Value> {
    let mut records = Vec::new();
    if key.account_id != snapshot.contract {
        let account = account(100 * ONE_NEAR, &CryptoHash::default().to_string(), 182);
        records.push(json!({ "Account": { "account_id": key.account_id, "account": account } }));
    }
    let access_key = json!({ "nonce": 0, "permission": "FullAccess" });
    records.push(json!({ "AccessKey": { "account_id": key.account_id, "public_key": key.public_key, "access_key": access_key } }));
    records
}

/// Writes records into the chain's state.
async fn patch(rpc: &RpcClient, records: &[Value]) -> anyhow::Result<()> {
    rpc.call_any("sandbox_patch_state", json!({ "records": records })).await.map_err(|error| {
        let fix = "unset NEAR_SANDBOX_BIN_PATH to rehearse on piecework-localnet";
        anyhow::Error::new(error).context(Problem::new("the chain takes no copy of a state", fix))
    })?;
    Ok(())
}

/// Asks until there is an answer, for as long as a change may take to be final.
async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> Option<T> {
    let end = Instant::now() + LIMIT;
    loop {
        match ask().await {
            None if Instant::now() < end => tokio::time::sleep(Duration::from_millis(50)).await,
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use piecework_interface::amount::Amount;

    use super::*;

    fn entry(owed: u128, held: u128) -> Entry {
        Entry { token: "t.test".to_owned(), owed: Amount(owed), held: Amount(held), covered: owed <= held }
    }

    #[test]
    fn books__should_be_the_same_and_covered() {
        assert!(books_differ(&[entry(5, 6)], &[entry(5, 6)]).is_empty());
        assert_eq!(books_differ(&[entry(5, 6)], &[entry(4, 6)]), ["4 units of t.test are owed, they were 5"]);
        assert_eq!(books_differ(&[entry(7, 6)], &[entry(7, 6)]), ["7 units of t.test are owed, and 6 held"]);
        assert_eq!(books_differ(&[entry(5, 6)], &[]), ["t.test is no longer listed; 5 units of it are owed"]);
    }

    #[test]
    fn expected__should_have_one_line_more_and_the_proposal_gone() {
        // Given answers before, and after an upgrade that wrote nothing
        let hash = [7; 32];
        let proposals = json!([{ "change": { "code": hex::encode(hash) } }, { "change": { "code": "00" } }]);
        let answers = |seq: u32, head: &str, proposals: &Value| {
            Answers::from([
                ("root".to_owned(), Ok(json!({ "seq": seq, "head": head }))),
                ("settings".to_owned(), Ok(json!({ "proposals": proposals }))),
            ])
        };
        let left = json!([{ "change": { "code": "00" } }]);
        let compare = |after: &Answers| views::compare(&expected(answers(4, "aa", &proposals), after, &hash), after);
        // Then one line and the other proposal are as they must be
        assert!(compare(&answers(5, "bb", &left)).differences.is_empty());
        // And a journal that did not go on is named
        assert_eq!(compare(&answers(4, "aa", &left)).differences, ["root.seq is 4, it was 5"]);
    }
}
