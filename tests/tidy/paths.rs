//! Every path a file names, `use` trees spelled out, each with the module it stands in.

use crate::source::Source;
use crate::tokens::{Token, matches_at};

/// A path of two or more segments, or one that a `use` brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathUse {
    pub(crate) segments: Vec<String>,
    /// The name a `use` gives it; the last segment elsewhere.
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) in_test: bool,
    /// Whether a `use` brings it in.
    pub(crate) is_use: bool,
    inline_mods: usize,
}

impl PathUse {
    /// The first segment.
    pub(crate) fn root(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    /// Whether the path starts with these segments.
    pub(crate) fn starts_with(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len()
            && segments.iter().zip(&self.segments).all(|(a, b)| a == b)
    }

    /// The path from the root of its crate, without `crate`, when it starts with `crate`, `self`
    /// or `super`.
    pub(crate) fn in_crate(&self, source: &Source) -> Option<Vec<String>> {
        let mut at = module_of(&source.path)?;
        // What the inline modules are called plays no part: they are only ever left.
        at.extend((0..self.inline_mods).map(|_| "inline".to_owned()));
        let mut rest = self.segments.iter();
        match rest.next()?.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
            }
            _ => return None,
        }
        for segment in rest {
            if segment == "super" {
                at.pop();
            } else {
                at.push(segment.clone());
            }
        }
        Some(at)
    }
}

/// The module a file of a `src` folder holds: `a/src/b/mod.rs` and `a/src/b.rs` hold `b`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let (_, inside) = path.split_once("/src/")?;
    let inside = inside.strip_suffix(".rs")?;
    let mut segments: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if ["mod", "lib", "main"].contains(&segments.last()?.as_str()) {
        segments.pop();
    }
    Some(segments)
}

/// Every path of the file, in order.
pub(crate) fn paths(source: &Source) -> Vec<PathUse> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts_use = tokens[at].is("use") && !matches_at(tokens, at + 1, &["<"]);
        if starts_use {
            at = use_tree(tokens, at + 1, &[], &mut found);
        } else if starts_path(tokens, at) {
            at = inline_path(tokens, at, &mut found);
        } else {
            at += 1;
        }
    }
    found
}

fn starts_path(tokens: &[Token], at: usize) -> bool {
    let continues_one = at > 0 && tokens[at - 1].is("::") && {
        // `::name` with nothing in front starts at the root of all crates.
        at > 1 && (tokens[at - 2].is_ident() || tokens[at - 2].is(">"))
    };
    tokens[at].is_ident() && matches_at(tokens, at + 1, &["::"]) && !continues_one
}

fn inline_path(tokens: &[Token], start: usize, found: &mut Vec<PathUse>) -> usize {
    let mut segments = vec![tokens[start].text.clone()];
    let mut at = start + 1;
    while matches_at(tokens, at, &["::"]) && tokens.get(at + 1).is_some_and(Token::is_ident) {
        segments.push(tokens[at + 1].text.clone());
        at += 2;
    }
    // `f::<T>` is no path yet.
    if segments.len() > 1 {
        found.push(PathUse {
            is_use: false,
            ..path(&tokens[start], segments)
        });
    }
    at
}

/// One tree of a `use`: a path, a path with an alias, a glob or a group of trees.
fn use_tree(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<PathUse>) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        if token.is("::") {
            at += 1;
        } else if token.is("{") {
            return use_group(tokens, at, &segments, found);
        } else if matches_at(tokens, at, &["as"]) {
            let alias = tokens.get(at + 1).map(|alias| alias.text.clone());
            push(found, &tokens[start], segments, alias);
            return at + 2;
        } else if token.is("*") {
            push(found, token, segments, Some("*".to_owned()));
            return at + 1;
        } else if token.is_ident() {
            segments.push(token.text.clone());
            at += 1;
        } else {
            break;
        }
    }
    if let Some(first) = tokens.get(start) {
        push(found, first, segments, None);
    }
    at
}

fn use_group(tokens: &[Token], open: usize, prefix: &[String], found: &mut Vec<PathUse>) -> usize {
    let mut at = open + 1;
    while at < tokens.len() && !tokens[at].is("}") {
        if tokens[at].is(",") {
            at += 1;
        } else {
            at = use_tree(tokens, at, prefix, found);
        }
    }
    at + 1
}

fn push(found: &mut Vec<PathUse>, at: &Token, segments: Vec<String>, alias: Option<String>) {
    // `use a::{self}` names `a`.
    let segments = match segments.split_last() {
        Some((last, rest)) if last == "self" && !rest.is_empty() => rest.to_vec(),
        _ => segments,
    };
    let path = path(at, segments);
    let name = alias.unwrap_or_else(|| path.name.clone());
    found.push(PathUse { name, ..path });
}

fn path(at: &Token, segments: Vec<String>) -> PathUse {
    PathUse {
        name: segments.last().cloned().unwrap_or_default(),
        segments,
        line: at.line,
        in_test: at.in_test,
        is_use: true,
        inline_mods: at.inline_mods,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Vec<String> {
        let source = Source::new("a/src/b/c.rs", text);
        let spell = |path: &PathUse| match path.segments.last() {
            Some(last) if *last == path.name => path.segments.join("::"),
            _ => format!("{} as {}", path.segments.join("::"), path.name),
        };
        paths(&source).iter().map(spell).collect()
    }

    #[test]
    fn use_trees_are_spelled_out() {
        assert_eq!(
            spelled("pub(crate) use a::{b::{self, c as d}, e::*, f}; use ::g; use h::i;"),
            ["a::b", "a::b::c as d", "a::e as *", "a::f", "g", "h::i"]
        );
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        assert_eq!(
            spelled("fn f(x: a::B) -> impl C + use<'_> { <d::E as f::G>::h(i::<j::K>(), ::l::m) }"),
            ["a::B", "d::E", "f::G", "j::K", "l::m"]
        );
        assert_eq!(spelled("m!(\"{}\", $crate::a, x:b)"), ["crate::a"]);
    }

    #[test]
    fn relative_paths_are_resolved_from_their_module() {
        let text = "use super::x; use super::super::y; use self::z; use crate::w; use std::v;\n\
                    mod inner { use super::super::u; }";
        let source = Source::new("a/src/b/c.rs", text);
        let resolved: Vec<Option<String>> = paths(&source)
            .iter()
            .map(|path| path.in_crate(&source).map(|at| at.join("::")))
            .collect();
        let expected = ["b::x", "y", "b::c::z", "w", "", "b::u"]
            .map(|path| (!path.is_empty()).then(|| path.to_owned()));
        assert_eq!(resolved, expected);
    }
}
