//! The stored numbers: a line for the tools they were counted with, then one for each workload.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use super::callgrind::Count;

const TOOLS: &str = "tools: ";

/// Instructions of each workload, and what they were counted with.
pub(super) struct Baseline {
    pub(super) tools: String,
    pub(super) counts: BTreeMap<String, u64>,
}

impl Baseline {
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(file)?;
        let tools = text.lines().find_map(|line| line.strip_prefix(TOOLS));
        let counts = text.lines().filter_map(|line| {
            let (name, count) = line.rsplit_once(':')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        });
        Ok(Self {
            tools: tools.unwrap_or_default().to_owned(),
            counts: counts.collect(),
        })
    }

    pub(super) fn write(file: &Path, tools: &str, counts: &[Count]) -> io::Result<()> {
        let mut text = format!("{TOOLS}{tools}\n");
        for count in counts {
            let _infallible = writeln!(text, "{}: {}", count.name, count.instructions);
        }
        fs::write(file, text)
    }
}
