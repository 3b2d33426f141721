//! The contracts and the whole system on a node process.
mod cases;
mod commands;
mod full_stack;
mod intents;
mod life;
mod public_network;
mod refusals;
mod relays;
mod timeouts;
mod upgrade;
mod wallet;
