//! Which crate may know which. `.deny.toml` says the same of the whole graph; this needs no tool.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{assert_none, files, root};

#[test]
fn arrow_between_crates_runs_only_downward() {
    let below: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("protocol", &[][..]),
        ("api", &["protocol"]),
        ("gateway", &["api", "protocol"]),
        ("loadtest", &["protocol"]),
        ("benches", &["api", "gateway", "protocol"]),
    ]);
    let dependencies = dependencies();
    let names: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(names, below.keys().copied().collect(), "every crate has its place");
    let upward = dependencies.iter().flat_map(|(from, to)| {
        let ours = to.iter().filter(|to| names.contains(to.name.as_str()));
        ours.filter(|to| !below[from.as_str()].contains(&to.name.as_str()))
            .map(move |to| format!("{from} -> {}", to.name))
    });
    assert_none(upward);
}

#[test]
fn protocol_builds_on_pure_crates_alone() {
    let pure = [
        "base64",
        "bytes",
        "memchr",
        "schemars",
        "serde",
        "serde_json",
        "simd-json",
        "smallvec",
        "thiserror",
    ];
    let others = dependencies().remove("protocol").expect("it is a member").into_iter();
    assert_none(
        others
            .filter(|to| !to.only_for_tests && !pure.contains(&to.name.as_str()))
            .map(|to| to.name),
    );
}

#[test]
fn driver_is_named_in_its_folder_alone() {
    let homes: [(&str, &[&str]); 10] = [
        ("mongodb", &["api/src/store/mongo", "api/tests"]),
        ("redis", &["/redis.rs", "/redis/"]),
        ("deadpool_redis", &["/redis.rs", "/redis/"]),
        ("redb", &["api/src/store/embedded"]),
        ("jsonwebtoken", &["api/src/auth"]),
        ("bcrypt", &["api/src/auth", "benches/"]),
        ("mio", &["gateway/src/reactor", "gateway/src/connection/socket", "loadtest/src/swarm"]),
        ("fastwebsockets", &["benches/", "loadtest/", "/tests"]),
        ("tungstenite", &["benches/", "loadtest/", "/tests"]),
        ("tokio_tungstenite", &["benches/", "loadtest/", "/tests"]),
    ];
    let mut strays = Vec::new();
    for (path, text) in files(&root(), ".rs") {
        for (driver, homes) in homes {
            let is_at_home = homes.iter().any(|home| path.contains(home));
            let named = text.lines().position(|line| names(line, driver));
            if let (false, Some(line)) = (is_at_home, named) {
                strays.push(format!("{path}:{}: {driver}", line + 1));
            }
        }
    }
    assert_none(strays);
}

/// Whether a line of code has a path that begins with this crate.
fn names(line: &str, driver: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(driver).any(|(place, _)| {
        let before = code[..place].chars().next_back();
        let continues = |c: char| c.is_alphanumeric() || "_:.\"".contains(c);
        let after = &code[place + driver.len()..];
        let is_import = code.trim_start().starts_with("use ") && after.starts_with([';', ' ']);
        !before.is_some_and(continues) && (after.starts_with("::") || is_import)
    })
}

/// One edge of the graph.
struct Dependency {
    name: String,
    only_for_tests: bool,
}

/// Every member, and what its manifest names.
fn dependencies() -> BTreeMap<String, Vec<Dependency>> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = command.current_dir(root()).output().expect("cargo runs: it built this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let edge = |value: &Value| Dependency {
        name: text(&value["name"]),
        only_for_tests: value["kind"] == "dev",
    };
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            (text(&package["name"]), list(&package["dependencies"]).iter().map(edge).collect())
        })
        .collect()
}
