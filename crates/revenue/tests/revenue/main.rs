//! Tests of the computation: by hand, by properties, and against those who try to gain.

mod accrual;
mod calendar;
mod gains;
mod market;
mod payment;
mod policy;
mod report;
