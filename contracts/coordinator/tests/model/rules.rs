//! Each rule on its own.

mod batches;
mod governance;
mod intents;
mod money;
mod nodes;
mod rounds;
mod storage;
