//! Money, disputes and governance by the `piecework` command, on a chain.
#![allow(non_snake_case)]

mod disputes;
mod governance;
mod money;
