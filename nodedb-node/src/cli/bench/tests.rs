//! A report from fixed figures, in all three forms.

use std::time::Duration;

use serde_json::Value;

use super::commit::row_name;
use super::figures::{Group, Metric, Round, Sample};
use super::html;
use super::latency::Latency;
use super::machine::Machine;
use super::raw_writes::Space;
use super::report::{BenchReport, Settings};
use crate::cli::answer::Answer as _;

fn latency(micros: u64) -> Latency {
    let mut latency = Latency::exact();
    for more in 0..200 {
        latency.record(Duration::from_micros(micros + more));
    }
    latency
}

/// Three rounds of a few rows, each round a bit faster than the one before.
fn sample_report() -> BenchReport {
    let round = |times: f64| Round {
        samples: vec![
            Sample::new(Group::Raw, Space::Written.small_row())
                .with(Metric::PerSecond, 10_000.0 * times)
                .with_latency(latency(90)),
            Sample::new(Group::Commit, row_name(1))
                .with(Metric::PerSecond, 9_500.0 * times)
                .with(Metric::P50RatioToDurableWrite, 1.02 * times)
                .with_latency(latency(95)),
            Sample::new(Group::Commit, row_name(4))
                .with(Metric::PerSecond, 20_000.0 * times)
                .with(Metric::RatioToDurableWrite, 2.0 * times),
            Sample::new(Group::Stream, "<odd & name>").with(Metric::GigabytesPerSecond, 2.5),
        ],
    };
    let settings = Settings {
        version: "1.2.3",
        seconds: 0.5,
        runs: 3,
        mib: 64,
        direct_io: true,
        optimized: true,
    };
    let machine = Machine {
        cpus: 2,
        cpu: Some("a CPU".to_owned()),
        kernel: None,
        load_before: Some(0.25),
    };
    BenchReport::new(settings, machine, &[1.0, 1.1, 0.9].map(round))
}

#[test]
fn the_text_has_a_table_for_each_group_and_the_goals() {
    let text = sample_report().text();
    for part in [
        "a CPU",
        "0.5 s, 3 rounds, medians",
        "load before",
        Group::Raw.title(),
        Group::Commit.title(),
        "<odd & name>",
        "20.0 k",
        "Goals",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let line = |start: &str, has: &str| {
        let found = text
            .lines()
            .find(|line| line.trim_start().starts_with(start) && line.contains(has));
        found.map(str::to_owned)
    };
    let met = line("commit: 1 thread", "p50 / raw 4 KiB").unwrap();
    assert!(met.ends_with("yes"), "{met}");
    let missed = line("commit: 4 threads", "rate / raw 4 KiB").unwrap();
    assert!(missed.ends_with("NO"), "{missed}");
    assert!(!text.contains(Group::Open.title()), "nothing was opened");
}

#[test]
fn the_json_has_every_figure_of_every_round() {
    let json = serde_json::to_value(sample_report()).unwrap();
    assert_eq!(json["settings"]["mib"], 64);
    assert_eq!(json["machine"]["kernel"], Value::Null);
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let commit = &rows[1];
    assert_eq!(
        (&commit["group"], &commit["name"]),
        (&"commit".into(), &"1 thread".into())
    );
    let rate = &commit["figures"]["per_s"];
    assert_eq!(rate["median"], 9_500.0);
    assert_eq!(rate["runs"].as_array().unwrap().len(), 3);
    assert_eq!(commit["latency"]["count"], 600);
    assert_eq!(commit["latency"]["quantiles"][2]["quantile"], 0.5);
    let goals = json["goals"].as_array().unwrap();
    let reached = |figure: &str| {
        let found = goals.iter().find(|goal| goal["figure"] == figure);
        found.unwrap()["reached"].as_bool().unwrap()
    };
    assert!(reached("p50_x_raw_4k"));
    assert!(!reached("rate_x_raw_4k"));
}

#[test]
fn the_page_has_tables_and_plots_and_takes_nothing_from_elsewhere() {
    let page = html::page(&sample_report());
    for part in [
        "<h2>Goals</h2>",
        Group::Commit.title(),
        "&lt;odd &amp; name&gt;",
        "commits/s",
        "latency, us",
        "99.9 %",
        "light-dark(",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.matches("<svg").count() >= 3);
    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "<script", "@import", "url("] {
        assert!(!elsewhere.contains(word), "{word}");
    }
}
