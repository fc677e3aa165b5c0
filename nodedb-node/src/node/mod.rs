//! A node's log services put together: the log, the catalog, and what keeps them in step. What each
//! service does is for the folders below to say.

mod audit;
mod consumers;
mod holds;
mod keeper;
mod node_handle;
mod retained;
mod start;
#[cfg(test)]
mod tests;
mod time;
mod truncate;
mod usage;

pub use audit::AuditSealed;
pub use consumers::Stalled;
pub use keeper::{Keeper, KeeperStatus};
pub use node_handle::Node;
pub use retained::Retained;
pub use start::NodeStart;
pub use truncate::{Tended, Truncation};
