//! Disputes by the `piecework` command, on a chain.
#![allow(non_snake_case)]

mod disputes;
