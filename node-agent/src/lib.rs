//! The node operator's daemon.
