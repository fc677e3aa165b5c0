//! Every way in which a log of this kind is known to fail has a test here, or the issue that will
//! bring it: the table in `docs/TESTING.md`.

use std::collections::BTreeSet;

use crate::markdown::{Row, rows};
use crate::source::{Source, Violation};
use crate::tokens::behind_group;

const PAGE: &str = "docs/TESTING.md";
const SECTION: &str = "Lessons";
const LAST: usize = 41;

/// The names of all test functions.
pub(crate) fn test_names(sources: &[Source]) -> BTreeSet<String> {
    sources.iter().flat_map(tests_of).collect()
}

fn tests_of(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let mut names = Vec::new();
    for at in 0..tokens.len().saturating_sub(2) {
        let is_test = tokens[at].is("#") && tokens[at + 1].is("[") && tokens[at + 2].is("test");
        // Property tests are written inside a macro, as `#[test] fn name(..)` too.
        if is_test {
            let behind = behind_group(tokens, at + 1);
            let function = tokens[behind..].iter().position(|token| token.is("fn"));
            let name = function.and_then(|at| tokens.get(behind + at + 1));
            names.extend(name.map(|name| name.text.clone()));
        }
    }
    names
}

/// Checks that each lesson has one row, and that what the row names exists.
pub(crate) fn check(page: &str, tests: &BTreeSet<String>) -> Vec<Violation> {
    let rows: Vec<Row> = rows(page)
        .into_iter()
        .filter(|row| row.section.starts_with(SECTION))
        .collect();
    let numbers: Vec<Option<usize>> = rows
        .iter()
        .map(|row| row.cells.first().and_then(|cell| cell.parse().ok()))
        .collect();
    let mut violations: Vec<Violation> = rows
        .iter()
        .filter_map(|row| check_row(row, tests))
        .collect();
    for lesson in 1..=LAST {
        let count = numbers
            .iter()
            .filter(|number| **number == Some(lesson))
            .count();
        if count != 1 {
            let what = format!("lesson {lesson} has {count} rows, not one");
            violations.push(Violation::new(PAGE, 0, what));
        }
    }
    if let Some(stray) = numbers
        .iter()
        .position(|n| n.is_none_or(|n| n == 0 || n > LAST))
    {
        violations.push(Violation::new(
            PAGE,
            rows[stray].line,
            "there is no such lesson",
        ));
    }
    violations
}

/// The last cell names tests in backticks, or says `not yet: issue N`, or both.
fn check_row(row: &Row, tests: &BTreeSet<String>) -> Option<Violation> {
    let cell = row.cells.last().map_or("", String::as_str);
    let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    let missing = named.iter().find(|name| !tests.contains(**name));
    let is_later = cell
        .split_once("not yet: issue ")
        .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(name) = missing {
        return Some(Violation::new(
            PAGE,
            row.line,
            format!("there is no test `{name}`"),
        ));
    }
    (named.is_empty() && !is_later)
        .then(|| Violation::new(PAGE, row.line, "name a test, or write `not yet: issue N`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    fn page(change: &[(usize, &str)]) -> String {
        let mut text =
            "## Lessons, and their tests\n| n | lesson | test |\n|---|---|---|\n".to_owned();
        for lesson in 1..=LAST {
            let planted = change.iter().find(|(n, _)| *n == lesson);
            let row = planted.map_or_else(
                || format!("| {lesson} | x | `it_holds` |\n"),
                |(_, row)| format!("{row}\n"),
            );
            text.push_str(&row);
        }
        text
    }

    fn check_page(change: &[(usize, &str)]) -> Vec<Violation> {
        check(&page(change), &["it_holds".to_owned()].into())
    }

    #[test]
    fn a_full_map_is_fine() {
        let later = "| 2 | x | not yet: issue 4 |";
        let both = "| 3 | x | `it_holds`; the rest not yet: issue 4 |";
        expect_lines(&check_page(&[(2, later), (3, both)]), &[]);
    }

    #[test]
    fn holes_in_the_map_are_found() {
        expect_lines(&check_page(&[(2, "| 1 | x | `it_holds` |")]), &[0, 0]);
        expect_lines(&check_page(&[(2, "| 2 | x | `gone` |")]), &[5]);
        expect_lines(&check_page(&[(2, "| 2 | x | soon |")]), &[5]);
        expect_lines(
            &check_page(&[(41, "| 41 | x | `it_holds` |\n| 42 | x | `it_holds` |")]),
            &[45],
        );
    }

    #[test]
    fn only_functions_that_are_tests_count() {
        let text =
            "#[test]\n#[should_panic]\nfn a() {}\nfn b() {}\nproptest! { #[test] fn c(x in y) {} }";
        let names = test_names(&[Source::new("tests/it/a.rs", text)]);
        assert_eq!(names, ["a".to_owned(), "c".to_owned()].into());
    }
}
