//! Imports point down the layers. A file's layer is its folder under `src`.

use std::collections::BTreeMap;

use crate::paths::{PathUse, paths};
use crate::source::{Source, Violation};

/// A crate's layers, the lowest first. A layer is a few folders (or files) of `src` that know
/// nothing of each other; each may use every layer below its own.
struct House {
    src: &'static str,
    layers: &'static [&'static [&'static str]],
    /// Who may not use what, although it is below.
    never: &'static [(&'static str, &'static str)],
}

/// `error` and `config` stand right above the highest of what they name.
const HOUSES: [House; 2] = [
    House {
        src: "nodedb-wal/src/",
        layers: &[
            &["sync", "types"],
            &["format"],
            &["payload", "storage"],
            &["error"],
            &["config"],
            &["segment"],
            &["log"],
            &["percore"],
        ],
        // The log stores payloads as bytes.
        never: &[("segment", "payload"), ("log", "payload")],
    },
    House {
        src: "nodedb-node/src/",
        layers: &[
            &["tenants"],
            &["error"],
            &["config"],
            &["manager"],
            &["control"],
            &["replay"],
            &["catalog"],
            &["surrogate", "calvin", "audit", "consumers"],
            &["node"],
            &["cli"],
        ],
        never: &[],
    },
];

impl House {
    fn level(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&name))
    }

    /// Whether code of `own` may use `used`. A unit test may look at its neighbours too.
    fn allows(&self, own: &str, used: &str, in_test: bool) -> bool {
        let (Some(own_level), Some(used_level)) = (self.level(own), self.level(used)) else {
            return false;
        };
        let is_below = used_level < own_level || (in_test && used_level == own_level);
        used == own || (is_below && !self.never.contains(&(own, used)))
    }
}

/// Checks every file of both crates, unit tests included: a test that needs a higher layer belongs
/// to `tests/`.
pub(crate) fn check(sources: &[Source]) -> Vec<Violation> {
    HOUSES
        .iter()
        .flat_map(|house| {
            let inside: Vec<&Source> = sources.iter().filter(|s| s.is_in(house.src)).collect();
            let facade = inside
                .iter()
                .find(|source| source.path == format!("{}lib.rs", house.src))
                .map(|lib| facade_names(lib))
                .unwrap_or_default();
            inside
                .into_iter()
                .flat_map(move |source| check_file(house, source, &facade))
        })
        .collect()
}

/// What `lib.rs` hands on, and from which layer: `pub use config::Config`.
fn facade_names(lib: &Source) -> BTreeMap<String, String> {
    paths(lib)
        .into_iter()
        .filter(|path| path.is_use)
        .map(|path| {
            let segments = path.in_crate(lib).unwrap_or(path.segments);
            (path.name, segments.into_iter().next().unwrap_or_default())
        })
        .collect()
}

fn check_file(house: &House, source: &Source, facade: &BTreeMap<String, String>) -> Vec<Violation> {
    let inside = source.path.strip_prefix(house.src).unwrap_or_default();
    let own = inside.split('/').next().unwrap_or_default();
    let own = own.strip_suffix(".rs").unwrap_or(own);
    if ["lib", "main", "readme"].contains(&own) {
        return Vec::new();
    }
    if house.level(own).is_none() {
        let what = format!("`{own}` has no layer: give it one in tests/tidy/layers.rs");
        return vec![source.violation(0, what)];
    }
    paths(source)
        .iter()
        .filter_map(|path| {
            let used = used_layer(source, path, facade)?;
            let in_test = path.in_test || source.is_test_file();
            let what = format!(
                "`{own}` may not use `{}` ({used})",
                path.segments.join("::")
            );
            (!house.allows(own, &used, in_test)).then(|| source.violation(path.line, what))
        })
        .collect()
}

/// The layer a path of this crate leads to; `None` for paths of other crates.
fn used_layer(
    source: &Source,
    path: &PathUse,
    facade: &BTreeMap<String, String>,
) -> Option<String> {
    let at = path.in_crate(source)?;
    let Some(first) = at.first() else {
        return Some("the root of the crate".to_owned());
    };
    Some(facade.get(first).unwrap_or(first).clone())
}

/// `replay` reads: it must not be able to write to the log it replays.
pub(crate) fn check_replay(source: &Source) -> Vec<Violation> {
    if !source.is_in("nodedb-node/src/replay/") || source.is_test_file() {
        return Vec::new();
    }
    source
        .tokens
        .iter()
        .filter(|token| token.is_ident() && !token.in_test)
        .filter(|token| token.text == "append" || token.text.starts_with("append_"))
        .map(|token| source.violation(token.line, "`replay` never appends"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    fn check_one(path: &str, text: &str) -> Vec<Violation> {
        let lib = "//! x\npub use config::Config; pub use log::Log; mod config;";
        check(&[
            Source::new("nodedb-wal/src/lib.rs", lib),
            Source::new(path, text),
        ])
    }

    #[test]
    fn looking_up_is_found_however_it_is_spelled() {
        let text = "use crate::types::Lsn;\nuse crate::log::Log;\nuse crate::{types, Log};\n\
                    use super::super::segment::X;\nfn f() { crate::log::g(); }\n\
                    use crate::storage::S;\nuse std::io;\nuse super::layout;\n\
                    use crate::*;";
        let found = check_one("nodedb-wal/src/format/record_header.rs", text);
        expect_lines(&found, &[2, 3, 4, 5, 6, 9]);
    }

    #[test]
    fn the_log_may_not_mention_payloads() {
        let text = "use crate::segment::Walk;\nuse crate::payload::Put;\nuse crate::Config;\n\
                    #[cfg(test)]\nmod tests { use crate::payload::Put; use super::*; }";
        expect_lines(&check_one("nodedb-wal/src/log/open.rs", text), &[2, 5]);
    }

    #[test]
    fn inner_modules_are_counted_when_a_path_climbs() {
        let text = "mod inner { use super::super::super::log::Log; use super::x; }\n\
                    mod other { use super::super::layout; }";
        expect_lines(&check_one("nodedb-wal/src/format/footer.rs", text), &[1]);
    }

    #[test]
    fn neighbours_are_for_unit_tests_only() {
        let text = "use crate::storage::AlignedBuf;\nuse crate::log::Log;\n\
                    #[cfg(test)]\nmod tests { use crate::storage::AlignedBuf;\nuse crate::log::Log; }";
        expect_lines(
            &check_one("nodedb-wal/src/payload/put.rs", text),
            &[1, 2, 5],
        );
    }

    #[test]
    fn a_folder_without_a_layer_is_found() {
        expect_lines(&check_one("nodedb-wal/src/util/mod.rs", "//! x"), &[0]);
    }

    #[test]
    fn the_nodes_layers_hold_too() {
        let text = "use crate::cli::Args;\nuse crate::manager::WalManager;";
        expect_lines(&check_one("nodedb-node/src/replay/driver.rs", text), &[1]);
    }

    #[test]
    fn an_append_in_replay_is_found() {
        let text = "fn f() { wal.append_put(1); }\nfn g() { log.append(&r) }\n\
                    #[cfg(test)]\nmod t { fn h() { log.append(&r) } }";
        let source = Source::new("nodedb-node/src/replay/driver.rs", text);
        expect_lines(&check_replay(&source), &[1, 2]);
    }
}
