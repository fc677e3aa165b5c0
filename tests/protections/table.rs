//! The list of cases as text: what is taken out where, and which test must fail then.

/// A protection, and how it is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Of the lesson in `docs/TESTING.md`.
    pub(crate) lesson: u32,
    /// What the log does then, in a few words.
    pub(crate) what: String,
    /// The file, from the root of the repository on.
    pub(crate) file: String,
    /// Whole lines.
    pub(crate) find: String,
    pub(crate) instead: String,
    /// What `cargo test` is given; the last word is the test's name.
    pub(crate) test: Vec<String>,
}

impl Case {
    pub(crate) fn test_name(&self) -> &str {
        self.test.last().map_or("", String::as_str)
    }

    /// The file's text with the protection taken out.
    ///
    /// # Errors
    ///
    /// The text to be taken out is not there, or more than once.
    pub(crate) fn take_out(&self, text: &str) -> Result<String, String> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let find: Vec<&str> = self.find.split_inclusive('\n').collect();
        let places = lines.windows(find.len()).enumerate();
        let places: Vec<usize> = places
            .filter(|(_, there)| *there == find)
            .map(|(at, _)| at)
            .collect();
        match places[..] {
            [at] => {
                let (front, back) = (&lines[..at], &lines[at + find.len()..]);
                Ok(front.concat() + &self.instead + &back.concat())
            }
            [] => Err(format!("{}: the code moved: {:?}", self.file, self.find)),
            _ => Err(format!("{}: more than once: {:?}", self.file, self.find)),
        }
    }
}

/// The whole list.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) cases: Vec<Case>,
    /// Lessons without a case, and why.
    pub(crate) without: Vec<(u32, String)>,
}

impl Table {
    /// # Errors
    ///
    /// The first line that is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let wrong = || format!("line {}: {line:?}", at + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (is_case, rest) = match line.strip_prefix("lesson ") {
                Some(rest) => (true, rest),
                None => (false, line.strip_prefix("no case for ").ok_or_else(wrong)?),
            };
            let (lesson, what) = rest.split_once(": ").ok_or_else(wrong)?;
            let lesson = lesson.parse().map_err(|_| wrong())?;
            if !is_case {
                table.without.push((lesson, what.to_owned()));
                continue;
            }
            let mut rest = lines.by_ref().map(|(_, line)| line);
            let case = parse_case(lesson, what, &mut rest);
            table.cases.push(case.ok_or_else(wrong)?);
        }
        Ok(table)
    }
}

fn parse_case<'a>(
    lesson: u32,
    what: &str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Option<Case> {
    let file = lines.next()?.strip_prefix("file ")?.to_owned();
    let test = lines.next()?.strip_prefix("test ")?;
    let test = test.split(' ').map(str::to_owned).collect();
    (lines.next()? == "find").then_some(())?;
    let find = until(lines, "instead")?;
    let instead = until(lines, "end")?;
    let what = what.to_owned();
    Some(Case {
        lesson,
        what,
        file,
        find,
        instead,
        test,
    })
}

/// The lines in front of `end`, each with its newline.
fn until<'a>(lines: &mut impl Iterator<Item = &'a str>, end: &str) -> Option<String> {
    let mut text = String::new();
    loop {
        let line = lines.next()?;
        if line == end {
            return Some(text);
        }
        text.push_str(line);
        text.push('\n');
    }
}

#[test]
fn a_list_is_read_and_a_case_takes_out_whole_lines() {
    let text = "# x\n\nno case for 31: not built\nlesson 3: y\nfile a.rs\ntest --test it a_b\nfind\n  one();\n\
                instead\n  two();\nend\n";
    let table = Table::parse(text).unwrap();
    assert_eq!(table.without, [(31, "not built".to_owned())]);
    let case = &table.cases[0];
    assert_eq!((case.lesson, case.test_name()), (3, "a_b"));
    let out = |text: &str| case.take_out(text);
    assert_eq!(out("  one();\n").unwrap(), "  two();\n");
    assert_eq!(out("a\n  one();\nb\n").unwrap(), "a\n  two();\nb\n");
    assert!(out("a  one();\n").is_err());
    assert!(out("  one();\n  one();\n").is_err());
}

#[test]
fn a_list_that_is_not_understood_is_refused() {
    for text in [
        "lesson 3\n",
        "lesson x: y\n",
        "something\n",
        "lesson 3: y\nfile a.rs\ntest a\nfind\nx\n",
        "lesson 3: y\ntest a\nfile a.rs\nfind\nx\ninstead\nend\n",
    ] {
        assert!(Table::parse(text).is_err(), "{text:?}");
    }
}
