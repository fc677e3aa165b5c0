//! Puts a row beside what else its round has brought: raw writes, one thread, a full replay. A pure
//! function; what one workload measures on both sides, it compares itself.

use super::figures::{Group, Metric, Round, Sample};
use super::raw_writes::Space;
use super::work::SCANNED;
use super::{replay, stream};

/// The same row, with its ratios to rows of the same round.
pub(super) fn beside_others(sample: Sample, round: &Round) -> Sample {
    match sample.group {
        Group::Stream if sample.name == stream::TWO_THREADS => beside_one_thread(sample, round),
        Group::Stream => beside_sequential_writes(sample, round),
        Group::Replay => beside_full_replay(sample, round),
        Group::Raw
        | Group::Commit
        | Group::PerCore
        | Group::Open
        | Group::Rotation
        | Group::Tenants => sample,
    }
}

fn beside_sequential_writes(sample: Sample, round: &Round) -> Sample {
    let own = Metric::GigabytesPerSecond;
    let raw = |space: Space| round.figure(Group::Raw, &space.large_row(), own);
    sample
        .with_ratio(Metric::RatioToWritten, own, raw(Space::Written))
        .with_ratio(Metric::RatioToAllocated, own, raw(Space::Allocated))
}

fn beside_one_thread(sample: Sample, round: &Round) -> Sample {
    let one = stream::row(stream::SHARED_BYTES);
    let one = round.figure(Group::Stream, &one, Metric::PerSecond);
    sample.with_ratio(Metric::RatioToOneThread, Metric::PerSecond, one)
}

/// Of a scan; a full replay stays as it is.
fn beside_full_replay(sample: Sample, round: &Round) -> Sample {
    let scanned = SCANNED
        .iter()
        .find(|(bytes, _)| sample.name == replay::scan_row(*bytes));
    let full = scanned.and_then(|&(bytes, _)| {
        let full = replay::row(bytes, replay::Cache::Warm);
        round.figure(Group::Replay, &full, Metric::PerSecond)
    });
    sample.with_ratio(Metric::RatioToFullReplay, Metric::PerSecond, full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &[Sample], sample: Sample, expected: &[(Metric, f64)]) {
        let round = Round {
            samples: base.to_vec(),
        };
        let had = sample.figures.len();
        let compared = beside_others(sample, &round);
        assert_eq!(&compared.figures[had..], expected, "{}", compared.name);
    }

    #[test]
    fn each_row_is_put_beside_its_own_base() {
        let rate = |group, name: String, value| {
            Sample::new(group, name)
                .with(Metric::PerSecond, value)
                .with(Metric::GigabytesPerSecond, value)
                .with(Metric::P50Micros, value)
        };
        let base = [
            rate(Group::Raw, Space::Written.large_row(), 4.0),
            rate(Group::Raw, Space::Allocated.large_row(), 8.0),
            rate(Group::Stream, stream::row(256), 16.0),
            rate(Group::Replay, replay::row(256, replay::Cache::Warm), 32.0),
        ];
        let of = |group, name: String| rate(group, name, 64.0);
        check(
            &base,
            of(Group::Stream, stream::row(64)),
            &[
                (Metric::RatioToWritten, 16.0),
                (Metric::RatioToAllocated, 8.0),
            ],
        );
        let two = of(Group::Stream, stream::TWO_THREADS.to_owned());
        check(&base, two.clone(), &[(Metric::RatioToOneThread, 4.0)]);
        let scan = of(Group::Replay, replay::scan_row(256));
        check(&base, scan.clone(), &[(Metric::RatioToFullReplay, 2.0)]);
        let full = of(Group::Replay, replay::row(64, replay::Cache::Warm));
        check(&base, full, &[]);
        for sample in [two, scan] {
            check(&[], sample, &[]);
        }
    }
}
