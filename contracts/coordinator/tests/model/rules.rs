//! Each rule on its own.

mod adjudication;
mod appeals;
mod attacks;
mod audit;
mod batches;
mod classes;
mod forged;
mod governance;
mod intents;
mod living;
mod money;
mod nodes;
mod payout;
mod raise;
mod referrer;
mod rounds;
mod sortition;
mod storage;
mod treasury;
