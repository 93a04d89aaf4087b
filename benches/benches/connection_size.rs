//! Heap bytes of one idle, signed-in connection, as the allocator counts them.
//!
//! `cargo bench -p benches --bench connection_size`
//!
//! The whole product runs in this process: shards, services, embedded store. The clients are bare
//! sockets that keep nothing on the heap, so that what the heap gains is the server's.

use std::alloc::System;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use api::auth::{Caller, Passwords, Secrets, Tokens};
use api::bus::Bus;
use api::clock::Clock;
use api::http::connection::Limits;
use api::http::connection::crowd::{Crowd, PerClient};
use api::service::{account, conversation, session};
use api::store::Store;
use api::{App, Parts};
use gateway::connection::Layer;
use gateway::connection::quota::PollingLimits;
use gateway::event::Chat;
use gateway::event::allowance::{Allowances, Rates};
use gateway::event::client::Client;
use gateway::handoff::Handoff;
use gateway::handshake::Served;
use gateway::http::Doors;
use gateway::http::bundle::Bundle;
use gateway::http::origin::Origins;
use gateway::relay::Relay;
use gateway::runtime::{self, Inboxes, Running, Settings};
use protocol::engine::Timing;
use protocol::id::ConversationId;
use protocol::rest::request::{CreateConversation, Register};
use protocol::rest::resource::Role;
use protocol::rest::word::Priority;
use protocol::websocket::frame::{self, Opcode};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Connections when measured; a process may open 20,000 descriptors here, and holds both ends.
const CONNECTIONS: usize = 5_000;

/// Connections when only tried, as `cargo test --benches` does.
const CONNECTIONS_TRIED: usize = 200;

/// People that they belong to.
const PEOPLE: usize = 100;

/// The bound that the product promises, in heap bytes a connection.
const HEAP_BYTES_MAX: usize = 600;

/// The same for one that can come back as who it was.
const HEAP_BYTES_RECOVERABLE_MAX: usize = 1_200;

fn main() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let services = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = services.enter();
    let app = services.block_on(open(folder.path()));
    let (people, conversations) = services.block_on(populate(&app));
    let running = serve(&app)?;
    let address = running.address();

    // Lazily made tables, caches and thread-local buffers are not a connection's.
    let warm: Vec<TcpStream> = (0..200)
        .map(|n| connect(address, &people[n % PEOPLE].1, false, conversations[n % PEOPLE]))
        .collect::<io::Result<_>>()?;

    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let connections = if is_measured { CONNECTIONS } else { CONNECTIONS_TRIED };
    let mut clients = Vec::with_capacity(2 * connections);
    // Those that cannot come back stay while the others are measured: the table grows by both.
    for (manner, recovery, count, most) in [
        ("", false, connections, HEAP_BYTES_MAX),
        (", recoverable", true, connections / 2, HEAP_BYTES_RECOVERABLE_MAX),
    ] {
        let region = Region::new(HEAP);
        for n in 0..count {
            let person = n % PEOPLE;
            clients.push(connect(address, &people[person].1, recovery, conversations[person])?);
        }
        let change = region.change();
        let gained = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
        let each = gained / count;
        writeln!(
            io::stdout(),
            "connection_size: {each} heap bytes per idle connection{manner}, signed in, in two \
             rooms ({count} connections, {} warm; bound {most})",
            warm.len()
        )?;
        if each > most {
            return Err(io::Error::other("over the bound"));
        }
    }
    Ok(())
}

async fn open(folder: &std::path::Path) -> Arc<App> {
    let secrets = Secrets::new("0123456789abcdef0123456789abcdef", None).expect("long enough");
    let parts = Parts {
        store: Store::open_embedded(folder).expect("a fresh folder"),
        bus: Bus::local(),
        passwords: Passwords::new(4).expect("threads can be started"),
        tokens: Tokens::new(
            &secrets,
            api::auth::Lifetime::ACCESS_DEFAULT,
            api::auth::Lifetime::REFRESH_DEFAULT,
        ),
        clock: Clock::wall().expect("entropy"),
        cache_age_ms_max: i64::MAX,
    };
    App::open(parts).await.expect("an empty store")
}

/// People with their tokens, and a conversation for each with its neighbour.
async fn populate(app: &Arc<App>) -> (Vec<(Caller, String)>, Vec<ConversationId>) {
    let mut people = Vec::with_capacity(PEOPLE);
    for n in 0..PEOPLE {
        let request = Register {
            name: format!("Person {n}"),
            email: format!("person{n}@example.com"),
            password: "correct horse".to_owned(),
            role: Role::User,
        };
        let signed_in = account::register(app, request, None).await.expect("a new address");
        let token = signed_in.tokens.access_token;
        let caller = session::authenticate(app, &token).await.expect("just signed in").caller;
        people.push((caller, token));
    }
    let mut conversations = Vec::with_capacity(PEOPLE);
    for n in 0..PEOPLE {
        let request = CreateConversation {
            participant_id: Some(people[(n + 1) % PEOPLE].0.user_id),
            subject: None,
            priority: Priority::Medium,
            tags: Vec::new(),
        };
        let created = conversation::create(app, &people[n].0, request).await.expect("two people");
        conversations.push(created.conversation.id);
    }
    (people, conversations)
}

fn serve(app: &Arc<App>) -> io::Result<Running<Client>> {
    let inboxes = Inboxes::new(2);
    let (answers, relay) = Relay::new(Arc::clone(app), &inboxes);
    tokio::spawn(relay.run());
    let settings = Settings {
        timing: Timing { interval_ms: 3_600_000, timeout_ms: 3_600_000 },
        connect_timeout_ms: 45_000,
        upgrade_timeout_ms: 10_000,
        payload_bytes_max: 1_000_000,
        polling: PollingLimits::DEFAULT,
        outbox_soft_bytes: 256 * 1024,
        outbox_hard_bytes: 2 * 1024 * 1024,
    };
    let doors = Doors {
        sockets: vec![("/socket.io/", Layer::SocketIo)],
        served: Served { revision_3: false },
        origins: Arc::new(Origins::new(Vec::new())),
        cookie: None,
        bundle: Bundle::Off,
        limits: Limits::DEFAULT,
        crowd: Arc::new(Crowd::new(PerClient::DEFAULT, Vec::new())),
        rest: None,
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let allowances = Arc::new(Allowances::new(Rates { events: None, joins: None, bytes: None }));
    runtime::start(any, inboxes, settings, &doors, |_shard| {
        let (handoff, dispatcher) = Handoff::new();
        tokio::spawn(dispatcher.run());
        Chat::new(Arc::clone(app), handoff, answers.clone(), Arc::clone(&allowances))
    })
}

/// Opens a WebSocket, signs in, joins the conversation and waits for each answer.
fn connect(
    address: SocketAddr,
    token: &str,
    recovery: bool,
    id: ConversationId,
) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    read_until(&mut stream, b"\"maxPayload\":1000000}")?;
    send(&mut stream, &format!("40{{\"token\":\"{token}\",\"recovery\":{recovery}}}"))?;
    read_until(&mut stream, b"40{\"sid\"")?;
    send(&mut stream, &format!("420[\"join_conversation\",\"{id}\"]"))?;
    read_until(&mut stream, b"\"success\":true")?;
    Ok(stream)
}

fn send(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    let mut frame = Vec::new();
    frame::encode_masked_into(&mut frame, Opcode::Text, true, text.as_bytes(), [1, 2, 3, 4]);
    stream.write_all(&frame)
}

fn read_until(stream: &mut TcpStream, mark: &[u8]) -> io::Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(mark.len()).any(|window| window == mark) {
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other(String::from_utf8_lossy(&seen).into_owned())),
            count => seen.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(())
}
