//! Each rule on its own.

mod attacks;
mod batches;
mod governance;
mod intents;
mod money;
mod nodes;
mod revenue;
mod rounds;
mod sortition;
mod storage;
