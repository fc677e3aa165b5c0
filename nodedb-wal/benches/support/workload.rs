//! The parts that are measured, each by a name: timed by `parts`, counted by `instructions`.

use super::{bytes, logs, payloads};

/// A part of the log, and what is done to it.
pub(crate) struct Workload {
    /// What it is called in reports and in the baseline.
    pub(crate) name: String,
    /// How many operations a run is.
    pub(crate) operations: u64,
    prepare: Box<dyn Fn() -> Run>,
}

/// What is measured; run once.
pub(crate) type Run = Box<dyn FnMut()>;

impl Workload {
    /// A workload whose `prepare` brings about what is needed and is not measured.
    pub(crate) fn new(
        name: impl Into<String>,
        operations: u64,
        prepare: impl Fn() -> Run + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            operations,
            prepare: Box::new(prepare),
        }
    }

    /// What is to be measured, ready to be run once.
    pub(crate) fn prepare(&self) -> Run {
        (self.prepare)()
    }
}

/// All parts, from the bytes up.
pub(crate) fn all() -> Vec<Workload> {
    [bytes::workloads(), payloads::workloads(), logs::workloads()]
        .into_iter()
        .flatten()
        .collect()
}
