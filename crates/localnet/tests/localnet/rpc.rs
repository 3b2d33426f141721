//! The RPC as clients see it: through near-jsonrpc-client, and raw where codes and texts matter.

mod bad_input;
mod blocks;
mod error_shapes;
mod errors;
mod fuzz;
mod lag;
mod profile;
mod proofs;
mod queries;
mod rate_limit;
mod retention;
mod sandbox;
mod setup;
mod stream;
mod transactions;
