//! Challenges: programs that prove results wrong, signatures, and evidence.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use piecework_interface::{ids::ClassId, intent::SignedIntent};

use super::{Agent, send};
use crate::{
    core::{
        Event, Trouble,
        challenge::{Disputed, Draft},
    },
    executor::{Doubted, TaskItem, Verification},
    gateway::Gateway,
    record::Place,
};

/// Publishing evidence holds a challenge up for so long at most: its digest stands on chain either way.
const PUBLISH: Duration = Duration::from_secs(10);

impl Agent {
    /// Asks the class's program which of these items are wrong.
    pub(super) fn verify(&self, place: Place, class: ClassId, width: u8, disputed: Vec<Disputed>) {
        let (sender, Place { batch, lot, .. }) = (self.sender.clone(), place);
        let (Some((open, height)), Some((executor, limit))) = (self.batch(batch), self.verifiers.get(&class).cloned())
        else {
            let why = format!("no program of class {class} proves results wrong");
            send(&sender, Event::Verified(batch, lot, Err(why)));
            return;
        };
        let payloads = Arc::clone(&self.payloads);
        tokio::spawn(async move {
            let result = match payloads.lot(batch, lot, &open, height).await {
                Ok(items) => {
                    let first = items.first().map_or(0, |item| item.index);
                    let items = doubted(items, disputed);
                    let proven = executor.verify(Verification { place, width, items, limit }).await;
                    let of_lot = |index: u32| u8::try_from(index.checked_sub(first)?).ok();
                    proven
                        .map(|proven| proven.into_iter().filter_map(|(index, it)| Some((of_lot(index)?, it))).collect())
                        .map_err(|error| error.to_string())
                }
                Err(Trouble::Disk(error) | Trouble::Other(error)) => Err(error),
            };
            match &result {
                Ok(proven) => tracing::info!(%place, proven = BTreeMap::len(proven), "challenge.verified"),
                Err(error) => tracing::warn!(%place, error, "challenge.unverified"),
            }
            send(&sender, Event::Verified(batch, lot, result));
        });
    }

    /// Signs a challenge and writes it down.
    pub(super) fn sign(&mut self, draft: Draft, events: &mut VecDeque<Event>) {
        let Some(challenger) = &mut self.challenger else { return };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let signed = challenger.sign(draft, clock_ms).map_err(|error| Trouble::Other(error.to_string()));
        let stored = signed.and_then(|challenge| match self.store.challenge_put(&challenge) {
            Ok(()) => Ok(challenge),
            Err(error) => Err(Trouble::Disk(error.to_string())),
        });
        if let Ok(challenge) = &stored {
            tracing::info!(?challenge, "challenge.signed");
        }
        events.push_back(Event::Signed(Box::new(stored)));
    }

    /// The evidence of the challenge with this intent.
    pub(super) fn evidence(&self, intent: &SignedIntent) -> Option<String> {
        let challenge = self.state.challenges().find(|challenge| challenge.intent == *intent)?;
        Some(challenge.evidence.clone())
    }
}

/// Publishes evidence where the gateway takes it.
pub(super) async fn publish(gateway: &Gateway, evidence: &str) {
    match tokio::time::timeout(PUBLISH, gateway.publish(evidence.as_bytes())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "challenge.evidence_unpublished"),
        Err(_) => tracing::warn!(after_s = PUBLISH.as_secs(), "challenge.evidence_unpublished"),
    }
}

/// The doubted items with their payloads.
fn doubted(items: Vec<TaskItem>, disputed: Vec<Disputed>) -> Vec<Doubted> {
    let mut disputed: BTreeMap<u8, Disputed> = disputed.into_iter().map(|it| (it.item, it)).collect();
    let items = (0_u8..).zip(items);
    let doubted = items.filter_map(|(number, item)| {
        let Disputed { result, own, .. } = disputed.remove(&number)?;
        Some(Doubted { item, result, own })
    });
    doubted.collect()
}
