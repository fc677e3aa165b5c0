//! What `docs/FORMAT.md` calls the fields of the footer and the files of a log is what the code calls
//! them. Their layout is not in a table of the code, so only the names are compared.

use std::collections::BTreeSet;

use crate::markdown::{rows, unquoted};
use crate::source::{Source, Violation};
use crate::tokens::Kind;

const PAGE: &str = "docs/FORMAT.md";

/// Compares the fields of the footer, which is read by these files, both ways.
pub(crate) fn check_footer(page: &str, footer: &[&Source]) -> Vec<Violation> {
    let in_code: BTreeSet<String> = footer.iter().flat_map(|source| texts(source)).collect();
    let mut on_page = BTreeSet::new();
    let mut violations = Vec::new();
    for row in rows(page) {
        if row.section != "Footer record" {
            continue;
        }
        for name in row.cells.get(1).map_or("", String::as_str).split(", ") {
            let name = unquoted(name);
            if !in_code.contains(name) {
                let what = format!("the footer has no field `{name}`");
                violations.push(Violation::new(PAGE, row.line, what));
            }
            on_page.insert(name.to_owned());
        }
    }
    let missing = in_code.difference(&on_page);
    violations.extend(missing.map(|name| {
        let what = format!("the footer's field `{name}` is in the code only");
        Violation::new(PAGE, 0, what)
    }));
    violations
}

/// Checks that each piece that file names are made of is in the table of files.
pub(crate) fn check_files(page: &str, file_name: &Source) -> Vec<Violation> {
    let names: Vec<String> = rows(page)
        .into_iter()
        .filter(|row| ["Files", "A log per core"].contains(&row.section.as_str()))
        .filter_map(|row| row.cells.into_iter().next())
        .collect();
    texts(file_name)
        .into_iter()
        // What is left are patterns of `format!`, made of the same pieces.
        .filter(|text| !text.contains('{'))
        .filter(|text| !names.iter().any(|name| name.contains(text)))
        .map(|text| Violation::new(PAGE, 0, format!("no file name has the piece `{text}`")))
        .collect()
}

/// The strings in the code, without documentation and tests.
fn texts(source: &Source) -> BTreeSet<String> {
    let tokens = &source.tokens;
    (0..tokens.len())
        .filter(|&at| tokens[at].kind == Kind::Literal && !tokens[at].in_test)
        .filter(|&at| at < 2 || !tokens[at - 2].is("doc"))
        .filter_map(|at| tokens[at].text.strip_prefix('"')?.strip_suffix('"'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    #[test]
    fn differing_footers_are_found() {
        let code = "/// `doc`\nfn f() { c.u64(\"a\"); c.u64(\"b\"); }\n\
                    #[cfg(test)]\nmod t { fn g() { h(\"t\") } }";
        let check_one = |fields: &str| {
            let page = format!("## Footer record\n| t | f |\n|---|---|\n| `u64` | {fields} |\n");
            check_footer(&page, &[&Source::new("footer.rs", code)])
        };
        expect_lines(&check_one("`a`, `b`"), &[]);
        expect_lines(&check_one("`a`"), &[0]);
        expect_lines(&check_one("`a`, `b`, `c`"), &[4]);
    }

    #[test]
    fn a_file_that_is_not_described_is_found() {
        let code =
            "const A: &str = \"wal-\"; const B: &str = \".old\"; fn f() { format!(\"{A}{B}\") }";
        let page = "## Files\n| name |\n|---|\n| `wal-{n}.seg` |\n";
        let found = check_files(page, &Source::new("file_name.rs", code));
        expect_lines(&found, &[0]);
    }
}
