#![doc = include_str!("../README.md")]

pub mod amount;
mod interrupt;
mod output;
mod problem;
mod run;
mod words;

pub use interrupt::Interrupt;
pub use output::{Output, table};
pub use problem::{Problem, fix_of};
pub use run::{parse, report, run};
pub use words::{Words, one_of};
