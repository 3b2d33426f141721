//! Each rule on its own.

mod adjudication;
mod attacks;
mod batches;
mod cases;
mod governance;
mod intents;
mod migrate;
mod money;
mod nodes;
mod revenue;
mod rounds;
mod sortition;
mod storage;
