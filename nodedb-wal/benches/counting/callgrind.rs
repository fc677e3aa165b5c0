//! Runs workloads under callgrind, each in a process of its own, and reads the count.

use std::collections::BTreeMap;
use std::io;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::planted::idle;
use crate::support;

/// Callgrind counts while this is being run and at no other time, so its name is not to be changed
/// alone. Not inlined, or there would be nothing to find.
#[inline(never)]
fn measured(run: &mut dyn FnMut()) {
    run();
    // Something comes behind the call, so that it is one, and not a jump that leaves this function.
    std::hint::black_box(());
}

const MEASURED: &str = "*callgrind::measured*";

/// Runs the workload `name`, for callgrind to look at, and so many rounds of idling behind it.
pub(crate) fn run_one(name: &str, idle_rounds: u64) {
    let workloads = support::all();
    let workload = workloads.iter().find(|w| w.name == name).unwrap();
    let mut run = workload.prepare();
    measured(&mut || {
        run();
        if idle_rounds > 0 {
            idle(idle_rounds);
        }
    });
}

/// What a workload takes.
pub(super) struct Count {
    pub(super) name: String,
    pub(super) operations: u64,
    /// Of a whole run.
    pub(super) instructions: u64,
}

/// Counts every workload, two at a time, and gives them back in order.
pub(super) fn count_all() -> io::Result<Vec<Count>> {
    let workloads = support::all().into_iter();
    let names: Vec<(String, u64)> = workloads.map(|w| (w.name, w.operations)).collect();
    let next = Mutex::new(names.iter().enumerate());
    let counts = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let Some((at, (name, operations))) = next.lock().unwrap().next() else {
                return;
            };
            let counted = instructions(name, 0).map(|instructions| Count {
                name: name.clone(),
                operations: *operations,
                instructions,
            });
            counts.lock().unwrap().insert(at, counted);
        }
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(work);
        work();
        second.join().unwrap();
    });
    counts.into_inner().unwrap().into_values().collect()
}

/// What a run of the workload takes, with so many rounds of idling.
pub(super) fn instructions(name: &str, idle_rounds: u64) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--collect-atstart=no",
        ])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(std::env::current_exe()?)
        .args(["--run", name, "--idle", &idle_rounds.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = collected(&said).filter(|&count| count > 0);
    match collected {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(io::Error::other(format!("{name}: not counted:\n{said}"))),
    }
}

/// The number behind "Collected :".
fn collected(said: &str) -> Option<u64> {
    let (_, rest) = said.split_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What the counts depend on besides the code: the compiler, the C library (it copies memory), the
/// processor that callgrind shows, and callgrind.
pub(super) fn tools() -> io::Result<String> {
    let processor = if has_avx2() { "avx2" } else { "no avx2" };
    Ok([
        first_line("rustc", "--version")?,
        first_line("valgrind", "--version")?,
        first_line("getconf", "GNU_LIBC_VERSION")?,
        format!("{} {processor}", std::env::consts::ARCH),
    ]
    .join(", "))
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

fn first_line(program: &str, argument: &str) -> io::Result<String> {
    let output = Command::new(program).arg(argument).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().unwrap_or_default().to_owned())
}
