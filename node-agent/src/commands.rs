//! The commands beside `run`.

pub mod check;
pub mod init;
pub mod status;
