//! The catalogue: everything there is to measure, by name, and what each thing is compared with.

use super::figures::Sample;
use super::place::Place;
use super::raw_writes::Space;
use super::{
    commit, futures_commit, open, percore, raw_reads, raw_writes, replay, rotation, stream, tenants,
};
use crate::cli::error::CliError;

/// Threads of the rows of blocking commits.
pub(super) const THREADS: [usize; 5] = [1, 4, 16, 64, 256];
/// Payloads of the rows of streams and replays, and what their workloads are called.
pub(super) const PAYLOADS: [(usize, &str); 4] =
    [(64, "64"), (256, "256"), (4 << 10, "4k"), (64 << 10, "64k")];
/// Payloads of the scans.
pub(super) const SCANNED: [(usize, &str); 2] = [PAYLOADS[1], PAYLOADS[2]];
/// How much longer the long log is, which is opened on request.
const LARGE_TIMES: u64 = 8;

/// One thing to measure; it brings one row or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    RawSmall(Space),
    RawLarge(Space),
    RawRead,
    Commit {
        threads: usize,
    },
    Futures,
    Stream {
        payload_bytes: usize,
    },
    StreamTwoThreads,
    Replay {
        payload_bytes: usize,
    },
    Scan {
        payload_bytes: usize,
    },
    Open {
        times: u64,
    },
    Rotation,
    Tenants,
    PerCore {
        writers: usize,
        payload_bytes: usize,
    },
    PerCoreMerge,
}

impl Work {
    /// Everything, in the order in which it runs: whatever others are compared with comes first.
    pub(super) fn all(large: bool) -> Vec<Self> {
        let spaces = [Space::Written, Space::Allocated];
        // Small writes before large ones: some disks grant so many bytes, then slow down.
        let mut all: Vec<Self> = spaces.map(Self::RawSmall).into();
        all.extend(THREADS.map(|threads| Self::Commit { threads }));
        all.push(Self::Futures);
        all.push(Self::Rotation);
        all.push(Self::Tenants);
        all.extend(spaces.map(Self::RawLarge));
        all.extend(PAYLOADS.map(|(payload_bytes, _)| Self::Stream { payload_bytes }));
        all.push(Self::StreamTwoThreads);
        for writers in percore::WRITERS {
            all.extend(percore::PAYLOADS.map(|(payload_bytes, _)| Self::PerCore {
                writers,
                payload_bytes,
            }));
        }
        all.push(Self::PerCoreMerge);
        all.push(Self::RawRead);
        all.extend(PAYLOADS.map(|(payload_bytes, _)| Self::Replay { payload_bytes }));
        all.extend(SCANNED.map(|(payload_bytes, _)| Self::Scan { payload_bytes }));
        all.push(Self::Open { times: 1 });
        if large {
            all.push(Self::Open { times: LARGE_TIMES });
        }
        all
    }

    /// What it is called on the command line.
    pub(super) fn name(&self) -> String {
        match self {
            Self::RawSmall(space) => format!("raw-4k-{}", space.name()),
            Self::RawLarge(space) => format!("raw-1m-{}", space.name()),
            Self::RawRead => "raw-read".to_owned(),
            Self::Commit { threads } => format!("commit-{threads}"),
            Self::Futures => "commit-futures".to_owned(),
            Self::Stream { payload_bytes } => format!("stream-{}", short(*payload_bytes)),
            Self::StreamTwoThreads => "stream-2-threads".to_owned(),
            Self::Replay { payload_bytes } => format!("replay-{}", short(*payload_bytes)),
            Self::Scan { payload_bytes } => format!("replay-scan-{}", short(*payload_bytes)),
            Self::Open { times: 1 } => "open".to_owned(),
            Self::Open { .. } => "open-large".to_owned(),
            Self::Rotation => "rotation".to_owned(),
            Self::Tenants => "tenants".to_owned(),
            Self::PerCore {
                writers,
                payload_bytes,
            } => format!("percore-{writers}-{}", short(*payload_bytes)),
            Self::PerCoreMerge => "percore-merge".to_owned(),
        }
    }

    /// Whether `text` is its name or the first words of it.
    pub(super) fn is_named_by(&self, text: &str) -> bool {
        let name = self.name();
        let rest = name.strip_prefix(text);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What it is compared with, which must run before it.
    fn needs(&self) -> Vec<Self> {
        match self {
            Self::Stream { .. } => {
                vec![
                    Self::RawLarge(Space::Written),
                    Self::RawLarge(Space::Allocated),
                ]
            }
            Self::StreamTwoThreads => vec![Self::Stream { payload_bytes: 256 }],
            &Self::Scan { payload_bytes } => vec![Self::Replay { payload_bytes }],
            _ => Vec::new(),
        }
    }

    /// Measures it once.
    pub(super) fn run(&self, place: &Place) -> Result<Vec<Sample>, CliError> {
        match *self {
            Self::RawSmall(space) => raw_writes::small(place, space),
            Self::RawLarge(space) => raw_writes::large(place, space),
            Self::RawRead => raw_reads::own_file(place),
            Self::Commit { threads } => commit::threads(place, threads),
            Self::Futures => futures_commit::outstanding(place),
            Self::Stream { payload_bytes } => stream::one_thread(place, payload_bytes),
            Self::StreamTwoThreads => stream::two_threads(place),
            Self::Replay { payload_bytes } => replay::cold_and_warm(place, payload_bytes),
            Self::Scan { payload_bytes } => replay::scan(place, payload_bytes),
            Self::Open { times } => open::crashed_and_closed(place, times),
            Self::Rotation => rotation::with_and_without(place),
            Self::Tenants => tenants::fairness(place),
            Self::PerCore {
                writers,
                payload_bytes,
            } => percore::beside_shared(place, writers, payload_bytes),
            Self::PerCoreMerge => percore::merge(place),
        }
    }
}

/// The workloads that `names` name, with whatever they are compared with; everything when there are
/// no names.
pub(super) fn chosen(names: &[String], large: bool) -> Vec<Work> {
    let all = Work::all(large || names.contains(&Work::Open { times: LARGE_TIMES }.name()));
    let is_wanted =
        |work: &&Work| names.is_empty() || names.iter().any(|name| work.is_named_by(name));
    let mut wanted: Vec<Work> = all.iter().filter(is_wanted).copied().collect();
    let mut at = 0;
    while at < wanted.len() {
        for needed in wanted[at].needs() {
            if !wanted.contains(&needed) {
                wanted.push(needed);
            }
        }
        at += 1;
    }
    all.into_iter()
        .filter(|work| wanted.contains(work))
        .collect()
}

fn short(payload_bytes: usize) -> &'static str {
    let found = PAYLOADS.iter().find(|(bytes, _)| *bytes == payload_bytes);
    found.map_or("other", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], large: bool) -> Vec<String> {
        let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
        chosen(&only, large).iter().map(Work::name).collect()
    }

    #[test]
    fn what_is_chosen_comes_with_what_it_is_compared_with_and_before_it() {
        assert_eq!(names(&["commit-1"], false), ["commit-1"]);
        assert_eq!(
            names(&["stream-2-threads"], false),
            [
                "raw-1m-written",
                "raw-1m-allocated",
                "stream-256",
                "stream-2-threads"
            ]
        );
        assert_eq!(
            names(&["replay-scan-4k", "raw-read"], false),
            ["raw-read", "replay-4k", "replay-scan-4k"]
        );
        assert_eq!(names(&[], true).len(), Work::all(true).len());
        assert_eq!(names(&["open"], true), ["open", "open-large"]);
        assert_eq!(names(&["open"], false), ["open"]);
        assert_eq!(names(&["open-large"], false), ["open-large"]);
    }

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        let mut all = names(&[], true);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), Work::all(true).len());
    }
}
