//! Random intents.

use piecework_interface::{
    call::{BatchArgs, BatchCreateArgs, BatchExtendExpiryArgs, BatchSkipLotsArgs},
    ids::{LotId, TokenId},
    intent::{Action, Append, Challenge, Intent, Payment, Raise, SignedIntent},
    key::Kinds,
};

use super::{
    super::{
        chain::CONTRACT,
        sign::{CHAIN_ID, Wallet, intent, payment, withdraw},
    },
    ACCOUNTS,
    plan::IntentPlan,
    run::Run,
};

impl Run {
    /// An intent, mostly a good one.
    pub fn signed(&self, plan: &IntentPlan) -> SignedIntent {
        let mut who = ACCOUNTS[plan.who.index(ACCOUNTS.len())];
        let mut wallet = Wallet::new(plan.wallet);
        let rows: Vec<_> = self.chain.mirror.accounts.values().filter(|named| !named.row.keys.is_empty()).collect();
        if plan.flaw > 10 && !rows.is_empty() {
            // Somebody who has a key, and the key.
            let named = plan.who.get(&rows);
            who = ACCOUNTS.into_iter().find(|who| *who == named.account_id).expect("one of them");
            let key = plan.to.get(&named.row.keys).public_key;
            wallet = (1..4).map(Wallet::new).find(|wallet| wallet.public_key() == key).expect("one of them");
        }
        let keys = self.chain.view(|mut engine| engine.view_account(who)).expect("view").map(|account| account.keys);
        let key = keys.unwrap_or_default().into_iter().find(|key| key.public_key == wallet.public_key());
        let (now, mut deadline, mut recipient) = (self.chain.now(), self.chain.now() + 100, CONTRACT);
        // Most leave a gap, into which some later ones go.
        let last = key.as_ref().and_then(|key| key.numbers.last().copied()).unwrap_or_default();
        let (mut nonce, mut chain_id) = (last + 1 + u64::from(plan.wallet % 2), CHAIN_ID);
        match plan.flaw {
            0 => chain_id = "mainnet",
            1 => deadline = now - 1,
            2 => deadline = now + 86_401,
            3 => who = "stranger.near",
            4 => nonce = last,
            10 => nonce = last.saturating_sub(1),
            5 => recipient = "other.near",
            6 if !self.sent.is_empty() => return plan.to.get(&self.sent).clone(),
            7 => return wallet.sign_text("{\"kind\":".to_owned(), nonce, recipient),
            _ => {}
        }
        let mut token = TokenId(plan.token.into());
        let mut kind = plan.kind;
        if plan.flaw > 12 {
            // What the key may sign, in a token of the account.
            let limit = key.as_ref().and_then(|key| key.limit);
            token = limit.map_or(TokenId(1 + u16::from(plan.token % 2)), |limit| limit.token);
            let kinds = key.map_or(Kinds::EVERY, |key| key.kinds);
            kind = (0..10).map(|more| (plan.kind + more) % 10).find(|kind| kinds.0 >> kind & 1 == 1).unwrap_or(kind);
        }
        let amount = plan.amount.map(u128::from);
        let payment = payment(ACCOUNTS[plan.to.index(ACCOUNTS.len())], token, amount.unwrap_or(1));
        let kind = match kind {
            0 => Action::Transfer(payment),
            1 => withdraw(token, amount),
            3 => match self.challenge_args(&plan.to, plan.wallet) {
                Some(challenge) => Action::Challenge(Challenge { token, challenge }),
                None => Action::Transfer(Payment { memo: Some("\"é\n".to_owned()), ..payment }),
            },
            4 => {
                let append = self.append_args(self.batch(&plan.to), plan.wallet, plan.flaw == 8);
                Action::Append(Append { token, append })
            }
            5 => {
                let expires_at = self.chain.now() + plan.amount.unwrap_or_default() % 3_000;
                Action::ExtendExpiry(BatchExtendExpiryArgs { batch: self.batch(&plan.to), expires_at })
            }
            6 => Action::Cancel(BatchArgs { batch: self.batch(&plan.to) }),
            7 => {
                let lots = (0..u32::from(plan.wallet) + 2).map(LotId).collect();
                Action::Skip(BatchSkipLotsArgs { batch: self.batch(&plan.to), lots })
            }
            8 => Action::Forget(BatchArgs { batch: self.batch(&plan.to) }),
            9 => {
                let raise = self.raise_args(self.batch(&plan.to), plan.amount.unwrap_or_default());
                Action::Raise(Raise { token, raise })
            }
            _ => {
                let mut spec = self.spec(&plan.batch);
                spec.items *= u32::from(plan.flaw != 8);
                Action::CreateBatch(BatchCreateArgs { token, batch: spec })
            }
        };
        let intent = Intent { chain_id: chain_id.to_owned(), ..intent(who, deadline, kind) };
        let message = serde_json::to_string(&intent).expect("json");
        let mut signed = wallet.sign_text(message, nonce, recipient);
        signed.signature[9] ^= u8::from(plan.flaw == 9);
        signed
    }
}
