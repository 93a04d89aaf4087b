//! Names, sizes and words of the Rust files.

use super::{assert_none, files, root};

#[test]
fn file_is_named_for_one_concept() {
    let banned = [
        "utils", "util", "helpers", "helper", "common", "misc", "shared", "manager", "types",
        "prelude", "mod",
    ];
    let wrong = |path: &str| {
        path.trim_end_matches(".rs").split('/').any(|part| {
            let is_plain =
                part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            banned.contains(&part) || !is_plain
        })
    };
    assert_none(files(&root(), ".rs").into_iter().map(|(path, _)| path).filter(|path| wrong(path)));
}

#[test]
fn file_begins_with_what_it_is() {
    let is_bare = |text: &str| {
        !text.starts_with("//! ") || text.lines().next().is_none_or(|line| line.len() < 12)
    };
    // `foo/tests.rs` is what its name says.
    let bare = files(&root(), ".rs")
        .into_iter()
        .filter(|(path, text)| is_bare(text) && !path.ends_with("/tests.rs"));
    assert_none(bare.map(|(path, _)| path));
}

#[test]
fn file_can_be_read_in_one_sitting() {
    let mut sizes: Vec<(usize, String)> = files(&root(), ".rs")
        .into_iter()
        .map(|(path, text)| (production(&text).lines().count(), path))
        .collect();
    sizes.sort();
    assert_none(
        sizes
            .iter()
            .filter(|(lines, _)| *lines > LINES_MAX)
            .map(|(lines, path)| format!("{path}: {lines} lines")),
    );
    let (most, path) = &sizes[sizes.len() * 9 / 10];
    assert!(
        *most <= LINES_P90_MAX,
        "nine files of ten are shorter than {most} lines, as is {path}"
    );
}

#[test]
fn comment_tag_is_one_of_five_and_says_something() {
    let mut wrong = Vec::new();
    for (path, text) in files(&root(), ".rs") {
        let comments: Vec<&str> = text.lines().map(comment_of).collect();
        for (index, comment) in comments.iter().enumerate() {
            let Some((tag, rest)) = comment.split_once(':') else { continue };
            if tag.len() < 3 || !tag.bytes().all(|byte| byte.is_ascii_uppercase()) {
                continue;
            }
            let block = comments[index..].iter().take_while(|line| !line.is_empty());
            let has_number = block.copied().any(|line| line.contains(|c: char| c.is_ascii_digit()));
            let place = format!("{path}:{}", index + 1);
            if !TAGS.contains(&tag) {
                wrong.push(format!("{place}: {tag} is no tag"));
            } else if rest.trim().is_empty() {
                wrong.push(format!("{place}: {tag} says nothing"));
            } else if tag == "PERF" && !has_number {
                wrong.push(format!("{place}: PERF without a number"));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn work_left_over_has_an_owner_elsewhere() {
    let mut left = Vec::new();
    for (path, text) in files(&root(), ".rs") {
        for (index, line) in text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            let mut words = comment.split(|c: char| !c.is_ascii_alphanumeric());
            if words.any(|word| MARKS.contains(&word)) {
                left.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none(left);
}

#[test]
fn claim_is_never_ignored_and_never_sleeps() {
    let mut wrong = Vec::new();
    for (path, text) in files(&root(), ".rs") {
        let is_test = path.contains("/tests");
        let tests = if is_test { 0 } else { production(&text).lines().count() };
        for (index, line) in text.lines().enumerate().skip(tests) {
            if NOT_IN_TESTS.iter().any(|banned| line.contains(banned)) {
                wrong.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none(wrong);
}

#[test]
fn import_names_what_it_brings() {
    let mut globs = Vec::new();
    for (path, text) in files(&root(), ".rs") {
        if path.contains("/tests") {
            continue; // beside what it tests, a test module takes everything
        }
        for (index, line) in production(&text).lines().enumerate() {
            let line = line.trim_start();
            let is_import = line.starts_with("use ") || line.starts_with("pub use ");
            if is_import && line.trim_end().ends_with("::*;") {
                globs.push(format!("{path}:{}: {line}", index + 1));
            }
        }
    }
    assert_none(globs);
}

#[test]
fn crate_that_needs_no_unsafe_forbids_it() {
    let roots = ["protocol", "api", "loadtest", "benches"]
        .map(|it| [format!("{it}/src/lib.rs"), format!("{it}/src/main.rs")])
        .concat();
    let open = files(&root(), ".rs")
        .into_iter()
        .filter(|(path, text)| roots.contains(path) && !text.contains("#![forbid(unsafe_code)]"));
    assert_none(open.map(|(path, _)| path));
}

/// A file without the tests at its end.
fn production(text: &str) -> &str {
    let tests = text.find("\n#[cfg(test)]\nmod ").filter(|place| text[*place..].contains(" {\n"));
    tests.map_or(text, |place| &text[..place])
}

/// What a line of comment says; empty for a line of code.
fn comment_of(line: &str) -> &str {
    let comment = line.trim_start().strip_prefix("//").unwrap_or_default();
    comment.trim_start_matches(['/', '!']).trim()
}

// In two halves, so that this file passes its own tests.
const MARKS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
const NOT_IN_TESTS: [&str; 3] =
    [concat!("#[ig", "nore"), concat!("thread::sl", "eep("), concat!("fn te", "st_")];
const TAGS: [&str; 5] = ["SAFETY", "INVARIANT", "PERF", "SPEC", "COMPAT"];
/// A longer file is split.
const LINES_MAX: usize = 500;
/// Nine files of ten are at most this long.
const LINES_P90_MAX: usize = 350;
