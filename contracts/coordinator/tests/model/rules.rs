//! Each rule on its own.

mod batches;
mod money;
mod nodes;
mod rounds;
mod storage;
