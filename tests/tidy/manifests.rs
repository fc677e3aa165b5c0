//! What the crates depend on: `Cargo.toml`, `Cargo.lock` and the lines of `deny.toml` that say why.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Violation;

/// The dependencies a `Cargo.toml` names.
#[derive(Debug)]
pub(crate) struct Manifest {
    path: String,
    /// Name and line, crates of the workspace left out.
    dependencies: Vec<(String, usize)>,
    /// Lines on which a dependency is given another name.
    renamed: Vec<usize>,
}

impl Manifest {
    /// Reads the `[..dependencies]` tables and the `[..dependencies.name]` ones.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut manifest = Self {
            path: path.to_owned(),
            dependencies: Vec::new(),
            renamed: Vec::new(),
        };
        let mut in_table = false;
        for (line, content) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(header) = content.strip_prefix('[') {
                let header = header.trim_end_matches(']');
                in_table = header.ends_with("dependencies");
                if let Some((_, name)) = header.rsplit_once("dependencies.") {
                    manifest.dependencies.push((name.to_owned(), line));
                }
            } else if in_table && !content.starts_with('#') {
                manifest.add(content, line);
            }
        }
        manifest
    }

    fn add(&mut self, content: &str, line: usize) {
        let Some((key, value)) = content.split_once('=') else {
            return;
        };
        let name = key.trim().trim_end_matches(".workspace").trim_matches('"');
        if value.contains("package =") {
            self.renamed.push(line);
        }
        if !name.starts_with("nodedb-") {
            self.dependencies.push((name.to_owned(), line));
        }
    }
}

/// The workspace's own `Cargo.toml` and those of its members, by the line `members = [..]`.
pub(crate) fn paths(workspace: &str) -> Vec<String> {
    let members = workspace
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .unwrap_or_default();
    let members = members.split('"').skip(1).step_by(2);
    std::iter::once("Cargo.toml".to_owned())
        .chain(members.map(|member| format!("{member}/Cargo.toml")))
        .collect()
}

/// Why a dependency is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) name: String,
    /// Folders, files, or [`TESTS`].
    pub(crate) places: Vec<String>,
    line: usize,
}

/// The place that stands for any test, bench or example.
pub(crate) const TESTS: &str = "tests";

const DENY: &str = "deny.toml";

/// The lines `# dep: NAME — home: place, place — reason`.
pub(crate) fn homes(deny: &str) -> Vec<Home> {
    (1..)
        .zip(deny.lines())
        .filter_map(|(line, text)| home(line, text)?.ok())
        .collect()
}

/// `None` when the line names no dependency, an error when it is not complete.
fn home(line: usize, text: &str) -> Option<Result<Home, Violation>> {
    let entry = text.strip_prefix("# dep: ")?;
    let mut parts = entry.split(" — ").map(str::trim);
    let name = parts.next().unwrap_or_default();
    let places = parts.next().and_then(|part| part.strip_prefix("home: "));
    let reason = parts.next().unwrap_or_default();
    Some(match places {
        Some(places) if !name.is_empty() && !reason.is_empty() => Ok(Home {
            name: name.to_owned(),
            places: places.split(", ").map(str::to_owned).collect(),
            line,
        }),
        _ => Err(Violation::new(
            DENY,
            line,
            "write `# dep: NAME — home: place, place — reason`",
        )),
    })
}

/// Every direct dependency has its line in `deny.toml`, and every line its dependency.
pub(crate) fn check_named(manifests: &[Manifest], deny: &str) -> Vec<Violation> {
    let mut violations: Vec<Violation> = (1..)
        .zip(deny.lines())
        .filter_map(|(line, text)| home(line, text)?.err())
        .collect();
    let homes = homes(deny);
    for manifest in manifests {
        for line in &manifest.renamed {
            let what = "a dependency keeps its own name, so that it can be found";
            violations.push(Violation::new(&manifest.path, *line, what));
        }
        for (name, line) in &manifest.dependencies {
            if !homes.iter().any(|home| home.name == *name) {
                let what = format!("`{name}` has no line in {DENY}");
                violations.push(Violation::new(&manifest.path, *line, what));
            }
        }
    }
    for home in &homes {
        let is_used = manifests
            .iter()
            .flat_map(|manifest| &manifest.dependencies)
            .any(|(name, _)| *name == home.name);
        if !is_used {
            let what = format!("nothing depends on `{}` any more", home.name);
            violations.push(Violation::new(DENY, home.line, what));
        }
    }
    violations
}

/// Every package that `package` can reach by `Cargo.lock`, with any feature, its tests included.
pub(crate) fn reached(lock: &str, package: &str) -> BTreeSet<String> {
    let graph = graph(lock);
    let mut reached = BTreeSet::new();
    let mut open = vec![package.to_owned()];
    while let Some(name) = open.pop() {
        for dependency in graph.get(&name).into_iter().flatten() {
            if reached.insert(dependency.clone()) {
                open.push(dependency.clone());
            }
        }
    }
    reached
}

/// Package to dependencies; versions of one package are taken together.
fn graph(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut package = String::new();
    for line in lock.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("name = ") {
            name.trim_matches('"').clone_into(&mut package);
        } else if let Some(dependency) = line.strip_prefix('"') {
            // `"name"`, or `"name version"` where there are several.
            let name = dependency.trim_end_matches("\",");
            let name = name.split(' ').next().unwrap_or_default();
            graph
                .entry(package.clone())
                .or_default()
                .insert(name.to_owned());
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    const MANIFEST: &str = "[package]\nname = \"x\"\n[dependencies]\nredb.workspace = true\n\
                            nodedb-wal.workspace = true\n[dev-dependencies]\n# no = \"1\"\n\
                            clap = \"4\"\n[target.'cfg(unix)'.dependencies.nix]\nversion = \"1\"\n\
                            [workspace.dependencies]\ncsv2 = { package = \"csv\" }\n";

    #[test]
    fn the_members_are_found() {
        let found = paths("[workspace]\nmembers = [\"a\", \"b/c\"]\n");
        assert_eq!(found, ["Cargo.toml", "a/Cargo.toml", "b/c/Cargo.toml"]);
    }

    #[test]
    fn every_form_of_dependency_is_read() {
        let manifest = Manifest::parse("Cargo.toml", MANIFEST);
        let expected = [("redb", 4), ("clap", 8), ("nix", 9), ("csv2", 12)];
        assert_eq!(
            manifest.dependencies,
            expected.map(|(name, line)| (name.to_owned(), line))
        );
        assert_eq!(manifest.renamed, [12]);
    }

    #[test]
    fn a_dependency_without_a_line_and_a_line_without_a_dependency_are_found() {
        let manifests = [Manifest::parse("Cargo.toml", MANIFEST)];
        let deny = "# dep: redb — home: a/ — why\n# dep: nix — home: a/, b — why\n\
                    # dep: clap — home: a/\n# dep: gone — home: a/ — why\n# dep: csv2 — home: a/ — why";
        let found = check_named(&manifests, deny);
        // `gone` and the incomplete line in deny.toml; `clap` and the renamed one in Cargo.toml.
        expect_lines(&found, &[3, 4, 8, 12]);
        assert_eq!(homes(deny)[1].places, ["a/", "b"]);
    }

    #[test]
    fn what_is_reached_through_others_is_found() {
        let lock = "[[package]]\nname = \"a\"\ndependencies = [\n \"b\",\n]\n\
                    [[package]]\nname = \"b\"\ndependencies = [\n \"redb 4.0.0\",\n]\n\
                    [[package]]\nname = \"other\"\ndependencies = [\n \"c\",\n]\n";
        let expected: BTreeSet<String> = ["b", "redb"].map(str::to_owned).into();
        assert_eq!(reached(lock, "a"), expected);
    }
}
