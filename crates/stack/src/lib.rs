#![doc = include_str!("../README.md")]

mod accounts;
mod agent;
mod chain;
mod config;
mod deploy;
mod guide;
pub mod launch;
mod layout;
mod plan;
mod postgres;
mod process;
mod programs;
mod reconcile;
pub mod rehearsal;
mod servers;
mod site;
mod stack;

pub use accounts::{Actor, Node};
pub use agent::{Agent, AgentSetup, Pace};
pub use chain::Like;
pub use config::local_config;
pub use deploy::{CLASS, Deployment, LOCAL_TOKEN_DECIMALS};
pub use guide::{describe, guide};
pub use layout::Layout;
pub use plan::Plan;
pub use process::{Process, Spec, command};
pub use programs::Programs;
pub use reconcile::{Reconciled, reconcile};
pub use servers::Servers;
pub use site::Site;
pub use stack::Stack;
