//! `consumers`: one is added, is behind, is over what it may be, and is dropped; and what is refused.

use serde_json::json;

use crate::home::Home;

/// A log with 50 vectors.
fn home() -> Home {
    let home = Home::new();
    let file = home.vectors("vectors", 0..50);
    home.ingest("", &file, 0);
    home
}

#[test]
fn a_consumer_is_listed_until_it_is_dropped() {
    let home = home();
    let none = home.ask("consumers --wal LOG", 0);
    assert_eq!(none["consumers"], json!([]));
    let (text, _) = home.say("consumers --wal LOG list", 0);
    assert!(text.ends_with("There is no consumer."), "{text}");
    let line = "consumers --wal LOG add ship --from 3 --partitions 2 --kind VectorPut --kind Put \
                --tenant 1 --database 2 --vshard 3 --collection v";
    let added = home.ask(line, 0);
    let row = &added["consumers"][0];
    assert_eq!(row["consumer"], "ship");
    assert_eq!(row["acknowledged_lsns"], json!([2, 2]));
    assert_eq!(
        row["wants"],
        "VectorPut|Put, tenant 1, database 2, vshard 3, collection v"
    );
    assert_eq!((&row["lag"], &row["over"]), (&json!(null), &json!(null)));
    home.ask("consumers --wal LOG add audit --next", 0);
    let (text, _) = home.say("consumers --wal LOG list", 0);
    assert!(text.contains("consumer acknowledged partitions wants limit"));
    assert!(text.contains("everything none"), "{text}");
    assert!(text.contains("ship 2 2 VectorPut|Put, tenant 1"), "{text}");
    let left = home.ask("consumers --wal LOG drop ship", 0);
    assert_eq!(left["consumers"].as_array().unwrap().len(), 1);
    assert_eq!(left["consumers"][0]["consumer"], "audit");
}

#[test]
fn how_far_a_consumer_is_behind_is_told_beside_what_it_may_be() {
    let home = home();
    let limits = "--records-max 10 --bytes-max 1000000 --seconds-max 3600";
    home.ask(&format!("consumers --wal LOG add slow {limits}"), 0);
    let end = home.end();
    let lag = home.ask("consumers --wal LOG lag", 0);
    let row = &lag["consumers"][0];
    assert_eq!(row["lag"]["records"], end);
    assert!(row["lag"]["bytes"].as_u64().unwrap() > 50 * 64);
    assert!(row["lag"]["seconds"].as_u64().unwrap() < 3600);
    let over = format!("{end} records behind, 10 allowed");
    assert_eq!(row["over"], over);
    assert_eq!(
        row["limit"],
        json!({"records": 10, "bytes": 1_000_000, "seconds": 3600, "drops_when_over": false})
    );
    let (text, _) = home.say("consumers --wal LOG lag", 0);
    assert!(text.contains(&format!("over: {over}")), "{text}");
    home.ask(
        "consumers --wal LOG add strict --drop-when-over --seconds-max 5",
        0,
    );
    let (text, _) = home.say("consumers --wal LOG lag", 0);
    assert!(text.contains("5 s, else dropped"), "{text}");
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let home = home();
    home.ask("consumers --wal LOG add ship", 0);
    for (action, complaint) in [
        ("add ship", "there is a consumer of this name already"),
        ("drop other", "there is no consumer other"),
        ("add late --from 10000", "record 10000 does not exist yet"),
        (
            "add none --partitions 0",
            "`partitions` must be from 1 to 1,024",
        ),
    ] {
        let (_, error) = home.say(&format!("consumers --wal LOG {action}"), 1);
        assert!(error.contains(complaint), "{action}: {error}");
    }
    let (_, error) = home.say("consumers --wal LOGGER add ship", 3);
    assert!(error.contains("No such file or directory"), "{error}");
    let consumers = home.ask("consumers --wal LOG", 0);
    assert_eq!(consumers["consumers"].as_array().unwrap().len(), 1);
}
