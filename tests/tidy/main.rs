//! The rules of the house, held by reading the source tree as text. Nothing here runs the log: what
//! the log does is tested elsewhere.
//!
//! Each rule is a pure function from files to violations, tested on planted ones in its own file;
//! the tests below run every rule over the tree.

mod bans;
mod commands;
mod doc_links;
mod format_doc;
mod format_names;
mod homes;
mod layers;
mod lessons;
mod manifests;
mod markdown;
mod paths;
mod shape;
mod signatures;
mod source;
mod tokens;
mod tree;

use source::Violation;
use tree::Tree;

/// Fails with one line per violation.
#[track_caller]
fn expect_none(violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} violations:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// Runs a rule over every Rust file of the tree.
#[track_caller]
fn check_sources(rule: impl Fn(&source::Source) -> Vec<Violation>) {
    let tree = Tree::load();
    let violations: Vec<Violation> = tree.sources.iter().flat_map(rule).collect();
    expect_none(&violations);
}

#[test]
fn imports_point_down_the_layers() {
    let tree = Tree::load();
    expect_none(&layers::check(&tree.sources));
}

#[test]
fn replay_cannot_append() {
    check_sources(layers::check_replay);
}

#[test]
fn every_direct_dependency_is_named_with_its_reason() {
    let tree = Tree::load();
    expect_none(&manifests::check_named(&tree.manifests, &tree.deny));
}

#[test]
fn every_dependency_stays_in_its_home() {
    let tree = Tree::load();
    let homes = manifests::homes(&tree.deny);
    check_sources(|source| homes::check(source, &homes));
}

#[test]
fn the_homes_are_those_the_house_was_built_with() {
    let tree = Tree::load();
    expect_none(&homes::check_pinned(&manifests::homes(&tree.deny)));
}

#[test]
fn the_log_builds_without_the_catalog() {
    let tree = Tree::load();
    let reached = manifests::reached(&tree.lock, "nodedb-wal");
    assert!(
        reached.contains("crc-fast"),
        "the lock file was not understood"
    );
    assert!(!reached.contains("redb"), "nodedb-wal depends on redb");
    assert!(
        !reached.contains("nodedb-node"),
        "nodedb-wal depends on nodedb-node"
    );
}

#[test]
fn no_public_signature_names_a_dependency_of_the_inside() {
    check_sources(signatures::check);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    check_sources(shape::check_length);
    check_sources(shape::check_head);
}

#[test]
fn facades_hold_nothing_but_names() {
    check_sources(shape::check_facade);
}

#[test]
fn what_is_banned_is_not_there() {
    check_sources(bans::check);
}

#[test]
fn the_format_page_agrees_with_the_code() {
    let tree = Tree::load();
    expect_none(&format_doc::check(tree.doc("docs/FORMAT.md")));
}

#[test]
fn the_format_page_uses_the_names_of_the_code() {
    let tree = Tree::load();
    let page = tree.doc("docs/FORMAT.md");
    let footer = ["footer.rs", "footer/grains.rs", "footer/usages.rs"]
        .map(|name| tree.source(&format!("nodedb-wal/src/format/{name}")));
    let file_name = tree.source("nodedb-wal/src/format/file_name.rs");
    expect_none(&format_names::check_footer(page, &footer));
    expect_none(&format_names::check_files(page, file_name));
}

#[test]
fn every_path_and_link_in_the_documents_exists() {
    let tree = Tree::load();
    let violations: Vec<Violation> = tree
        .docs
        .iter()
        .flat_map(|(path, text)| doc_links::check(path, text, &|target| tree.has(target)))
        .collect();
    expect_none(&violations);
}

#[test]
fn every_lesson_has_its_test_or_its_issue() {
    let tree = Tree::load();
    let tests = lessons::test_names(&tree.sources);
    expect_none(&lessons::check(tree.doc("docs/TESTING.md"), &tests));
}

#[test]
fn the_readme_and_ci_run_the_same_tests() {
    let tree = Tree::load();
    expect_none(&commands::check(tree.doc("README.md"), &tree.ci));
}
