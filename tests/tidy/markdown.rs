//! The little of Markdown that the rules read: tables by section, links, words in backticks.

/// A row of a table, and the heading it stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The heading as written, without the `#`s.
    pub(crate) section: String,
    pub(crate) line: usize,
    pub(crate) cells: Vec<String>,
}

/// Every row of every table; heads and the lines below them left out.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut section = String::new();
    let mut found = Vec::new();
    let mut in_table = false;
    for (line, content) in lines(text) {
        if let Some(heading) = content.strip_prefix('#') {
            heading
                .trim_start_matches('#')
                .trim()
                .clone_into(&mut section);
        }
        let Some(cells) = cells(content) else {
            in_table = false;
            continue;
        };
        let is_rule = cells
            .iter()
            .all(|cell| cell.chars().all(|c| "-:".contains(c)));
        if is_rule {
            in_table = true;
        } else if in_table {
            found.push(Row {
                section: section.clone(),
                line,
                cells,
            });
        }
    }
    found
}

/// The lines outside fenced code, numbered from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(
        inside
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect(),
    )
}

/// The word in backticks that the cell consists of.
pub(crate) fn unquoted(cell: &str) -> &str {
    cell.strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'))
        .unwrap_or(cell)
}

/// What stands in backticks, with its line.
pub(crate) fn quoted(text: &str) -> Vec<(usize, &str)> {
    lines(text)
        .flat_map(|(line, content)| {
            let words = content.split('`').skip(1).step_by(2);
            words.map(move |word| (line, word))
        })
        .collect()
}

/// Where the links lead, with their line.
pub(crate) fn links(text: &str) -> Vec<(usize, &str)> {
    lines(text)
        .flat_map(|(line, content)| {
            let targets = content.split("](").skip(1);
            targets.filter_map(move |rest| Some((line, rest.split_once(')')?.0)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A\n## B c\n| x | y |\n|---|:-:|\n| `1` | two |\n\n```\n| no | no |\n```\n\
                        see [a](b.md) and `c/d.rs`, [e](http://f)\n";

    #[test]
    fn rows_know_their_section() {
        let rows = rows(TEXT);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].section.as_str(), rows[0].line), ("B c", 5));
        assert_eq!(unquoted(&rows[0].cells[0]), "1");
        assert_eq!(rows[0].cells[1], "two");
    }

    #[test]
    fn links_and_quoted_words_are_found() {
        assert_eq!(links(TEXT), [(10, "b.md"), (10, "http://f")]);
        assert_eq!(quoted(TEXT), [(5, "1"), (10, "c/d.rs")]);
    }
}
