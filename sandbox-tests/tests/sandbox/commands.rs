//! Money, disputes and governance by the `piecework` command, on a chain.

mod disputes;
mod governance;
mod money;
