//! Peers that are slow on purpose at the REST process, and a stop while some are there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use api::http::connection::Limits;
use api::http::connection::crowd::PerClient;

use super::desk::Desk;
use super::listening::Listening;
use crate::framing::LOGIN;
use crate::slowness::{self, DeafReaders};

#[tokio::test(flavor = "multi_thread")]
async fn slow_head_is_cut_off_however_steadily_it_drips() {
    let server = Listening::start(&Desk::open().await).await;
    slowness::assert_slow_head_is_cut_off(server.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_body_is_answered_400_however_steadily_it_drips() {
    let server = Listening::start(&Desk::open().await).await;
    slowness::assert_slow_body_is_answered_400(server.address, &[LOGIN]);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connection_is_closed() {
    let server = Listening::start(&Desk::open().await).await;
    slowness::assert_idle_connection_is_closed(server.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_is_given_up() {
    let desk = Desk::with(|settings| settings.requests.hits_max = 1_000_000).await;
    let server = Listening::start(&desk).await;
    DeafReaders::connect(server.address, 4).ask_on(|| {});
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomer_takes_the_place_of_an_idle_connection_and_of_no_other() {
    let desk = Desk::open().await;
    let limits = Limits { patience: 3 * SILENCE_MAX, connections_max: 2, ..Limits::DEFAULT };
    let server = Listening::start_with(&desk, limits).await;
    let mut asking = said(server.address, POST);
    assert_eq!(asking.status(), 100);
    let mut silent = said(server.address, "");
    let mut newcomer = said(server.address, GET);
    assert_eq!(newcomer.status(), 200);
    silent.assert_ended();
    // Its answer may be here a little before the server knows that it is.
    assert!((0..ROUNDS_MAX).any(|_| said(server.address, GET).status() == 200));
    newcomer.assert_ended();
    asking.0.get_mut().write_all(b"{}").unwrap();
    assert_eq!(asking.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_with_as_many_connections_as_it_may_have_is_turned_away() {
    let desk = Desk::open().await;
    let limits = Limits { patience: 3 * SILENCE_MAX, ..Limits::DEFAULT };
    let per_client = PerClient { connections_max: Some(2), counts_loopback: true };
    let server = Listening::start_for(&desk, limits, per_client).await;
    let (mut first, mut second) = (said(server.address, GET), said(server.address, GET));
    assert_eq!((first.status(), second.status()), (200, 200));
    let mut third = said(server.address, "");
    assert_eq!(third.status(), 503);
    third.assert_ended();
    // They go on as before.
    first.0.get_mut().write_all(GET.as_bytes()).unwrap();
    assert_eq!(first.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_answers_the_request_at_hand_and_ends_everybody_else() {
    let desk = Desk::open().await;
    // More patient than the client: what ends, the stop has ended.
    let limits = Limits { patience: 3 * SILENCE_MAX, ..Limits::DEFAULT };
    let server = Listening::start_with(&desk, limits).await;
    let address = server.address;
    let (mut silent, mut idle, mut asking) =
        (said(address, ""), said(address, GET), said(address, POST));
    assert_eq!(idle.status(), 200);
    assert_eq!(asking.status(), 100);
    let ended = tokio::spawn(server.end());
    for waiting in [&mut silent, &mut idle] {
        waiting.assert_ended();
    }
    assert!(!ended.is_finished());
    asking.0.get_mut().write_all(b"{}").unwrap();
    assert_eq!(asking.status(), 400);
    let mut rest = String::new();
    asking.0.read_to_string(&mut rest).unwrap();
    assert!(rest.to_ascii_lowercase().contains("connection: close"), "{rest}");
    drop(asking);
    ended.await.unwrap();
    assert!(TcpStream::connect(address).is_err());
}

/// A connection and what comes on it.
struct Client(BufReader<TcpStream>);

/// A new connection, on which this is said.
fn said(address: SocketAddr, request: &str) -> Client {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SILENCE_MAX)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    Client(BufReader::new(stream))
}

impl Client {
    /// Hears the end, past what is left of the last answer and before any other.
    fn assert_ended(&mut self) {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("HTTP/1.1"), "{rest}");
    }

    /// The status of the next answer, past what is left of the one before.
    fn status(&mut self) -> u16 {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the connection ended");
            if let Some((_, status)) = line.split_once("HTTP/1.1 ") {
                return status[..3].parse().unwrap();
            }
        }
    }
}

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

/// Whoever is told to go on has been read.
const POST: &str = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                    Content-Length: 2\r\nExpect: 100-continue\r\n\r\n";

/// Connections within which the server has noticed what it has sent.
const ROUNDS_MAX: usize = 2_000;

/// Beyond this a test gives up on the server.
const SILENCE_MAX: Duration = Duration::from_secs(20);
