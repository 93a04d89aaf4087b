//! Every input that the fuzzers start from, or that was a finding once.

use std::fs;
use std::path::Path;

use super::fuzz::{TARGETS, run};

#[test]
fn decoder_holds_on_every_committed_input() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, _) in TARGETS {
        let inputs = fs::read_dir(corpus.join(name)).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            #[expect(clippy::disallowed_methods, reason = "the corpus is files")]
            let data = fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| run(name, &data));
            assert!(held.is_ok(), "{}", path.display());
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}

#[test]
fn decoder_without_a_target_has_no_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for folder in fs::read_dir(corpus).unwrap() {
        let name = folder.unwrap().file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "{name:?}");
    }
}
