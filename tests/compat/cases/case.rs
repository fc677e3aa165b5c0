//! What a golden log is, and the list of all of them.

use super::{damage, ends, files, kinds, shapes, strangers};
use crate::scribe::Scribe;

/// A golden log. Once a version is released, its cases are added to and never changed.
pub(crate) struct Case {
    /// The name of its directory.
    pub(crate) name: String,
    /// Why it is there: the head of its expectation file.
    pub(crate) story: &'static str,
    /// What opening it must say, as `describe` words it: the expectation file is made by running
    /// the code, this line is not.
    pub(crate) open: String,
    pub(crate) write: Box<dyn Fn(&mut Scribe)>,
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        story: &'static str,
        open: impl Into<String>,
        write: impl Fn(&mut Scribe) + 'static,
    ) -> Self {
        let (name, open, write) = (name.into(), open.into(), Box::new(write));
        Self {
            name,
            story,
            open,
            write,
        }
    }

    /// The log, written now.
    pub(crate) fn written(&self) -> Scribe {
        let mut scribe = Scribe::new(&self.name);
        (self.write)(&mut scribe);
        scribe
    }
}

/// Every golden log of the version that is written now.
pub(crate) fn all() -> Vec<Case> {
    [
        kinds::cases(),
        shapes::cases(),
        ends::cases(),
        damage::cases(),
        files::cases(),
        strangers::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
