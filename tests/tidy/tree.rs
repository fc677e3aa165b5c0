//! The repository's own files, read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::manifests::{self, Manifest};
use crate::source::Source;

/// Everything the rules look at.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Every Rust file, in order of path.
    pub(crate) sources: Vec<Source>,
    /// Every page for people: path and text.
    pub(crate) docs: BTreeMap<String, String>,
    pub(crate) manifests: Vec<Manifest>,
    /// `deny.toml`.
    pub(crate) deny: String,
    /// `Cargo.lock`.
    pub(crate) lock: String,
    /// `.ci/run`.
    pub(crate) ci: String,
}

impl Tree {
    /// # Panics
    ///
    /// When a file cannot be read.
    pub(crate) fn load() -> Self {
        // Cargo sets it for the run too: the tree that is checked is the one the test runs in.
        let here = std::env::var_os("CARGO_MANIFEST_DIR");
        let here = here.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = here.join("..");
        let mut files = Vec::new();
        walk(&root, "", &mut files);
        files.sort();
        let ending = |end: &'static str| files.iter().filter(move |path| path.ends_with(end));
        let text = |path: &String| read(&root.join(path));
        Self {
            sources: ending(".rs")
                .map(|path| Source::new(path, &text(path)))
                .collect(),
            docs: ending(".md")
                .map(|path| (path.clone(), text(path)))
                .collect(),
            manifests: manifests::paths(&text(&"Cargo.toml".to_owned()))
                .iter()
                .map(|path| Manifest::parse(path, &text(path)))
                .collect(),
            deny: text(&"deny.toml".to_owned()),
            lock: text(&"Cargo.lock".to_owned()),
            ci: text(&".ci/run".to_owned()),
            root,
        }
    }

    /// A page's text.
    ///
    /// # Panics
    ///
    /// When there is no such page.
    pub(crate) fn doc(&self, path: &str) -> &str {
        match self.docs.get(path) {
            Some(text) => text,
            None => panic!("{path} is missing"),
        }
    }

    /// A Rust file.
    ///
    /// # Panics
    ///
    /// When there is no such file.
    pub(crate) fn source(&self, path: &str) -> &Source {
        match self.sources.iter().find(|source| source.path == path) {
            Some(source) => source,
            None => panic!("{path} is missing"),
        }
    }

    /// Whether the repository has this file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Build products and hidden folders are not of the tree.
        if name == "target" || name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
