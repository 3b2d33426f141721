//! Each rule on its own.

mod batches;
mod governance;
mod money;
mod nodes;
mod revenue;
mod rounds;
mod storage;
