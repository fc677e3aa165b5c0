//! `docs/FORMAT.md` says what the code does: every field of every fixed structure, every constant,
//! every record kind, compared in both directions.

use nodedb_wal::format::layout::{self, Field};
use nodedb_wal::types::{RecordFlags, RecordKind};

use crate::markdown::{Row, rows, unquoted};
use crate::source::Violation;

const PAGE: &str = "docs/FORMAT.md";

/// Compares the page with the code.
pub(crate) fn check(page: &str) -> Vec<Violation> {
    let rows = rows(page);
    let structures = [
        ("record", layout::record::FIELDS, layout::record::BYTES),
        (
            "frontier",
            layout::frontier::FIELDS,
            layout::frontier::BYTES,
        ),
        ("segment", layout::segment::FIELDS, layout::segment::BYTES),
        ("trailer", layout::trailer::FIELDS, layout::trailer::BYTES),
        (
            "manifest",
            layout::manifest::FIELDS,
            layout::manifest::BYTES,
        ),
        (
            "manifest_core",
            layout::manifest_core::FIELDS,
            layout::manifest_core::BYTES,
        ),
        (
            "manifest_void",
            layout::manifest_void::FIELDS,
            layout::manifest_void::BYTES,
        ),
    ];
    let mut violations: Vec<Violation> = structures
        .iter()
        .flat_map(|(name, fields, bytes)| {
            let title = format!("`{name}`, {bytes} bytes");
            let expected = fields.iter().map(field_cells).collect();
            compare(&rows, &title, 3, expected)
        })
        .collect();
    violations.extend(compare(&rows, "Conventions", 2, constants()));
    violations.extend(compare(&rows, "Kinds", 4, kinds()));
    violations.extend(compare_flags(&rows));
    violations
}

fn field_cells(field: &Field) -> Vec<String> {
    vec![
        field.offset.to_string(),
        field.width.to_string(),
        field.name.to_owned(),
    ]
}

fn constants() -> Vec<Vec<String>> {
    let text = |magic: [u8; 8]| String::from_utf8_lossy(&magic).into_owned();
    [
        ("VERSION", layout::VERSION.to_string()),
        ("BLOCK_BYTES", layout::BLOCK_BYTES.to_string()),
        ("ALIGN_BYTES", layout::ALIGN_BYTES.to_string()),
        ("NUMBER_END", layout::NUMBER_END.to_string()),
        ("DATA_START", layout::DATA_START.to_string()),
        ("MIRROR_OFFSET", layout::MIRROR_OFFSET.to_string()),
        ("SEGMENT_MAGIC", text(layout::SEGMENT_MAGIC)),
        ("TRAILER_MAGIC", text(layout::TRAILER_MAGIC)),
        ("MANIFEST_MAGIC", text(layout::MANIFEST_MAGIC)),
        ("FRONTIER_KIND", layout::FRONTIER_KIND.to_string()),
        ("FOOTER_KIND", layout::FOOTER_KIND.to_string()),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .into()
}

fn kinds() -> Vec<Vec<String>> {
    RecordKind::ALL
        .iter()
        .map(|kind| {
            let is_required = kind.code().is_required();
            vec![
                kind.code().number().to_string(),
                kind.name().to_owned(),
                if is_required { "required" } else { "optional" }.to_owned(),
                if kind.is_control() { "control" } else { "data" }.to_owned(),
            ]
        })
        .collect()
}

/// A flag with a name is read by this version; one without is reserved, and an error.
fn compare_flags(rows: &[Row]) -> Option<Violation> {
    let named = rows
        .iter()
        .filter(|row| {
            row.section == "Record flags" && row.cells.get(1).is_some_and(|c| !c.is_empty())
        })
        .filter_map(|row| row.cells.first()?.parse::<u32>().ok())
        .fold(0, |bits, bit| {
            bits | 1_u16.checked_shl(bit).unwrap_or_default()
        });
    let known = RecordFlags::KNOWN.bits();
    let what = format!("the page names the flags {named:#06b}, the code {known:#06b}");
    (named != known).then(|| Violation::new(PAGE, 0, what))
}

/// Compares the first `columns` cells of the rows under the heading that ends in `title` with what
/// the code has, in order.
fn compare(
    rows: &[Row],
    title: &str,
    columns: usize,
    expected: Vec<Vec<String>>,
) -> Vec<Violation> {
    let mut found = rows.iter().filter(|row| row.section.ends_with(title));
    let mut violations = Vec::new();
    for cells in expected {
        let Some(row) = found.next() else {
            let what = format!("under \"{title}\": {cells:?} is in the code only");
            violations.push(Violation::new(PAGE, 0, what));
            continue;
        };
        let written: Vec<&str> = row
            .cells
            .iter()
            .take(columns)
            .map(|c| unquoted(c))
            .collect();
        if written != cells {
            let what = format!("the page says {written:?}, the code {cells:?}");
            violations.push(Violation::new(PAGE, row.line, what));
        }
    }
    for row in found {
        violations.push(Violation::new(PAGE, row.line, "is on the page only"));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    const PAGE_TEXT: &str = "## Thing: `thing`, 8 bytes\n| offset | width | field | what |\n\
                             |---|---|---|---|\n| 0 | 4 | `a` | x |\n| 4 | 4 | `b` | y |\n";

    fn compare_with(fields: &[(usize, usize, &'static str)]) -> Vec<Violation> {
        let expected = fields
            .iter()
            .map(|&(offset, width, name)| {
                field_cells(&Field {
                    name,
                    offset,
                    width,
                })
            })
            .collect();
        compare(&rows(PAGE_TEXT), "`thing`, 8 bytes", 3, expected)
    }

    #[test]
    fn a_page_that_agrees_is_fine() {
        expect_lines(&compare_with(&[(0, 4, "a"), (4, 4, "b")]), &[]);
    }

    #[test]
    fn every_difference_is_found() {
        expect_lines(&compare_with(&[(0, 4, "a"), (4, 4, "c")]), &[5]);
        expect_lines(&compare_with(&[(0, 4, "a"), (4, 2, "b")]), &[5]);
        expect_lines(&compare_with(&[(0, 4, "a"), (8, 4, "b")]), &[5]);
        expect_lines(&compare_with(&[(0, 4, "a")]), &[5]);
        expect_lines(
            &compare_with(&[(0, 4, "a"), (4, 4, "b"), (8, 4, "c")]),
            &[0],
        );
    }

    #[test]
    fn an_empty_page_differs_in_everything() {
        let fields = [
            layout::record::FIELDS.len(),
            layout::frontier::FIELDS.len(),
            layout::segment::FIELDS.len(),
            layout::trailer::FIELDS.len(),
            layout::manifest::FIELDS.len(),
            layout::manifest_core::FIELDS.len(),
            layout::manifest_void::FIELDS.len(),
        ];
        let all = fields.iter().sum::<usize>() + constants().len() + kinds().len() + 1;
        assert_eq!(check("").len(), all);
    }
}
