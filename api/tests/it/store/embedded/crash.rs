//! Killed at any moment: what was acknowledged is there, nothing is half there, indexes agree.
//!
//! The test starts itself as another process, which writes until it is killed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use api::store::Direction::Ascending;
use api::store::index::MESSAGES_BY_SEQ;
use api::store::{Collection, Insert, Op, OpenError, Scan, Store};
use bson::doc;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio::task::JoinSet;

use super::verify;
use crate::store::contract::sample::{change, id, insert, message, raw, stored};

/// Tells a process of this test where to write.
const FOLDER: &str = "VOXORA_TEST_CRASH_FOLDER";
/// Tells it from which number on.
const FIRST: &str = "VOXORA_TEST_CRASH_FIRST";

const KILLS_WHILE_WRITING: usize = 24;
/// Writers at once in the child.
const WRITERS: u32 = 16;
/// The conversation that all messages belong to.
const CONVERSATION: u32 = u32::MAX;

#[test]
fn acknowledged_writes_survive_kills_at_any_moment() {
    if let (Some(folder), Some(first)) = (std::env::var_os(FOLDER), std::env::var_os(FIRST)) {
        write_until_killed(&PathBuf::from(folder), first.to_str().unwrap().parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    for file_len in [0, 1, 4 << 10, 64 << 10, 72 << 10, 128 << 10, 256 << 10] {
        let young = tempfile::tempdir().unwrap();
        kill_while_making(young.path(), file_len);
        check(young.path(), &BTreeSet::new());
    }
    let runner = &mut TestRunner::default();
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS_WHILE_WRITING {
        let first = u32::try_from(round).unwrap() * 1_000_000;
        let acks = (1..400_usize).new_tree(runner).unwrap().current();
        let heard = kill_after(folder.path(), first, acks);
        assert!(heard.len() >= acks);
        acknowledged.extend(heard);
        check(folder.path(), &acknowledged);
    }
}

#[test]
fn another_process_is_told_that_the_folder_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), 0);
    let mut lines = lines(&mut child);
    assert!(lines.any(|line| line.starts_with("ack ")));
    let second = Store::open_embedded(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(second, Err(OpenError::InUse(_))), "{second:?}");
    Store::open_embedded(folder.path()).unwrap();
}

/// Runs a child until it has acknowledged so many writes, kills it, and returns all that it
/// acknowledged.
fn kill_after(folder: &Path, first: u32, acks: usize) -> Vec<u32> {
    let mut child = start(folder, first);
    let mut heard = Vec::new();
    for line in lines(&mut child) {
        heard.extend(line.strip_prefix("ack ").map(|number| number.parse::<u32>().unwrap()));
        if heard.len() >= acks {
            // What is in the pipe already was acknowledged too, so the reading goes on.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    heard
}

/// Runs a child until the file that it makes has grown so far, or is finished, and kills it.
fn kill_while_making(folder: &Path, file_len: u64) {
    let mut child = start(folder, 0);
    let reached = |entry: std::io::Result<DirEntry>| {
        let entry = entry.unwrap();
        let len = entry.metadata().map_or(0, |metadata| metadata.len());
        len >= file_len || entry.path().extension().is_some_and(|name| name == "redb")
    };
    while !std::fs::read_dir(folder).unwrap().any(reached) {
        assert!(child.try_wait().unwrap().is_none(), "the child is to be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn start(folder: &Path, first: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("store::embedded::crash::acknowledged_writes_survive_kills_at_any_moment")
        .env(FOLDER, folder)
        .env(FIRST, OsString::from(first.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok)
}

/// The child: writers that each insert message after message and say so when it is durable.
fn write_until_killed(folder: &Path, first: u32) -> ! {
    let store = Store::open_embedded(folder).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let conversation = doc! { "_id": id(CONVERSATION), "count": 0 };
        // It is there already unless this is the first of the children.
        drop(insert(&store, Collection::Conversations, &conversation).await);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            writers.spawn(async move {
                for number in (first + writer..).step_by(WRITERS as usize) {
                    let count = Op::Increment("count".into(), 1);
                    let follow_ups =
                        vec![change(Collection::Conversations, CONVERSATION, vec![count])];
                    let document = raw(&message(number, CONVERSATION, number.into()));
                    let insert = Insert { collection: Collection::Messages, document, follow_ups };
                    store.insert(insert).await.unwrap();
                    say(&format!("ack {number}"));
                }
            });
        }
        writers.join_all().await;
    });
    unreachable!("writers go on until they are killed");
}

/// One line, past the test harness's capture, in one write.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Opens what a killed process left.
fn check(folder: &Path, acknowledged: &BTreeSet<u32>) {
    let store = Store::open_embedded(folder).unwrap();
    verify(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for &number in acknowledged {
            assert_eq!(
                stored(&store, Collection::Messages, number).await,
                message(number, CONVERSATION, number.into())
            );
        }
        if acknowledged.is_empty() {
            return;
        }
        let equals = [id(CONVERSATION).into()];
        let scan = Scan {
            index: &MESSAGES_BY_SEQ,
            equals: &equals,
            after: &[],
            direction: Ascending,
            limit: usize::MAX,
        };
        let messages = store.count(&scan).await.unwrap();
        let conversation = stored(&store, Collection::Conversations, CONVERSATION).await;
        let counted = conversation.get_i64("count").unwrap();
        assert_eq!(u64::try_from(counted), Ok(messages), "an insert and what follows are one");
    });
}
