//! What the program prints for people, where other tests ask for JSON.

use crate::home::Home;

#[test]
fn people_are_told_of_surrogates_transactions_and_times() {
    let home = Home::new();
    let file = home.vectors("vectors", 1..51);
    home.ingest("--surrogates", &file, 0);
    home.ingest("--calvin 5 --batch 20", &file, 0);
    let same = Home::new();
    same.ingest("--calvin 5 --batch 20", &file, 0);
    let other = Home::new();
    other.ingest("--calvin 5 --batch 19", &file, 0);
    let with = |other: &Home| format!("calvin --wal LOG --with {}", other.log().display());
    for (line, code, told) in [
        (
            "surrogates --wal LOG --rows 1".to_owned(),
            0,
            "tenant database high-watermark 1 2 1024 tenant database collection surrogates lowest \
             highest 1 2 v 50 1 50 tenant database collection primary key surrogate 1 2 v word1 1",
        ),
        (
            "calvin --wal LOG".to_owned(),
            0,
            "vshard epoch transactions records digest positions 3 5 3 50",
        ),
        (
            with(&same),
            0,
            "same yes vshard sealed here there compared first difference 3 5 5 1 none",
        ),
        (with(&other), 2, "same NO"),
        (with(&other), 2, "3 5 5 1 epoch 5: records or their order"),
        (
            "lsn-at --wal LOG 2020-01-01T00:00:00Z".to_owned(),
            0,
            "first LSN then or later 1 clock set back later no catalog used",
        ),
        (
            "lsn-at --wal LOG 2200-01-01T00:00:00Z".to_owned(),
            0,
            "first LSN then or later none yet; the last record is",
        ),
        ("time-of --wal LOG 3".to_owned(), 0, "LSN 3 written 2"),
        (
            "truncate --wal LOG --before 2".to_owned(),
            0,
            "segments dropped 0",
        ),
    ] {
        let (text, _) = home.say(&line, code);
        assert!(text.contains(told), "{line}: {text}");
    }
}
