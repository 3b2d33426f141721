//! The requester's and administrator's command.
