//! What a report stands on, from a gateway: the journal of an epoch, the batches that settled in it, what stood behind nodes.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::ProgressBar;
use piecework_api::{Batch, Network, client::Client};
use piecework_console::Problem;
use piecework_interface::{event::Line, host::sha256, ids::BatchId, journal::next_head};
use piecework_revenue::{Accrual, BatchFacts, ChainReferrer, EpochNo, Inputs, Policy, Report, SettledLot, Span};
use serde::Deserialize;

/// Lines of a page.
const LINES: u32 = 1_000;
/// Batches that are asked for at once.
const BATCHES: usize = 8;

/// A gateway's mirror at one block, and the policy.
pub(super) struct Mirror {
    pub gateway: Client,
    pub network: Network,
    pub policy: Policy,
    pub digest: [u8; 32],
}

/// A batch with the referrer that it names, where the contract has referrers.
#[derive(Deserialize)]
struct Referred<B> {
    #[serde(flatten)]
    batch: B,
    #[serde(default)]
    referrer: Option<Referrer>,
    #[serde(default)]
    referrer_id: Option<String>,
}

#[derive(Deserialize)]
struct Referrer {
    part_pct: u8,
}

impl<B> Referred<B> {
    fn referrer(&self) -> Option<ChainReferrer> {
        let (referrer_id, referrer) = self.referrer_id.clone().zip(self.referrer.as_ref())?;
        Some(ChainReferrer { referrer_id, part_pct: referrer.part_pct })
    }
}

impl Mirror {
    /// The mirror as it stands. What comes later is not read.
    pub async fn open(gateway: Client, policy: Policy) -> anyhow::Result<Self> {
        let network = gateway.network(None).await?;
        let (mirrored, meant) = ([&network.chain_id, &network.contract_id], [&policy.chain_id, &policy.contract_id]);
        if mirrored != meant {
            bail!(Problem::new(
                format!(
                    "the policy is for {} on {}, the gateway mirrors {} on {}",
                    meant[1], meant[0], mirrored[1], mirrored[0]
                ),
                "pass --gateway-url with a gateway of that contract, or --policy with the policy of this one",
            ));
        }
        let digest = policy.digest()?;
        Ok(Self { gateway, network, policy, digest })
    }

    /// The report of an epoch, up to a Unix time that the mirror has reached.
    ///
    /// It reads the lines of the epoch and of those before it in its carrying period, and looks for where they begin by halving:
    /// its cost does not grow with the rest of the journal.
    pub async fn report(&self, epoch: EpochNo, until: u64, spinner: &ProgressBar) -> anyhow::Result<Report> {
        let epochs: Vec<EpochNo> = self.policy.carrying(epoch).collect();
        let first = *epochs.first().with_context(|| {
            let first = self.policy.first_epoch;
            Problem::new(
                format!("the policy begins with epoch {first}, after epoch {epoch}"),
                "pass the policy of that time",
            )
        })?;
        let mut from = self.seq_at(0, self.policy.bounds(first).0).await?;
        let (mut accruals, mut span) = (Vec::with_capacity(epochs.len()), None);
        for number in epochs {
            let next = self.seq_at(from, self.policy.bounds(number).1.min(until)).await?;
            spinner.set_message(format!("reading lines {from} to {next} of the journal, epoch {number}"));
            let (inputs, digest) = self.inputs(from, next).await?;
            accruals.push(Accrual::of(&self.policy, &inputs)?);
            span = Some(Span { first_seq: from, next_seq: next, digest });
            from = next;
        }
        spinner.finish_and_clear();
        let span = span.context("an epoch without a span")?;
        Ok(Report::of((&self.policy, self.digest), epoch, (until, span), &accruals)?)
    }

    /// Number of the first line at or after a Unix time.
    async fn seq_at(&self, from: u64, at: u64) -> anyhow::Result<u64> {
        first_at((from, self.network.next_seq), at, async |seq| {
            let page = self.gateway.events(seq, 1, None).await?;
            let event = page.items.first().with_context(|| format!("the gateway's journal ends before line {seq}"))?;
            Ok(u64::from(event.block_at))
        })
        .await
    }

    /// What the lines `from..until` say, with the hash chain over them.
    async fn inputs(&self, from: u64, until: u64) -> anyhow::Result<(Inputs, [u8; 32])> {
        let (mut seq, mut digest, mut settled) = (from, [0; 32], Vec::new());
        while seq < until {
            let wanted = u32::try_from(until - seq).unwrap_or(LINES).min(LINES);
            let page = self.gateway.events(seq, wanted, None).await?;
            ensure!(!page.items.is_empty(), "the gateway's journal ends before line {seq}");
            for event in page.items {
                ensure!(event.seq == seq, "the gateway's journal has line {} in the place of line {seq}", event.seq);
                let text = event.line.with_context(|| format!("the gateway left line {seq} out"))?;
                let line = Line::parse(&text)?.filter(|line| line.seq == seq);
                let line = line.with_context(|| format!("the gateway's line {seq} is another"))?;
                settled.extend(line.log.iter().filter_map(|entry| SettledLot::of(entry, event.block_at.into())));
                digest = next_head(sha256, &digest, &text);
                seq += 1;
            }
        }
        let batches: BTreeSet<BatchId> = settled.iter().map(|lot| lot.batch).collect();
        let batches = stream::iter(batches)
            .map(|batch| async move { anyhow::Ok((batch, self.batch(batch).await?)) })
            .buffered(BATCHES)
            .try_collect()
            .await?;
        let stakes = if settled.is_empty() { Vec::new() } else { self.gateway.stakes(from, until).await? };
        Ok((Inputs { settled, batches, stakes }, digest))
    }

    async fn batch(&self, number: BatchId) -> anyhow::Result<BatchFacts> {
        let found: Option<Referred<Batch>> = self.gateway.get(&format!("/v1/batches/{number}")).await?;
        let found = found.with_context(|| format!("the gateway does not know batch {number}"))?;
        let (referrer, batch) = (found.referrer(), found.batch);
        Ok(BatchFacts {
            referrer,
            requester: batch.record.requester,
            requester_id: batch.requester_id,
            requester_operator: batch.record.requester_operator,
            token: batch.record.token,
            fee_bps: batch.record.fixed.fee_bps,
        })
    }
}

/// The first of `from..end` whose time is `at` or later, or `end`. Times never fall, so that halving finds it.
async fn first_at(
    (mut from, mut end): (u64, u64),
    at: u64,
    time: impl AsyncFn(u64) -> anyhow::Result<u64>,
) -> anyhow::Result<u64> {
    while from < end {
        let middle = from + (end - from) / 2;
        match time(middle).await? >= at {
            true => end = middle,
            false => from = middle + 1,
        }
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeMap};

    use super::*;

    #[test]
    fn batch__should_be_read_with_and_without_a_referrer() {
        for (text, referrer) in [
            (r#"{"batch":3}"#, None),
            (r#"{"batch":3,"referrer":null,"referrer_id":null}"#, None),
            (r#"{"batch":3,"referrer":{"account":2,"part_pct":20},"referrer_id":"b.near"}"#, Some(("b.near", 20))),
        ] {
            let read: Referred<BTreeMap<String, u8>> = serde_json::from_str(text).unwrap();
            assert_eq!(read.batch["batch"], 3);
            let named = read.referrer();
            let named = named.as_ref().map(|named| (named.referrer_id.as_str(), named.part_pct));
            assert_eq!(named, referrer, "{text}");
        }
    }

    #[tokio::test]
    async fn first_at__should_find_a_line_among_a_billion_with_thirty_questions() {
        // Given a journal of a billion lines, ten a second
        const LINES: u64 = 1_000_000_000;
        for (at, first) in [(0, 0), (1, 10), (77_000, 770_000), (99_999_999, 999_999_990), (1 << 40, LINES)] {
            let asked = Cell::new(0);
            let time = async |seq| {
                asked.set(asked.get() + 1);
                Ok(seq / 10)
            };
            assert_eq!(first_at((0, LINES), at, time).await.unwrap(), first);
            assert!(asked.get() <= 30, "{} questions", asked.get());
        }
    }
}
