//! A database node's log services: typed appends, commits, and everything a restarting node needs
//! to replay.

pub mod audit;
pub mod calvin;
pub mod catalog;
pub mod cli;
mod config;
pub mod consumers;
pub mod control;
mod error;
mod manager;
mod node;
#[cfg(doctest)]
mod readme;
pub mod replay;
pub mod surrogate;
pub mod tenants;

pub use config::{NodeConfig, Retention};
pub use error::{ConsumerFault, Error, Result};
pub use manager::{Batch, InEpoch, Input, WalManager};
pub use node::{
    AuditSealed, Keeper, KeeperStatus, Node, NodeStart, Retained, Stalled, Tended, Truncation,
};
