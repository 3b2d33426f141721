#![doc = include_str!("../README.md")]

pub mod accrual;
pub mod calendar;
pub mod payment;
pub mod policy;
pub mod report;

pub use accrual::{Accrual, AccrualError, BatchFacts, ChainReferrer, Inputs, Kind, SettledLot, Why};
pub use calendar::{Date, EpochNo};
pub use payment::Memo;
pub use policy::{Policy, PolicyError};
pub use report::{Report, Share, Span, Total};
