//! Tests of the computation: by hand, by properties, and against those who try to gain.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test")]

mod accrual;
mod calendar;
mod gains;
mod market;
mod payment;
mod policy;
mod report;
