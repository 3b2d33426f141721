//! Money, disputes, gold and governance by the `piecework` command, on a chain.

mod deploy;
mod disputes;
mod gold;
mod governance;
mod living;
mod money;
mod page;
mod payout;
mod revenue;
mod streams;
