//! The cases themselves: a copy of the tree is built without the protection, and the test must fail.

use std::process::Output;
use std::time::Instant;

use crate::table::Case;
use crate::tree::{self, Copy, read};

/// No test that fails takes as long.
const TEST_SECONDS: u64 = 240;

/// How the test failed, or why it did not.
type Outcome = Result<String, String>;

/// `PROTECTIONS` says which: `all`, or numbers of lessons and parts of names with commas between.
fn is_chosen(case: &Case, chosen: &str) -> bool {
    let is_named = |part: &str| {
        part == case.lesson.to_string() || (part.len() > 3 && case.test_name().contains(part))
    };
    chosen == "all" || chosen.split(',').any(is_named)
}

#[test]
fn a_protection_that_is_taken_out_is_missed_by_its_test() {
    let Ok(chosen) = std::env::var("PROTECTIONS") else {
        println!("skipped: each case takes a build; scripts/protections runs them");
        return;
    };
    let copy = Copy::make();
    let mut wrong = Vec::new();
    println!("| lesson | taken out | test | it failed by |\n|---|---|---|---|");
    for case in tree::table().cases {
        if !is_chosen(&case, &chosen) {
            continue;
        }
        let started = Instant::now();
        let (lesson, what, test) = (case.lesson, &case.what, case.test_name());
        let outcome = attempt(&copy, &case);
        let told = match &outcome {
            Ok(how) => how.clone(),
            Err(why) => format!("NOT: {why}"),
        };
        println!("| {lesson} | {what} | `{test}` | {told} |");
        eprintln!("  {:.0?}", started.elapsed());
        wrong.extend(outcome.err().map(|why| format!("{lesson}, {what}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn attempt(copy: &Copy, case: &Case) -> Outcome {
    let whole = read(&copy.path(&case.file));
    copy.write(&case.file, case.take_out(&whole)?.as_bytes());
    let outcome = try_test(copy, case);
    copy.write(&case.file, whole.as_bytes());
    outcome
}

fn try_test(copy: &Copy, case: &Case) -> Outcome {
    let built = copy.build(&case.test).map_err(|told| {
        let first = told.lines().find(|line| line.starts_with("error"));
        format!("does not build: {}", first.unwrap_or_default())
    });
    let package = case.test.get(1).map_or("", String::as_str);
    let ran = copy.run(package, &built?, case.test_name(), TEST_SECONDS);
    how(&ran)
}

/// What a run of a test came to.
fn how(ran: &Output) -> Outcome {
    match ran.status.code() {
        Some(0) => return Err("the test passes".to_owned()),
        Some(124 | 137) => return Ok("it does not end".to_owned()),
        _ => {}
    }
    let told = String::from_utf8_lossy(&ran.stderr);
    if !String::from_utf8_lossy(&ran.stdout).contains("test result: FAILED") {
        let last = told.lines().last().unwrap_or_default();
        return Ok(format!("the process ends: {}", short(last)));
    }
    // A test may plant a panic; the last one is its own.
    let lines: Vec<&str> = told.lines().collect();
    let panicked = lines.iter().rposition(|line| line.contains("panicked at"));
    let behind = panicked.map_or(&[][..], |at| &lines[at + 1..]);
    let message = behind.iter().take(3).copied();
    let message: Vec<&str> = message
        .take_while(|line| !line.starts_with("note:"))
        .collect();
    match panicked {
        Some(_) => Ok(short(&message.join(" "))),
        None => Ok("it fails".to_owned()),
    }
}

/// The beginning of a message, fit for a row of a table.
fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace(['|', '`'], "'");
    match line.char_indices().nth(140) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[test]
fn what_a_run_came_to_is_told_in_a_line() {
    use std::os::unix::process::ExitStatusExt as _;
    let ran = |code: i32, stdout: &str, stderr: &str| Output {
        status: std::process::ExitStatus::from_raw(code << 8),
        stdout: stdout.as_bytes().to_vec(),
        stderr: stderr.as_bytes().to_vec(),
    };
    let failed = "test result: FAILED. 0 passed";
    assert!(how(&ran(0, "", "")).is_err());
    assert_eq!(how(&ran(124, "", "")).unwrap(), "it does not end");
    let panicked = "thread 'x' panicked at a.rs:1:2:\na | b\nc\nnote: run\n";
    assert_eq!(how(&ran(101, failed, panicked)).unwrap(), "a ' b c");
    let ended = "the process ends: signal: 6";
    assert_eq!(how(&ran(134, "", "signal: 6")).unwrap(), ended);
}
