//! The embedded store: durable sends, beside the disk's own sync; reads.
//!
//! A send is what a message costs: an insert under three indexes, and a change of its conversation
//! under eight.

use std::cell::{Cell, LazyCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use api::store::index::MESSAGES_BY_SEQ;
use api::store::{Collection, Direction, Guard, Insert, Op, Scan, Store, Update};
use bson::oid::ObjectId;
use bson::{Bson, DateTime, rawdoc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const CONVERSATIONS: u32 = 5_000;

criterion_group!(benches, disk, send, read);
criterion_main!(benches);

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build's own folder is writable")
}

/// The floor: one 4 KiB write and its sync.
fn disk(criterion: &mut Criterion) {
    let folder = folder();
    let file = File::create_new(folder.path().join("file")).expect("the folder is new");
    criterion.bench_function("disk/write_and_sync_4_kib", |bencher| {
        bencher.iter(|| {
            file.write_all_at(&[1; 4096], 0).and_then(|()| file.sync_data()).expect("disk");
        });
    });
}

fn send(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("send");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for writers in [1_u32, 8, 64, 256] {
        let chat = LazyCell::new(|| Chat::new(&runtime));
        group.bench_function(format!("durable_{writers}_writers"), |bencher| {
            bencher.iter_custom(|sends| chat.send(&runtime, sends, writers));
        });
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let chat = LazyCell::new(|| {
        let chat = Chat::new(&runtime);
        chat.send(&runtime, u64::from(CONVERSATIONS) * 8, 256);
        chat
    });
    let conversation = Bson::from(id(0, 7));
    criterion.bench_function("read/get_one", |bencher| {
        bencher.iter(|| runtime.block_on(chat.store.get(Collection::Conversations, &conversation)));
    });
    let equals = [conversation];
    let scan = Scan {
        index: &MESSAGES_BY_SEQ,
        equals: &equals,
        after: &[],
        direction: Direction::Descending,
        limit: 50,
    };
    criterion.bench_function("read/scan_page_of_messages", |bencher| {
        bencher.iter(|| runtime.block_on(chat.store.scan(&scan)));
    });
}

/// A store with conversations, and the number of the next message.
struct Chat {
    store: Store,
    next: Cell<u32>,
    _folder: TempDir,
}

impl Chat {
    fn new(runtime: &Runtime) -> Self {
        let folder = folder();
        let store = Store::open_embedded(folder.path()).expect("the folder is new");
        runtime.block_on(async {
            let mut inserts = JoinSet::new();
            for number in 0..CONVERSATIONS {
                let (store, insert) = (store.clone(), conversation(number));
                inserts
                    .spawn(async move { store.insert(insert).await.expect("a new conversation") });
                if inserts.len() > 1000 {
                    inserts.join_next().await;
                }
            }
            inserts.join_all().await;
        });
        Self { store, next: Cell::new(0), _folder: folder }
    }

    /// How long so many sends take, each writer one at a time, spread over the conversations.
    fn send(&self, runtime: &Runtime, sends: u64, writers: u32) -> Duration {
        let first = self.next.get();
        let end = first + u32::try_from(sends).expect("criterion asks for less");
        self.next.set(end);
        let begun = Instant::now();
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for writer in 0..writers {
                let store = self.store.clone();
                tasks.spawn(async move {
                    for number in (first + writer..end).step_by(writers as usize) {
                        store.insert(message(number)).await.expect("a durable send");
                    }
                });
            }
            tasks.join_all().await;
        });
        begun.elapsed()
    }
}

fn conversation(number: u32) -> Insert {
    let (customer, agent) = (id(2, number), id(3, number % 50));
    let document = rawdoc! {
        "_id": id(0, number), "participants": [customer, agent], "createdBy": customer,
        "assignedTo": agent, "status": "open", "priority": "medium", "tags": [],
        "lastMessageAt": DateTime::from_millis(0), "stamp": 0_i64, "lastSeq": 0_i64,
    };
    Insert { collection: Collection::Conversations, document, follow_ups: Vec::new() }
}

fn message(number: u32) -> Insert {
    // A stride that visits conversations in no order of their ids.
    let conversation = number.wrapping_mul(1_327) % CONVERSATIONS;
    let (seq, stamp) = (i64::from(number / CONVERSATIONS + 1), i64::from(number));
    let message = id(1, number);
    let document = rawdoc! {
        "_id": message, "conversationId": id(0, conversation), "senderId": id(2, conversation),
        "content": "x".repeat(120), "type": "text", "seq": seq, "stamp": stamp,
        "clientMessageId": format!("client-message-{number}"), "isDeleted": false,
        "createdAt": DateTime::from_millis(stamp), "updatedAt": DateTime::from_millis(stamp),
    };
    let follow_up = Update {
        collection: Collection::Conversations,
        id: id(0, conversation).into(),
        guard: vec![Guard::Below("lastSeq", seq.into())],
        ops: vec![
            Op::Set("lastMessage".into(), message.into()),
            Op::Set("lastMessageAt".into(), DateTime::from_millis(stamp).into()),
            Op::Set("lastSeq".into(), seq.into()),
            Op::Set("stamp".into(), stamp.into()),
        ],
    };
    Insert { collection: Collection::Messages, document, follow_ups: vec![follow_up] }
}

/// An id of this kind, made like real ones: time first.
fn id(kind: u8, number: u32) -> ObjectId {
    let mut bytes = [kind; 12];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}
