//! Documents name only what is there: relative links, and paths in backticks.

use crate::markdown::{links, quoted};
use crate::source::Violation;

/// What a path of this repository starts with.
const ROOTS: [&str; 6] = [
    "nodedb-wal/",
    "nodedb-node/",
    "tests/",
    "docs/",
    ".ci/",
    "benches/",
];

/// What a file that is named without its folder ends with; it stands in the root, or beside the
/// document.
const ENDINGS: [&str; 2] = [".md", ".toml"];

/// Checks one document; `exists` answers for paths from the root of the repository.
pub(crate) fn check(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Violation> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let linked = links(text)
        .into_iter()
        .filter(|(_, target)| !is_elsewhere(target))
        .filter_map(|(line, target)| {
            let file = target.split('#').next().unwrap_or_default();
            let is_there = file.is_empty() || exists(&joined(folder, file));
            (!is_there)
                .then(|| Violation::new(path, line, format!("the link `{target}` leads nowhere")))
        });
    let named = quoted(text)
        .into_iter()
        .filter(|(_, word)| is_path(word))
        .filter_map(|(line, word)| {
            let is_there = exists(word) || exists(&joined(folder, word));
            (!is_there).then(|| Violation::new(path, line, format!("`{word}` is not there")))
        });
    linked.chain(named).collect()
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// Whether a word in backticks names a file or folder of the repository: no pattern, no code.
fn is_path(word: &str) -> bool {
    let is_plain = !word.contains(|c: char| c.is_whitespace() || "*{}<>()$|\"".contains(c))
        && !word.contains("::");
    let is_rooted = ROOTS.iter().any(|root| word.starts_with(root));
    let is_file = !word.contains('/') && ENDINGS.iter().any(|end| word.ends_with(end));
    is_plain && (is_rooted || is_file)
}

/// `path` as seen from `folder`, with `..` taken out.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    fn check_one(path: &str, text: &str) -> Vec<Violation> {
        let there = ["docs/A.md", "README.md", "nodedb-wal/src/", "docs/b/c.md"];
        check(path, text, &|target| there.contains(&target))
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](A.md#x)\n[b](B.md)\n[c](../README.md)\n[d](https://e.f/g.md)\n[h](#i)\n\
                    [j](b/c.md) [k](b/d.md)";
        expect_lines(&check_one("docs/X.md", text), &[2, 6]);
    }

    #[test]
    fn paths_that_are_not_there_are_found() {
        let text = "`nodedb-wal/src/` `docs/A.md`\n`nodedb-wal/src/gone.rs`\n`docs/Z.md`\n\
                    `A.md` `README.md`\n`gone.toml`\n`wal-{n}.seg` `cargo test` `docs/*.md`\n\
                    ```\n`docs/in-code.md`\n```";
        expect_lines(&check_one("docs/X.md", text), &[2, 3, 5]);
    }
}
