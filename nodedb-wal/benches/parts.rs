//! How long the parts of the log take, without a disk: one benchmark for each of
//! `support::all`. For comparing two states of the code on one machine.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose workload fails has nothing to report"
)]

mod support;

use criterion::{BatchSize, Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for workload in support::all() {
        let mut group = criterion.benchmark_group(&workload.name);
        group.throughput(Throughput::Elements(workload.operations));
        group.bench_function("run", |bencher| {
            bencher.iter_batched_ref(|| workload.prepare(), |run| run(), BatchSize::PerIteration);
        });
        group.finish();
    }
    criterion.final_summary();
}
