//! Requests a second, latency and the server's processor time of the REST doors, on both stores.
//!
//! `cargo bench -p benches --bench rest`
//!
//! The server is a process of its own: this program, started again as `voxora serve` on a free port.
//! What it used is read from `/proc`, so that neither the clients nor the seeding counts. Clients
//! keep their connections and send the next request when the last one is answered.

mod chat;
mod client;
mod mongod;
mod server;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use chat::{Chat, Size};
use client::Client;
use mongod::Mongod;
use server::{Cpu, Server};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(server::COMMAND) {
        return server::serve();
    }
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let plan = if is_measured { MEASURED } else { TRIED };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        say("| store | request | requests/s | server CPU each | user | system | p50 | p99 | mongod CPU each |")?;
        say("|---|---|---|---|---|---|---|---|---|")?;
        measure("embedded", None, plan).await?;
        let mongod = Mongod::start()?;
        measure("MongoDB", Some(&mongod), plan).await
    })
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
struct Plan {
    size: Size,
    /// Of each request; the one that cost the least is reported.
    rounds: u32,
    /// Of a round; each connection sends one request at least.
    round: Duration,
}

const MEASURED: Plan = Plan {
    size: Size { customers: 8, conversations: 20, messages: 50 },
    rounds: 3,
    round: Duration::from_secs(5),
};

/// That it runs, as `cargo test --benches` asks.
const TRIED: Plan = Plan {
    size: Size { customers: 1, conversations: 2, messages: 2 },
    rounds: 1,
    round: Duration::ZERO,
};

/// Connections at once, spread over the customers.
const CONNECTIONS: usize = 32;

/// A request that is measured.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// No rule and no store: what HTTP itself costs.
    Health,
    /// The first page of conversations, with their last messages and unread counts.
    Conversations,
    /// The newest page of a conversation's history.
    Messages,
    /// A durable message of 120 characters.
    Send,
}

impl Subject {
    const ALL: [Self; 4] = [Self::Health, Self::Conversations, Self::Messages, Self::Send];

    const fn name(self) -> &'static str {
        match self {
            Self::Health => "`GET /healthz`",
            Self::Conversations => "`GET /conversations`",
            Self::Messages => "`GET /messages/conversation/:id`",
            Self::Send => "`POST /messages`",
        }
    }
}

/// What a round found.
#[derive(Debug)]
struct Round {
    lasted: Duration,
    server: Cpu,
    mongod: Cpu,
    /// Of every request, sorted; never empty.
    latencies: Vec<Duration>,
}

async fn measure(store: &str, mongod: Option<&Mongod>, plan: Plan) -> io::Result<()> {
    let server = Server::start(mongod.map(Mongod::uri))?;
    let chat = Chat::populate(server.address(), plan.size).await?;
    for subject in Subject::ALL {
        let mut best: Option<Round> = None;
        for _ in 0..plan.rounds {
            let round = round(subject, &server, mongod, &chat, plan.round).await?;
            if best.as_ref().is_none_or(|best| round.cost() < best.cost()) {
                best = Some(round);
            }
        }
        let Some(best) = best else { continue };
        say(&best.row(store, subject, mongod.is_some()))?;
    }
    Ok(())
}

async fn round(
    subject: Subject,
    server: &Server,
    mongod: Option<&Mongod>,
    chat: &Chat,
    round: Duration,
) -> io::Result<Round> {
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(server.address()).await?);
    }
    let of_mongod = || mongod.map_or(Ok(Cpu::default()), Mongod::cpu);
    let (server_before, mongod_before) = (server.cpu()?, of_mongod()?);
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        running.spawn(drive(client, chat.requests(subject, number), begun + round));
    }
    let mut latencies = Vec::new();
    while let Some(ended) = running.join_next().await {
        latencies.extend(ended.map_err(io::Error::other)??);
    }
    let lasted = begun.elapsed();
    let (server, mongod) = (server.cpu()? - server_before, of_mongod()? - mongod_before);
    latencies.sort_unstable();
    Ok(Round { lasted, server, mongod, latencies })
}

/// Sends requests in turn until the end, one at least, and says how long each took.
async fn drive(
    mut client: Client,
    requests: Vec<Box<[u8]>>,
    end: Instant,
) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for request in requests.iter().cycle() {
        let sent = Instant::now();
        client.ask(request).await?;
        latencies.push(sent.elapsed());
        if Instant::now() >= end {
            break;
        }
    }
    Ok(latencies)
}

impl Round {
    fn requests(&self) -> f64 {
        u32::try_from(self.latencies.len()).map_or(f64::INFINITY, f64::from)
    }

    /// Microseconds of a request.
    fn each(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.requests()
    }

    fn cost(&self) -> f64 {
        self.each(self.server.user + self.server.system)
    }

    fn row(&self, store: &str, subject: Subject, has_mongod: bool) -> String {
        let Cpu { user, system } = self.server;
        let at = |hundredths: usize| self.latencies[(self.latencies.len() - 1) * hundredths / 100];
        let ms = |latency: Duration| latency.as_secs_f64() * 1e3;
        let mongod = self.each(self.mongod.user + self.mongod.system);
        let mongod = if has_mongod { format!("{mongod:.0} µs") } else { "–".to_owned() };
        format!(
            "| {store} | {} | {:.0} | {:.0} µs | {:.0} | {:.0} | {:.2} ms | {:.2} ms | {mongod} |",
            subject.name(),
            self.requests() / self.lasted.as_secs_f64(),
            self.cost(),
            self.each(user),
            self.each(system),
            ms(at(50)),
            ms(at(99)),
        )
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The address of a server of this machine.
fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
