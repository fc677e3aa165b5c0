//! How the service is.

use std::sync::Arc;

use crate::error::Error;

/// How the surrogate service is: what waits, and whether its thread still folds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SurrogateStatus {
    /// Bindings that are in memory because the catalog does not have them yet.
    pub unfolded: usize,
    /// Folds that the service has done.
    pub folds: u64,
    /// Whether folding stopped; no surrogate is assigned then until the node is opened again.
    pub is_stopped: bool,
    /// Why it stopped; nothing when its thread panicked.
    pub cause: Option<Arc<Error>>,
}
