//! The engine and socket layers with an echo application instead of the chat, as the official
//! protocol suites presuppose it; and a room application without sign-in and storage, to measure.
//!
//! `cargo run --release -p gateway --example conformance -- --port 3000`

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::http::connection::Limits;
use api::http::connection::crowd::{Crowd, PerClient};
use clap::Parser;
use gateway::application::{Admission, Admitted, Application, Connect, Event, Malformed, Refusal};
use gateway::connection::Layer;
use gateway::connection::quota::PollingLimits;
use gateway::fanout::Broadcast;
use gateway::handshake::Served;
use gateway::http::Doors;
use gateway::http::bundle::Bundle;
use gateway::http::cookie::Cookie;
use gateway::http::origin::Origins;
use gateway::recovery::{self, Recovery};
use gateway::runtime::{self, Inboxes, Settings};
use gateway::table::context::Context;
use gateway::table::inbox::SocketHandle;
use protocol::engine::Timing;
use protocol::event::client::auth::ConnectAuth;
use protocol::room::Room;
use protocol::schema;
use protocol::socket::RESERVED_EVENTS;
use protocol::websocket::message::Payload;
use serde::Deserialize;
use serde_json::value::RawValue;
use smallvec::SmallVec;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "The engine and socket layers with an echo application")]
struct Arguments {
    /// Port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Times of production (heartbeat 25 s / 20 s, 45 s to join) instead of the suites' (300 ms /
    /// 200 ms, 1 s).
    #[arg(long)]
    slow_ping: bool,
    /// Milliseconds from a heartbeat's answer to the next heartbeat.
    #[arg(long)]
    ping_interval_ms: Option<u32>,
    /// Milliseconds that a client has to answer a heartbeat.
    #[arg(long)]
    ping_timeout_ms: Option<u32>,
    /// Milliseconds that a client of Socket.IO has to join a namespace.
    #[arg(long)]
    connect_timeout_ms: Option<u32>,
    /// Let clients of Engine.IO 3 in.
    #[arg(long)]
    eio3: bool,
    /// Longest message in bytes: Autobahn sends some of 16 MiB.
    #[arg(long, default_value_t = 1_000_000)]
    payload_max: u32,
    /// An origin that may open sockets; every one when absent.
    #[arg(long)]
    origin: Option<String>,
    /// Milliseconds that an upgrade may take.
    #[arg(long, default_value_t = protocol::engine::session::UPGRADE_TIMEOUT_MS)]
    upgrade_timeout_ms: u32,
    /// Set a cookie on handshakes: `on`, or its name.
    #[arg(long)]
    cookie: Option<String>,
    /// The folder of the client's scripts, or an address that has them.
    #[arg(long)]
    client_bundle: Option<String>,
    /// HTTP connections of a shard.
    #[arg(long, default_value_t = Limits::DEFAULT.connections_max)]
    connections: usize,
    /// Sessions on polling of a shard.
    #[arg(long, default_value_t = PollingLimits::DEFAULT.sessions_max)]
    polling_sessions: usize,
    /// Polls of a shard that wait at once.
    #[arg(long, default_value_t = PollingLimits::DEFAULT.parked_max)]
    parked_polls: usize,
    /// Milliseconds for each thing that an HTTP client is waited for.
    #[arg(long, default_value_t = 20_000)]
    patience_ms: u64,
    /// Let every client come back as who it was: the answer to a CONNECT has a `pid`.
    #[arg(long)]
    recovery: bool,
    /// Threads; one a core when absent.
    #[arg(long)]
    shards: Option<usize>,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let shards = arguments.shards.map_or_else(std::thread::available_parallelism, |count| {
        Ok(count.try_into().unwrap_or(std::num::NonZero::<usize>::MIN))
    })?;
    let (interval_ms, timeout_ms, connect_timeout_ms) =
        if arguments.slow_ping { (25_000, 20_000, 45_000) } else { (300, 200, 1_000) };
    let settings = Settings {
        timing: Timing {
            interval_ms: arguments.ping_interval_ms.unwrap_or(interval_ms),
            timeout_ms: arguments.ping_timeout_ms.unwrap_or(timeout_ms),
        },
        connect_timeout_ms: arguments.connect_timeout_ms.unwrap_or(connect_timeout_ms),
        upgrade_timeout_ms: arguments.upgrade_timeout_ms,
        payload_bytes_max: arguments.payload_max,
        polling: PollingLimits {
            sessions_max: arguments.polling_sessions,
            parked_max: arguments.parked_polls,
        },
        outbox_soft_bytes: 1 << 20,
        // Echoes and rooms here must not lose anything to a client that is busy sending.
        outbox_hard_bytes: (16 << 20) + arguments.payload_max,
    };
    let doors = doors(&arguments)?;
    let address = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let inboxes = Inboxes::new(shards.get());
    let mut running = runtime::start(address, inboxes, settings, &doors, |_| Echo {
        recovery: arguments.recovery,
    })?;
    announce(running.address())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    Err(runtime.block_on(running.failed()))
}

/// What is served at which path.
fn doors(arguments: &Arguments) -> std::io::Result<Doors> {
    let cookie = arguments.cookie.as_deref().and_then(|name| match name {
        "on" => Some(Cookie::default()),
        name => Cookie::named(name),
    });
    let bundle = match arguments.client_bundle.as_deref() {
        None => Bundle::Off,
        Some(place) => match Bundle::elsewhere(place) {
            Some(elsewhere) => elsewhere,
            None => Bundle::here(place.as_ref())?,
        },
    };
    let origin = arguments.origin.clone().unwrap_or_else(|| "*".to_owned());
    Ok(Doors {
        sockets: vec![
            ("/socket.io/", Layer::SocketIo),
            ("/engine.io/", Layer::EngineIo),
            ("/echo", Layer::Raw),
        ],
        served: Served { revision_3: arguments.eio3 },
        origins: Arc::new(Origins::new(vec![origin])),
        cookie,
        bundle,
        limits: Limits {
            patience: Duration::from_millis(arguments.patience_ms),
            connections_max: arguments.connections,
            ..Limits::DEFAULT
        },
        crowd: Arc::new(Crowd::new(PerClient::DEFAULT, Vec::new())),
        rest: None,
    })
}

fn announce(address: SocketAddr) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// The auth object of a client, until it has been told about it.
type Auth = Option<Box<RawValue>>;

/// The application.
struct Echo {
    /// Whether every client can come back.
    recovery: bool,
}

impl Application for Echo {
    type Session = Auth;

    const NAMESPACES: &'static [&'static str] = &["/", "/custom"];

    fn connect(&self, cx: &mut Context<'_, Auth>, request: Connect<'_>) -> Admission<Auth> {
        let parsed = request.auth.as_deref().map(serde_json::from_slice).transpose();
        let Ok(session) = parsed else {
            return Admission::Refuse(Refusal::new("Invalid auth"));
        };
        let session: Auth = session;
        let wish = session.as_deref().and_then(|auth| serde_json::from_str(auth.get()).ok());
        if let Some(Wish { refuse: Some(data) }) = wish {
            return Admission::Refuse(Refusal::new("Refused").with(data.get().to_owned()));
        }
        if !self.recovery {
            return Admission::Accept(session);
        }
        let mut nothing = *b"{}";
        let auth = request.auth.unwrap_or(&mut nothing);
        let Ok(auth) = ConnectAuth::decode(&mut schema::Parser::new(), auth) else {
            return Admission::Malformed;
        };
        tokio::task::spawn_local(admit(cx.handle(), session, recovery::Wish::of(&auth)));
        Admission::Later
    }

    fn joined(&self, cx: &mut Context<'_, Auth>, session: &mut Auth) {
        let auth = session.take();
        let auth = auth.as_deref().map_or("{}", RawValue::get);
        cx.emit(format!("[\"auth\",{auth}]").as_bytes());
    }

    fn event(
        &self,
        cx: &mut Context<'_, Auth>,
        _session: &mut Auth,
        event: Event<'_>,
    ) -> Result<(), Malformed> {
        let arguments: Vec<&RawValue> =
            serde_json::from_slice(event.arguments).map_err(|_| Malformed)?;
        let (name, rest) = arguments.split_first().ok_or(Malformed)?;
        match &*event_name(name).ok_or(Malformed)? {
            "message" => {
                let arguments = array(Some(r#""message-back""#), rest);
                cx.emit_binary(&arguments, event.attachments);
            }
            "message-with-ack" => {
                if let Some(id) = event.ack {
                    cx.ack_binary(id, &array(None, rest), event.attachments);
                }
            }
            "join_conversation" => {
                let room: String = first(rest).ok_or(Malformed)?;
                cx.join(&Room::from_name(&room));
                answer(cx, event.ack);
            }
            "send_message" => {
                let message: Addressed = first(rest).ok_or(Malformed)?;
                let body = rest.first().map_or("{}", |body| body.get());
                let arguments = format!("[\"new_message\",{body}]").into_bytes();
                let room = Room::from_name(&message.conversation_id);
                let rooms = SmallVec::from_iter([room]);
                let broadcast = Broadcast::new(cx.namespace(), rooms, arguments.into());
                if self.recovery {
                    cx.broadcast_in_order(broadcast);
                } else {
                    cx.broadcast(broadcast);
                }
                answer(cx, event.ack);
            }
            _ => {}
        }
        Ok(())
    }

    fn engine_message(
        &self,
        cx: &mut Context<'_, Auth>,
        message: Payload<'_>,
        binary: bool,
    ) -> Result<(), Malformed> {
        if binary {
            cx.send_binary(&message);
        } else {
            cx.send(&[b"4", &*message].concat(), false);
        }
        Ok(())
    }

    fn raw_message(
        &self,
        cx: &mut Context<'_, Auth>,
        message: Payload<'_>,
        binary: bool,
    ) -> Result<(), Malformed> {
        cx.send(&message, binary);
        Ok(())
    }
}

/// What an auth object may ask for: to be refused, with these data.
#[derive(Deserialize)]
struct Wish {
    refuse: Option<Box<RawValue>>,
}

/// Lets a client in that can come back, or has.
async fn admit(socket: SocketHandle<Auth>, session: Auth, wish: recovery::Wish) {
    let recovery = match socket.recall(&wish, None).await {
        Some(recalled) => Recovery::Resume(Box::new(recalled)),
        None => Recovery::On,
    };
    socket.admit(Ok(Admitted { session, rooms: SmallVec::new(), recovery })).await;
}

#[derive(Deserialize)]
struct Addressed {
    #[serde(rename = "conversationId")]
    conversation_id: String,
}

/// What stands where an event's name does, if it is one: a text, however it is written, or a number.
fn event_name(json: &RawValue) -> Option<Cow<'_, str>> {
    match serde_json::from_str::<Cow<'_, str>>(json.get()) {
        Ok(name) => Some(name).filter(|name| !RESERVED_EVENTS.contains(&name.as_ref())),
        Err(_) => json.get().parse::<f64>().ok().map(|_| json.get().into()),
    }
}

fn first<'a, T: Deserialize<'a>>(arguments: &[&'a RawValue]) -> Option<T> {
    serde_json::from_str(arguments.first()?.get()).ok()
}

fn answer(cx: &mut Context<'_, Auth>, ack: Option<u64>) {
    if let Some(id) = ack {
        cx.ack(id, br#"[{"success":true}]"#);
    }
}

fn array(head: Option<&str>, rest: &[&RawValue]) -> Vec<u8> {
    let items: Vec<&str> = head.into_iter().chain(rest.iter().map(|raw| raw.get())).collect();
    format!("[{}]", items.join(",")).into_bytes()
}
