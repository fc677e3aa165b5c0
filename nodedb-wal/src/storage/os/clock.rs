//! The system's clocks, read with as little around it as can be: one is read for each record.

use nix::libc;

use crate::types::Timestamp;

/// What `clock` says. Linux has the clocks that are asked for and the address is ours, so that
/// reading cannot fail; the earliest time moves no record's.
pub(super) fn read(clock: libc::clockid_t) -> Timestamp {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(
        unsafe_code,
        reason = "a checked wrapper copies what was read once more"
    )]
    // SAFETY: `time` is a timespec of ours, which the call fills.
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    Timestamp::from_nanos(if answer == 0 {
        time.tv_sec
            .saturating_mul(1_000_000_000)
            .saturating_add(time.tv_nsec)
    } else {
        i64::MIN
    })
}
