//! What probes and operators ask.

pub mod livez;
pub mod readyz;
pub mod status;
