//! Surrogates and Calvin transactions as somebody uses them from the command line: keys keep their
//! surrogates, an epoch is applied once, and each command that shows them agrees.

use std::fs;

use serde_json::Value;

use crate::home::Home;

#[test]
fn keys_that_come_again_keep_their_surrogates_and_new_ones_get_new_ones() {
    let home = Home::new();
    let file = home.vectors("first", 0..300);
    let first = home.ingest("--surrogates --batch 64", &file, 0);
    assert_eq!(
        (&first["surrogates"], &first["commits"]),
        (&300.into(), &5.into())
    );
    let listed = |rows: u32| home.ask(&format!("surrogates --wal LOG --rows {rows}"), 0);
    let before = listed(300);
    assert_eq!(before["collections"][0]["surrogates"], 300);
    assert_eq!(before["collections"][0]["highest"], 300);
    assert_eq!(before["databases"][0]["high_watermark"], 1024);
    let more = home.vectors("more", 200..400);
    home.ingest("--surrogates", &more, 0);
    let after = listed(400);
    assert_eq!(after["collections"][0]["surrogates"], 400);
    let rows = |listed: &Value| -> Vec<(String, u64)> {
        let rows = listed["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            let key = row["primary_key"].as_str().unwrap().to_owned();
            (key, row["surrogate"].as_u64().unwrap())
        })
        .collect()
    };
    let (before, after) = (rows(&before), rows(&after));
    assert!(before.iter().all(|row| after.contains(row)));
    // What was set aside and not used is not handed out.
    let new = after.iter().filter(|row| !before.contains(row));
    let new: Vec<u64> = new.map(|(_, surrogate)| *surrogate).collect();
    assert_eq!(new.len(), 100);
    assert!(new.iter().all(|surrogate| *surrogate > 1024), "{new:?}");
    let other = home.ask("surrogates --wal LOG --database 1", 0);
    assert_eq!(other["collections"], Value::Array(Vec::new()));
}

#[test]
fn an_epoch_is_applied_once_and_its_transactions_whole() {
    let home = Home::new();
    let file = home.vectors("first", 0..300);
    let done = home.ingest("--surrogates --calvin 5 --batch 64", &file, 0);
    assert_eq!(
        (&done["surrogates"], &done["records"]),
        (&300.into(), &300.into())
    );
    let shown = home.ask("calvin --wal LOG", 0);
    let lane = &shown["vshards"][0];
    assert_eq!(
        (&lane["vshard"], &lane["watermark"]),
        (&3.into(), &5.into())
    );
    assert_eq!(lane["sealed"]["transactions"], 5);
    assert_eq!(lane["sealed"]["records"], 300);
    // With the gate nothing is withheld: every write has its mark.
    let replayed = home.ask("replay --wal LOG --calvin-gate", 0);
    assert_eq!(
        replayed["kinds"]["VectorPut"],
        home.ask("replay --wal LOG", 0)["kinds"]["VectorPut"]
    );
    let end = home.end();
    let refused = home.ingest("--calvin 5", &file, 1);
    assert!(
        refused["error"].to_string().contains("epoch 5"),
        "{refused}"
    );
    assert_eq!(home.end(), end, "a refusal wrote something");
    // A replica that applies the same in the same order has the same digest.
    let replica = Home::new();
    replica.ingest("--calvin 5 --batch 64", &file, 0);
    let other = replica.ask("calvin --wal LOG", 0);
    assert_eq!(
        other["vshards"][0]["sealed"]["digest"],
        lane["sealed"]["digest"]
    );
    let with = |other: &Home, code| {
        let line = format!("calvin --wal LOG --with {}", other.log().display());
        home.ask(&line, code)
    };
    let compared = with(&replica, 0);
    assert_eq!(
        (&compared["same"], &compared["vshards"][0]["compared"]),
        (&true.into(), &1.into())
    );
    let another = Home::new();
    another.ingest("--calvin 5 --batch 63", &file, 0);
    let other = another.ask("calvin --wal LOG", 0);
    assert_ne!(
        other["vshards"][0]["sealed"]["digest"],
        lane["sealed"]["digest"]
    );
    let compared = with(&another, 2);
    assert_eq!(compared["same"], false);
    assert_eq!(
        compared["vshards"][0]["differs"],
        serde_json::json!({"epoch": 5, "what": "records or their order"})
    );
    // One that is behind differs in nothing yet.
    home.ingest("--calvin 6", &file, 0);
    let ahead = &with(&replica, 0)["vshards"][0];
    assert_eq!(
        (&ahead["sealed"], &ahead["sealed_there"], &ahead["compared"]),
        (&6.into(), &5.into(), &1.into())
    );
}

#[test]
fn a_tenant_with_a_budget_is_held_to_it() {
    let home = Home::new();
    let file = home.vectors("first", 0..300);
    let retained = || {
        let shown = home.ask("tenants --wal LOG", 0);
        let rows = shown["tenants"].as_array().unwrap().iter();
        let own = rows.filter(|row| row["tenant"] == 1);
        own.map(|row| row["retained_bytes"].as_u64().unwrap())
            .sum::<u64>()
    };
    let refused = home.ingest("--retained-max 10000", &file, 1);
    assert!(
        refused["error"].to_string().contains("records 1..="),
        "{refused}"
    );
    assert!(
        refused["causes"]
            .to_string()
            .contains("10000 bytes retained"),
        "{refused}"
    );
    let (kept, end) = (retained(), home.end());
    assert!((9_000..=10_000).contains(&kept), "{kept}");
    // What was there before the node was opened counts.
    home.ingest("--retained-max 10000", &file, 1);
    assert_eq!((retained(), home.end()), (kept, end));
    // A second's worth at once, and then as the seconds go by.
    let paced = home.ingest("--bytes-per-second 20000 --calvin 1 --batch 16", &file, 0);
    assert_eq!(paced["records"], 300);
    let (seconds, bytes) = (paced["seconds"].as_f64().unwrap(), retained() - kept);
    // The last batch may be ahead of it.
    let ahead = 20_000 + bytes / 10;
    let least = f64::from(u32::try_from(bytes - ahead).unwrap()) / 20_000.0;
    assert!(seconds >= least, "{bytes} in {seconds} s");
    // Without one it may what it likes.
    home.ingest("", &file, 0);
}

#[test]
fn a_log_over_its_limit_names_who_keeps_most() {
    let home = Home::new();
    let file = home.vectors("first", 0..300);
    for _ in 0..3 {
        home.ingest("", &file, 0);
    }
    home.ask("holds --wal LOG set archive 301", 0);
    let held = home.ask("holds --wal LOG set consumer 1", 0);
    assert_eq!(
        (&held["bytes_max"], &held["over_bytes"]),
        (&Value::Null, &0.into())
    );
    let files = held["file_bytes"].as_u64().unwrap();
    let over = home.ask("holds --wal LOG --bytes-max 100000", 0);
    assert_eq!(over["over_bytes"], files - 100_000);
    assert_eq!(over["holds"][0]["hold"], "consumer");
    assert_eq!(over["holds"][1]["hold"], "archive");
    let line = format!("holds --wal LOG --bytes-max {files}");
    assert_eq!(home.ask(&line, 0)["over_bytes"], 0);
}

#[test]
fn an_epoch_whose_input_broke_off_is_not_sealed_and_can_be_told() {
    let home = Home::new();
    let file = home.vectors("broken", 0..100);
    let text = fs::read_to_string(&file).unwrap() + "word100 many -1 2e-3\n";
    fs::write(&file, text).unwrap();
    home.ingest("--surrogates --calvin 1 --batch 40", &file, 1);
    let shown = home.ask("calvin --wal LOG", 0);
    let lane = &shown["vshards"][0];
    assert_eq!(
        (&lane["watermark"], &lane["sealed"]),
        (&0.into(), &Value::Null)
    );
    assert_eq!(lane["open"][0]["transactions"], 3);
    assert_eq!(lane["open"][0]["records"], 100);
    assert_eq!(lane["open"][0]["positions"], serde_json::json!([[0, 2]]));
    assert_eq!(
        home.ask("surrogates --wal LOG", 0)["collections"][0]["surrogates"],
        100
    );
    // A later epoch has to wait for its end.
    let whole = home.vectors("whole", 0..10);
    home.ingest("--calvin 2", &whole, 1);
}

#[test]
fn wrong_input_is_refused_before_anything_is_made() {
    let home = Home::new();
    let file = home.vectors("first", 0..3);
    for more in [
        "--surrogates --cores 2",
        "--calvin 0",
        "--calvin x",
        "--batch 0",
    ] {
        home.ingest(more, &file, 1);
        assert!(!home.log().exists(), "{more}");
    }
    for line in [
        "surrogates --wal LOG",
        "calvin --wal LOG",
        "tenants --wal LOG",
        "audit --wal LOG",
    ] {
        home.ask(line, 3);
        assert!(!home.log().exists(), "{line}");
    }
    home.ingest("", &file, 0);
    for line in [
        "surrogates --wal LOG --tenant x",
        "calvin --wal LOG --vshard -1",
        "lsn-at --wal LOG yesterday",
        "time-of --wal LOG 0",
        "time-of --wal LOG 1000",
        "audit --wal LOG --kind nonsense",
        "checkpoint --wal LOG --engine kv --lsn 1000",
        "checkpoint --wal LOG --lsn 1",
        "holds --wal LOG set archive 1000",
        "holds --wal LOG release nobody",
        "truncate --wal LOG --to-holds",
    ] {
        let refused = home.ask(line, 1);
        assert_eq!(refused["exit_code"], 1, "{line}: {refused}");
    }
}
