//! The list against the tree: it names what is there, and every lesson.

use std::collections::BTreeSet;

use crate::tree::{self, read};

/// The code moved, and the list still named what was there before: it would have tried nothing.
#[test]
fn every_protection_that_can_be_taken_out_is_there_once() {
    let table = tree::table();
    let faults: Vec<String> = table
        .cases
        .iter()
        .filter_map(|case| {
            let out = case.take_out(&read(&tree::root().join(&case.file)));
            match out {
                Ok(_) if case.find == case.instead => Some(format!("nothing is changed: {case:?}")),
                Ok(_) => None,
                Err(fault) => Some(fault),
            }
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_test_that_must_fail_is_a_test() {
    let files = tree::files();
    let sources = files.iter().filter(|path| path.ends_with(".rs"));
    let texts: Vec<String> = sources.map(|path| read(&tree::root().join(path))).collect();
    for case in tree::table().cases {
        let head = format!("fn {}()", case.test_name());
        let found = texts.iter().filter(|text| text.contains(&head)).count();
        assert!(found > 0, "there is no test `{}`", case.test_name());
    }
}

#[test]
fn every_lesson_has_a_case_or_a_reason_to_have_none() {
    let table = tree::table();
    let tried = table.cases.iter().map(|case| case.lesson);
    let without = table.without.iter().map(|(lesson, _)| *lesson);
    let both: BTreeSet<u32> = tried.clone().chain(without.clone()).collect();
    assert!(both.into_iter().eq(1..=41));
    let tried: BTreeSet<u32> = tried.collect();
    assert!(without.into_iter().all(|lesson| !tried.contains(&lesson)));
}
