//! What starting a node found.

use nodedb_wal::RecoveryReport;

use crate::catalog::Folded;

/// What starting a node found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeStart {
    /// What opening the log found.
    pub recovery: RecoveryReport,
    /// What the catalog had not seen yet.
    pub folded: Folded,
}
