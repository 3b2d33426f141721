//! NEAR's rules: how transactions become receipts, receipts run actions, and gas is bought, burnt and refunded.
//!
//! Follows nearcore's `runtime/runtime`; each file names the one it follows.

mod actions;
mod apply;
mod call;
mod context;
mod errors;
mod external;
pub mod fees;
mod process;
mod promises;
mod refunds;
mod storage_stake;
mod transactions;
mod validate;
mod verify;
mod view;
mod yields;

pub use context::{BlockContext, Runtime, Validators};
pub use errors::RuntimeError;
pub use process::{Applied, BlockInput};
pub use verify::inconsistent;
pub use view::ViewError;
