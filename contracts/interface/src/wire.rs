//! What goes over the wire: methods and their arguments, ops, signed intents, the journal's lines.

pub mod args;
pub mod call;
pub mod event;
pub mod intent;
pub mod op;
