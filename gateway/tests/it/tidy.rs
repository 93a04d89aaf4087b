//! The house rules that no compiler checks. Each test lists every place that breaks its rule.
//!
//! - [`source`]: names, sizes and words of the Rust files
//! - [`dependency`]: which crate may know which

mod dependency;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn top_level_is_as_fixed() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "api",
        "benches",
        "deploy",
        "gateway",
        "loadtest",
        "protocol",
        "target",
        "data",
    ];
    let names = entries(&root()).into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        (!name.starts_with('.') && !allowed.contains(&name.as_str())).then_some(name)
    });
    assert_none(names);
}

#[test]
fn lock_file_names_no_address_of_a_registry() {
    let locks = files(&root(), "package-lock.json");
    assert!(!locks.is_empty(), "the stock clients have one");
    assert_none(
        locks.into_iter().filter(|(_, text)| text.contains("\"resolved\"")).map(|(path, _)| path),
    );
}

#[test]
fn lints_of_the_protocol_include_everybody_elses() {
    let read = |path| fs::read_to_string(root().join(path)).expect("the configuration of clippy");
    let (everybody, protocol) = (read(".clippy.toml"), read("protocol/.clippy.toml"));
    assert_none(
        everybody.lines().filter(|line| !protocol.contains(line.trim())).map(str::to_owned),
    );
}

/// Fails with the list, unless it is empty.
fn assert_none(found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

/// Every file below `folder` whose name ends like this, as its path from the root and its text.
fn files(folder: &Path, end: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in entries(folder) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') || ["target", "node_modules", "data"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if name.ends_with(end) {
            let place = path.strip_prefix(root()).expect("the walk starts at the root");
            let text = fs::read_to_string(&path).expect("sources are text");
            found.push((place.display().to_string(), text));
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the crate lies in the workspace").to_owned()
}
