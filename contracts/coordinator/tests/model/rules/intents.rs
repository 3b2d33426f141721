//! Signed intents.
