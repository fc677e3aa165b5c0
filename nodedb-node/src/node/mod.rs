//! A node's log services put together: the log, the catalog, and what keeps them in step. What each
//! service does is for the folders below to say.

mod audit;
mod node_handle;
mod start;
#[cfg(test)]
mod tests;
mod time;
mod truncate;

pub use audit::AuditSealed;
pub use node_handle::Node;
pub use start::NodeStart;
pub use truncate::Truncation;
