//! Tokens in, tokens out.

use piecework_coordinator::engine::Error;
use piecework_interface::{
    amount::Amount,
    call::{BatchArgs, DepositMessage, TokenListArgs, WithdrawArgs},
    config::Config,
    event::Entry,
    ids::{BatchId, NEAR as NEAR_TOKEN, TokenId},
    money,
};

use crate::{
    chain::{CONTRACT, Call, NEAR, OWNER},
    check::check,
    market::{Market, REQUESTER, TOKEN, config, terms},
};

#[test]
fn ft_on_transfer__should_credit_a_listed_token() {
    let mut market = Market::new(0);
    market.chain.transfer_call(TOKEN, REQUESTER, 500, DepositMessage::Deposit {}).expect("deposit");
    check(&market.chain);
    assert_eq!(market.balance(REQUESTER), 500);
}

#[test]
fn ft_on_transfer__should_refuse_unlisted_tokens_strangers_and_nothing() {
    let mut market = Market::new(0);
    let mut refused = |token: &str, sender: &str, amount| {
        market.chain.transfer_call(token, sender, amount, DepositMessage::Deposit {}).expect_err("refused")
    };
    assert_eq!(refused("fake.near", REQUESTER, 5), Error::TokenAccount);
    assert_eq!(refused(TOKEN, "stranger.near", 5), Error::Account("the sender"));
    assert!(matches!(refused(TOKEN, REQUESTER, 0), Error::Amount(_)));
}

#[test]
fn ft_on_transfer__should_refuse_the_whole_transfer_when_the_batch_fails() {
    let mut market = Market::new(0);
    let now = market.chain.now();
    let bad = DepositMessage::CreateBatch(Market::spec(terms(now), 0));
    assert!(matches!(market.chain.transfer_call(TOKEN, REQUESTER, 10_000, bad), Err(Error::Batch(_))));
    let dear = DepositMessage::CreateBatch(Market::spec(terms(now), 100));
    assert!(matches!(market.chain.transfer_call(TOKEN, REQUESTER, 10, dear), Err(Error::Balance(_))));
    assert_eq!(market.balance(REQUESTER), 0);
    check(&market.chain);
}

fn for_other(deposit: DepositMessage, receiver: &str) -> (DepositMessage, Option<&str>) {
    (deposit, Some(receiver))
}

#[test]
fn deposit__should_credit_the_account_that_it_is_for_and_say_who_sent_it() {
    // Given a registered account without a token, and a sender that the contract does not know.
    let mut market = Market::new(1);
    let before = market.account("a.near").storage_used;

    // When the sender deposits for it.
    let message = || for_other(DepositMessage::Deposit {}, "a.near");
    market.chain.transfer_call_for(TOKEN, "stranger.near", 500, message()).expect("deposit");
    check(&market.chain);

    // Then it has the tokens, and pays for nothing that it had not.
    assert_eq!((market.balance("a.near"), market.account("a.near").storage_used), (500, before));
    let last = market.chain.lines.last().expect("line").log.clone();
    let (account, token) = (market.chain.number("a.near"), market.token);
    let sender = Some("stranger.near".to_owned());
    assert_eq!(last, [Entry::Deposited { account, token, amount: Amount(500), sender }]);
}

#[test]
fn deposit__should_refuse_accounts_that_are_not_registered_or_have_no_room() {
    // Given an account whose only room another token has.
    let mut market = Market::new(1);
    market.chain.list_token("other.near");
    market.chain.transfer_call("other.near", "a.near", 5, DepositMessage::Deposit {}).expect("its first token");

    // When others deposit for it and for one that is not there, then the whole transfer is refused.
    let mut send = |receiver| {
        let message = for_other(DepositMessage::Deposit {}, receiver);
        market.chain.transfer_call_for(TOKEN, REQUESTER, 500, message).expect_err("refused")
    };
    assert!(matches!(send("a.near"), Error::Status(_)));
    assert_eq!(send("nobody.near"), Error::Account("the account that it is for"));
    assert_eq!(market.balance("a.near"), 0);

    // When it has taken the token itself, then others may.
    market.fund("a.near", 1);
    let message = for_other(DepositMessage::Deposit {}, "a.near");
    market.chain.transfer_call_for(TOKEN, REQUESTER, 500, message).expect("room");
    assert_eq!(market.balance("a.near"), 501);
    check(&market.chain);
}

#[test]
fn deposit__should_make_a_batch_of_the_account_that_it_is_for() {
    // Given a batch that a stranger pays for a requester.
    let mut market = Market::new(0);
    let (now, requester) = (market.chain.now(), market.chain.number(REQUESTER));
    let message = || DepositMessage::CreateBatch(Market::spec(terms(now), 3));
    market.chain.transfer_call_for(TOKEN, "bridge.near", 100_000, for_other(message(), REQUESTER)).expect("batch");

    // Then it is the requester's, with its rest, and the requester alone cancels it.
    let batch = BatchId(0);
    assert_eq!(market.view_batch(batch).open.expect("open").requester, requester);
    let escrow = market.view_batch(batch).open.expect("open").escrow.0;
    assert_eq!(market.balance(REQUESTER), 100_000 - escrow);
    let stranger = market.call("bridge.near", 1, |engine| engine.batch_cancel(BatchArgs { batch }));
    assert!(stranger.is_err());
    market.cancel(batch).expect("its own");
    assert_eq!(market.balance(REQUESTER), 100_000, "it can take all that a stranger put in");

    // When the requester has no storage for one more, then nothing is made of its deposit.
    market.chain.storage_withdraw(REQUESTER, None).expect("withdrawn");
    let refused = market.chain.transfer_call_for(TOKEN, "bridge.near", 100_000, for_other(message(), REQUESTER));
    assert!(matches!(refused, Err(Error::Storage { .. })), "{refused:?}");
    check(&market.chain);
}

#[test]
fn deposit_for_another__should_make_a_batch_of_nothing_but_what_was_sent() {
    // Given a requester with a balance, and a thief with one unit whose nodes would do the batch.
    let mut market = Market::new(0);
    market.fund(REQUESTER, 1_000_000);
    let now = market.chain.now();
    let message = || DepositMessage::CreateBatch(Market::spec(terms(now), 3));
    let escrow = money::escrow(&terms(now), config().fee_bps, 3);

    // When the thief makes the requester a batch that the requester's balance would pay, by one unit or by all of it.
    for amount in [1, escrow - 1] {
        let refused = market.chain.transfer_call_for(TOKEN, "thief.near", amount, for_other(message(), REQUESTER));
        assert!(matches!(refused, Err(Error::Amount(_))), "{refused:?}");
    }

    // Then the requester keeps what it had, also where the sender pays the whole escrow.
    assert_eq!(market.balance(REQUESTER), 1_000_000);
    market.chain.transfer_call_for(TOKEN, "thief.near", escrow, for_other(message(), REQUESTER)).expect("paid");
    assert_eq!(market.balance(REQUESTER), 1_000_000);
    check(&market.chain);
}

#[test]
fn relay__should_name_whom_each_deposit_is_for() {
    // Given a bridge that is registered, and is a relay.
    let config = Config { relays: vec!["bridge.near".to_owned()], ..config() };
    let mut market = Market::with(config, 0);
    market.chain.storage_deposit("bridge.near", NEAR).expect("account");
    let now = market.chain.now();
    let batch = || DepositMessage::CreateBatch(Market::spec(terms(now), 3));

    // When the relay names nobody, then the whole transfer is refused.
    for message in [DepositMessage::Deposit {}, batch()] {
        let bare = market.chain.transfer_call(TOKEN, "bridge.near", 100_000, message);
        assert!(matches!(bare, Err(Error::Input(_))), "{bare:?}");
    }
    assert_eq!(market.balance("bridge.near"), 0);

    // When it names whom, itself included, then it is credited.
    for receiver in [REQUESTER, "bridge.near"] {
        let message = for_other(DepositMessage::Deposit {}, receiver);
        market.chain.transfer_call_for(TOKEN, "bridge.near", 500, message).expect("deposit");
        assert_eq!(market.balance(receiver), 500);
    }
    market.chain.transfer_call_for(TOKEN, "bridge.near", 100_000, for_other(batch(), REQUESTER)).expect("batch");
    check(&market.chain);
}

#[test]
fn token_list__should_be_for_the_owner_and_once() {
    let mut market = Market::new(0);
    let args = || TokenListArgs {
        account_id: "two.near".to_owned(),
        min_reward: Amount(1),
        rep_unit: Amount(1),
        bond_rate: Amount(1),
    };
    let by = |who| Call::by(who).with(1);
    let stranger = market.chain.call(by(REQUESTER), |engine| engine.token_list(args()));
    assert_eq!(stranger, Err(Error::Caller("the owner or a role that it gave")));
    assert_eq!(market.chain.call(by(OWNER), |engine| engine.token_list(args())), Ok(TokenId(2)));
    assert_eq!(market.chain.call(by(OWNER), |engine| engine.token_list(args())), Err(Error::TokenListed));
    check(&market.chain);
}

#[test]
fn withdraw__should_restore_what_the_token_refused() {
    // Given a withdrawal on its way.
    let mut market = Market::new(0);
    market.chain.transfer_call(TOKEN, REQUESTER, 500, DepositMessage::Deposit {}).expect("deposit");
    let token = market.token;
    market.chain.withdraw(REQUESTER, token, Some(200)).expect("withdraw");
    assert_eq!((market.balance(REQUESTER), market.account(REQUESTER).in_flight), (300, 1));
    check(&market.chain);

    // When the token refuses it, it is back; when it accepts, it is gone.
    market.chain.answer(false);
    assert_eq!((market.balance(REQUESTER), market.account(REQUESTER).in_flight), (500, 0));
    market.chain.withdraw(REQUESTER, token, None).expect("withdraw");
    market.chain.answer(true);
    assert_eq!(market.balance(REQUESTER), 0);
    assert_eq!(market.chain.ledger[&(TOKEN.to_owned(), REQUESTER.to_owned())], 500);
    check(&market.chain);
}

#[test]
fn withdraw__should_refuse_more_than_there_is() {
    let mut market = Market::new(0);
    let token = market.token;
    assert!(matches!(market.chain.withdraw(REQUESTER, token, None), Err(Error::Amount(_))));
    assert!(matches!(market.chain.withdraw(REQUESTER, token, Some(1)), Err(Error::Balance(_))));
    assert!(matches!(market.chain.withdraw(REQUESTER, TokenId(9), Some(1)), Err(Error::Balance(_))));
}

#[test]
fn on_withdrawn__should_be_for_the_contract_itself() {
    let mut market = Market::new(1);
    market.chain.transfer_call(TOKEN, "a.near", 500, DepositMessage::Deposit {}).expect("deposit");
    let (token, account) = (market.token, market.chain.number("a.near"));
    market.chain.withdraw("a.near", token, None).expect("withdraw");
    let forged = market.chain.call(Call::by("a.near"), |engine| engine.on_withdrawn(account, token, 500, false));
    assert_eq!(forged, Err(Error::Caller("the contract itself")));
    assert!(market.chain.call(Call::by(CONTRACT), |engine| engine.on_withdrawn(account, token, 500, true)).is_ok());
}

#[test]
fn stake_claim__should_pay_near_by_withdrawal() {
    let mut market = Market::new(1);
    let remove = piecework_interface::call::StakeRemoveArgs { amount: Some(Amount(4 * NEAR)) };
    market.chain.call(Call::by("a.near").with(1), |engine| engine.stake_remove(remove)).expect("remove");
    assert!(matches!(
        market.chain.call(Call::by("a.near").with(1), |engine| engine.stake_claim()),
        Err(Error::Stake(_))
    ));
    market.chain.pass(1_000);
    market.chain.call(Call::by("a.near").with(1), |engine| engine.stake_claim()).expect("claim");
    check(&market.chain);
    market.chain.withdraw("a.near", NEAR_TOKEN, None).expect("withdraw");
    check(&market.chain);
    market.chain.answer(true);
    check(&market.chain);
    assert_eq!(market.node("a.near").stake.0, 6 * NEAR);
}

#[test]
fn methods_that_move_value__should_need_one_yocto() {
    let mut market = Market::new(1);
    let token = market.token;
    let now = market.chain.now();
    let args = || WithdrawArgs { token, amount: None };
    let spec = || piecework_interface::call::BatchCreateArgs { token, batch: Market::spec(terms(now), 1) };
    let batch = BatchArgs { batch: BatchId(0) };
    let classes = || piecework_interface::call::NodeRegisterArgs { classes: vec![] };
    let all = || piecework_interface::call::StakeRemoveArgs { amount: None };
    for deposit in [0, 2] {
        let call = |result: Result<(), Error>| assert_eq!(result, Err(Error::Deposit("exactly 1 yoctoNEAR")));
        let by = Call::by("a.near").with(deposit);
        let chain = &mut market.chain;
        call(chain.call(by, |engine| engine.withdraw(args())).map(|_| ()));
        call(chain.call(by, |engine| engine.payout_set(Some("cold.near".to_owned()))));
        call(chain.call(by, |engine| engine.batch_create(spec())).map(|_| ()));
        call(chain.call(by, |engine| engine.batch_cancel(batch.clone())));
        call(chain.call(by, |engine| engine.batch_forget(batch.clone())));
        call(chain.call(by, |engine| engine.node_update(classes())));
        call(chain.call(by, |engine| engine.stake_remove(all())));
        call(chain.call(by, |engine| engine.stake_claim()));
        call(chain.call(by, |engine| engine.storage_withdraw(None)).map(|_| ()));
        call(chain.call(by, |engine| engine.storage_unregister()).map(|_| ()));
    }
    let by = Call::by("a.near").with(1);
    assert_eq!(market.chain.call(by, |engine| engine.heartbeat()), Err(Error::Deposit("nothing")));
    assert_eq!(market.chain.call(by, |engine| engine.poke(&[])), Err(Error::Deposit("nothing")));
    assert_eq!(market.chain.call(by, |engine| engine.withdraw_payout(args())), Err(Error::Deposit("nothing")));
    assert_eq!(market.chain.call(by, |engine| engine.work(vec![])), Err(Error::Deposit("nothing")));
}
