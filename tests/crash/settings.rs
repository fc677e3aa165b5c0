//! What the environment asks of a run, and the line that runs a failing case again.
//!
//! `CRASH_SEED` is the first seed, `CRASH_SEEDS` how many there are, or `CRASH_SECONDS` for how long
//! seeds are tried; `CRASH_OP` crashes at one operation only. `CRASH_STEPS`, `CRASH_WEATHER` and
//! `CRASH_READ_WEATHER` name the places of a workload that are played, joined by commas.

use std::time::{Duration, Instant};

use nodedb_tests::player::Door;
use nodedb_tests::shrink::{Selection, shrink};
use nodedb_tests::sweep::{Failure, Points, crash_everywhere};
use nodedb_tests::workload::Workload;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seeds to try: `usual` of them, or what the environment asks for.
pub(crate) fn seeds(usual: u64) -> impl Iterator<Item = u64> + Send {
    let first = number("CRASH_SEED").unwrap_or(1);
    let count = number("CRASH_SEEDS");
    let until =
        number("CRASH_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let end = match (count, until) {
        (None, Some(_)) => u64::MAX,
        (count, _) => first + count.unwrap_or(usual),
    };
    (first..end).take_while(move |_| until.is_none_or(|until| Instant::now() < until))
}

/// Whether nobody asked for something else than everybody runs: only then is it known how much is
/// tried.
pub(crate) fn is_usual() -> bool {
    let asked = ["CRASH_SEED", "CRASH_SEEDS", "CRASH_SECONDS"];
    asked.iter().all(|name| std::env::var_os(name).is_none())
}

/// The crash points to try.
pub(crate) fn points() -> Points {
    number("CRASH_OP").map_or(Points::All, Points::One)
}

/// What the environment leaves of `workload`.
pub(crate) fn selected(workload: &Workload) -> Workload {
    let all = Selection::all(workload);
    let places = |name: &str, all: Vec<usize>| match std::env::var(name) {
        Ok(list) => list.split(',').filter_map(|at| at.parse().ok()).collect(),
        Err(_) => all,
    };
    let selection = Selection {
        steps: places("CRASH_STEPS", all.steps),
        weather: places("CRASH_WEATHER", all.weather),
        read_weather: places("CRASH_READ_WEATHER", all.read_weather),
    };
    selection.of(workload)
}

/// What a failing workload comes down to: one line that runs it, and what it does.
pub(crate) fn told(workload: &Workload, door: Door, failure: &Failure, test: &str) -> String {
    if std::env::var_os("CRASH_STEPS").is_some() {
        return failure.to_string();
    }
    let fails = |part: &Workload| crash_everywhere(part, door, Points::All).is_err();
    let selection = shrink(workload, fails);
    let small = selection.of(workload);
    let again = crash_everywhere(&small, door, Points::All).err();
    let failure = again.as_ref().unwrap_or(failure);
    let listing: Vec<String> = small.steps.iter().map(|step| format!("  {step}")).collect();
    format!(
        "{failure}\nrerun: {} cargo test -p nodedb-tests --test crash {test}\n{:?}, {:?}, weather {:?} {:?}\n{}",
        variables(workload.seed, &selection, failure.operation),
        small.tail_policy,
        small.io_mode,
        small.weather,
        small.read_weather,
        listing.join("\n"),
    )
}

fn variables(seed: u64, selection: &Selection, operation: Option<u64>) -> String {
    let list = |name: &str, places: &[usize]| {
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        format!("CRASH_{name}={}", places.join(","))
    };
    let mut all = vec![
        format!("CRASH_SEED={seed} CRASH_SEEDS=1"),
        list("STEPS", &selection.steps),
        list("WEATHER", &selection.weather),
        list("READ_WEATHER", &selection.read_weather),
    ];
    all.extend(operation.map(|at| format!("CRASH_OP={at}")));
    all.join(" ")
}
