//! The protocol's nouns: what is stored, viewed and sent, and nothing that decides. Knows neither [`crate::rules`] nor
//! [`crate::wire`].

pub mod account_id;
pub mod amount;
pub mod answers;
pub mod case;
pub mod config;
pub mod draw;
pub mod governance;
pub mod history;
pub mod ids;
pub mod item_set;
pub mod key;
mod public_key;
#[cfg(feature = "schema")]
pub mod schema;
pub mod skip;
pub mod terms;
pub mod view;
