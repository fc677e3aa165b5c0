//! What people are told to run is what CI runs.

use crate::source::Violation;

const TEST: &str = "cargo test ";

/// Checks that the README has a test command, and that `.ci/run` runs each one it has.
pub(crate) fn check(readme: &str, ci: &str) -> Vec<Violation> {
    let lines = (1..).zip(readme.lines().map(str::trim));
    let commands: Vec<(usize, &str)> = lines.filter(|(_, line)| line.starts_with(TEST)).collect();
    if commands.is_empty() {
        return vec![Violation::new(
            "README.md",
            0,
            "does not say how to run the tests",
        )];
    }
    commands
        .into_iter()
        .filter(|(_, command)| !ci.lines().any(|line| line.trim_end().ends_with(command)))
        .map(|(line, command)| {
            Violation::new(
                "README.md",
                line,
                format!(".ci/run does not run `{command}`"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    #[test]
    fn a_command_that_ci_does_not_run_is_found() {
        let ci = "step tests cargo test --workspace\n";
        let check_one = |readme: &str| check(readme, ci);
        expect_lines(&check_one("# A\ncargo test --workspace\n"), &[]);
        expect_lines(&check_one("# A\ncargo test --all\n"), &[2]);
        expect_lines(&check_one("# A\nmake test\n"), &[0]);
    }
}
