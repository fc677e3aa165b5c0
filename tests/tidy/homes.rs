//! Each dependency is used in its home only, as `deny.toml` names it.

use crate::manifests::{Home, TESTS};
use crate::paths::paths;
use crate::source::{Source, Violation};
use crate::tokens::matches_at;

/// Homes that are part of the design: `deny.toml` may not widen them.
const PINNED: &[(&str, &[&str])] = &[
    ("zerompk", &["nodedb-wal/src/payload/"]),
    ("rkyv", &["nodedb-wal/src/payload/"]),
    ("crc-fast", &["nodedb-wal/src/format/checksum.rs"]),
    ("nix", &["nodedb-wal/src/storage/"]),
    ("getrandom", &["nodedb-wal/src/storage/"]),
    ("io-uring", &["nodedb-wal/src/storage/"]),
    ("libc", &["nodedb-wal/src/storage/"]),
    ("metrics", &["nodedb-wal/src/log/metrics_export.rs"]),
    ("redb", &["nodedb-node/src/catalog/"]),
    ("clap", CLI),
    ("comfy-table", CLI),
    ("csv", CLI),
    ("flate2", CLI),
    ("indicatif", CLI),
    ("serde_json", CLI),
];

const CLI: &[&str] = &["nodedb-node/src/cli/", "nodedb-node/src/main.rs"];

/// Checks one file against the homes.
pub(crate) fn check(source: &Source, homes: &[Home]) -> Vec<Violation> {
    // A comparison with other logs stands outside the workspace and may use what it likes.
    if source.is_in("benches/") {
        return Vec::new();
    }
    mentions(source)
        .into_iter()
        .filter_map(|(root, line, in_test)| {
            let home = homes.iter().find(|home| crate_name(&home.name) == root)?;
            let is_home = home.places.iter().any(|place| {
                let is_test = in_test || source.is_test_file();
                source.is_in(place) || (place == TESTS && is_test)
            });
            let what = format!("`{root}` is used outside its home {:?}", home.places);
            (!is_home).then(|| source.violation(line, what))
        })
        .collect()
}

/// Checks that the homes are no wider than the design has them; tests may be added to any.
pub(crate) fn check_pinned(homes: &[Home]) -> Vec<Violation> {
    PINNED
        .iter()
        .filter_map(|(name, places)| {
            let home = homes.iter().find(|home| home.name == *name)?;
            let wider = home
                .places
                .iter()
                .find(|place| *place != TESTS && !places.contains(&place.as_str()))?;
            let what = format!("`{name}` may not have a home in {wider}");
            Some(Violation::new("deny.toml", 0, what))
        })
        .collect()
}

/// The roots of the file's paths and attributes: crate name, line, whether in test code.
fn mentions(source: &Source) -> Vec<(String, usize, bool)> {
    let tokens = &source.tokens;
    // `#[rkyv(..)]`, `#[serde(..)]`.
    let attributes = (0..tokens.len())
        .filter(|&at| matches_at(tokens, at, &["#", "["]))
        .filter_map(|at| tokens.get(at + 2));
    paths(source)
        .into_iter()
        .map(|path| (path.root().to_owned(), path.line, path.in_test))
        .chain(attributes.map(|token| (token.text.clone(), token.line, token.in_test)))
        .collect()
}

/// How Rust code spells a package's name.
pub(crate) fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::homes;
    use crate::source::expect_lines;

    const DENY: &str = "# dep: redb — home: nodedb-node/src/catalog/ — catalog\n\
                        # dep: comfy-table — home: nodedb-node/src/cli/ — tables\n\
                        # dep: tempfile — home: tests — directories";

    fn check_one(path: &str, text: &str) -> Vec<Violation> {
        check(&Source::new(path, text), &homes(DENY))
    }

    #[test]
    fn a_dependency_abroad_is_found_however_it_is_spelled() {
        let text = "use redb::Database;\nfn f(x: ::redb::Table) {}\n#[redb(skip)]\nstruct S;\n\
                    use comfy_table as t;\nuse crate::redb::y;\nlet redb = 1;\n// redb::x";
        expect_lines(
            &check_one("nodedb-node/src/manager/mod.rs", text),
            &[1, 2, 3, 5],
        );
    }

    #[test]
    fn at_home_it_is_fine() {
        let text = "use redb::Database;";
        expect_lines(&check_one("nodedb-node/src/catalog/catalog.rs", text), &[]);
    }

    #[test]
    fn what_is_for_tests_is_used_in_tests() {
        let text = "#[cfg(test)]\nmod tests { use tempfile::tempdir; }\nuse tempfile::TempDir;";
        expect_lines(&check_one("nodedb-wal/src/log/mod.rs", text), &[3]);
        expect_lines(&check_one("tests/crash/main.rs", text), &[]);
    }

    #[test]
    fn a_widened_home_is_found() {
        let widened = "# dep: redb — home: nodedb-node/src/manager/ — catalog";
        assert_eq!(check_pinned(&homes(widened)).len(), 1);
        assert_eq!(check_pinned(&homes(DENY)), []);
    }
}
