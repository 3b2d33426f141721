//! Each rule on its own.

mod attacks;
mod batches;
mod governance;
mod money;
mod nodes;
mod rounds;
mod sortition;
mod storage;
