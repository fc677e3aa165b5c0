//! Types of the dependencies inside the house appear in no public signature: they could otherwise
//! not be exchanged without breaking those who embed the log.

use std::collections::BTreeSet;

use crate::paths::paths;
use crate::source::{Source, Violation};
use crate::tokens::{Token, behind_group, matches_at};

const INSIDE: [&str; 10] = [
    "redb",
    "zerompk",
    "rkyv",
    "crc_fast",
    "io_uring",
    "nix",
    "libc",
    "getrandom",
    "hdrhistogram",
    "metrics",
];

/// Checks everything in the file that is `pub` without a restriction, and every `impl From<..>`.
pub(crate) fn check(source: &Source) -> Vec<Violation> {
    if source.is_test_file() {
        return Vec::new();
    }
    let names = inside_names(source);
    let tokens = &source.tokens;
    let mut violations = Vec::new();
    for at in 0..tokens.len() {
        let is_public = tokens[at].is("pub") && !matches_at(tokens, at + 1, &["("]);
        let is_conversion = tokens[at].is("impl") && matches_at(tokens, at + 1, &["From"]);
        if tokens[at].in_test || !(is_public || is_conversion) {
            continue;
        }
        let end = end_of_signature(tokens, at);
        if let Some(found) = named(&tokens[at..end], &names) {
            let what = format!("`{}` of a dependency in a public signature", found.text);
            violations.push(source.violation(found.line, what));
        }
    }
    violations
}

/// The crates themselves, and what the file takes from them by `use`.
fn inside_names(source: &Source) -> BTreeSet<String> {
    let imported = paths(source)
        .into_iter()
        .filter(|path| path.is_use && INSIDE.contains(&path.root()) && path.segments.len() > 1)
        .map(|path| path.name);
    imported.filter(|name| name != "*").collect()
}

/// A token that names a crate of the inside (followed by `::`), or something taken from one.
fn named<'a>(signature: &'a [Token], names: &BTreeSet<String>) -> Option<&'a Token> {
    signature.iter().enumerate().find_map(|(at, token)| {
        let continues = at > 0 && signature[at - 1].is("::") && {
            // `::redb::X` starts a path; `a::redb::X` goes on with one.
            at > 1 && (signature[at - 2].is_ident() || signature[at - 2].is(">"))
        };
        if !token.is_ident() || continues {
            return None;
        }
        let is_crate =
            INSIDE.contains(&token.text.as_str()) && matches_at(signature, at + 1, &["::"]);
        (is_crate || names.contains(&token.text)).then_some(token)
    })
}

/// Behind the part of an item that others can see: a function without its body, a type with its
/// variants (fields of a struct say for themselves whether they are public), a trait with all it
/// declares, a field with its type.
fn end_of_signature(tokens: &[Token], start: usize) -> usize {
    let depth = tokens[start].depth;
    let word = tokens.get(start + 1).map_or("", |token| &token.text);
    let is_item = [
        "fn", "struct", "enum", "union", "trait", "type", "const", "static", "use", "mod",
        "unsafe", "async", "extern", "From", "macro",
    ]
    .contains(&word);
    for (at, token) in tokens.iter().enumerate().skip(start) {
        if token.depth < depth {
            return at;
        }
        if token.depth > depth {
            continue;
        }
        if token.is("{") {
            let shows_its_body = ["enum", "trait", "use"].contains(&word);
            return if shows_its_body {
                behind_group(tokens, at)
            } else {
                at
            };
        }
        // A field ends at a comma; the value of a constant says nothing about its type.
        if token.is(";") || token.is("=") && word == "const" || (token.is(",") && !is_item) {
            return at;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    fn check_one(text: &str) -> Vec<Violation> {
        check(&Source::new("nodedb-node/src/surrogate/catalog.rs", text))
    }

    #[test]
    fn a_dependency_in_public_is_found_wherever_it_stands() {
        let text = "use redb::{Database, Table as T};\n\
                    pub fn f(x: &Database) {}\n\
                    pub struct S { pub a: redb::X, pub b: u32 }\n\
                    pub enum E { A(#[from] redb::Error) }\n\
                    pub trait Q { fn g(&self) -> T; }\n\
                    pub use redb::Key;\n\
                    impl From<nix::errno::Errno> for E { }\n\
                    pub type A = Vec<rkyv::Bytes>;";
        expect_lines(&check_one(text), &[2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn what_is_not_public_may_name_it() {
        let text = "use redb::Database;\n\
                    pub(crate) fn f(x: &Database) {}\n\
                    pub struct S { a: Database, pub b: u32, c: Database }\n\
                    pub fn g() -> u32 { Database::open() }\n\
                    pub const N: u32 = redb::N;\n\
                    pub fn crc32c(bytes: &[u8]) -> u32 { crc32c::crc32c(bytes) }\n\
                    #[cfg(test)]\nmod t { pub fn f(x: Database) {} }";
        expect_lines(&check_one(text), &[]);
    }
}
