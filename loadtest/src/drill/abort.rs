//! Connections that are aborted at every byte of their handshake: of the upgrade request, and then
//! of the CONNECT packet. One after the other, on a thread of its own, for as long as it takes.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::client::frame::{self, Opcode};
use crate::client::handshake;
use crate::swarm::Server;

/// What became of the connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Aborted {
    /// Those that were cut where they should be.
    pub(super) cut: u64,
    /// Those that came to nothing earlier, because the server was away.
    pub(super) failed: u64,
}

/// Starts aborting handshakes with `server`; `hello` is the CONNECT packet to cut.
///
/// # Errors
/// The system has no thread left.
pub(super) fn start(server: &Server, hello: &Arc<[u8]>) -> Result<JoinHandle<Aborted>> {
    let (server, hello) = (server.clone(), Arc::clone(hello));
    let thread = std::thread::Builder::new().name("abort".to_owned());
    thread.spawn(move || abort_all(&server, &hello)).context("could not start a thread")
}

fn abort_all(server: &Server, hello: &[u8]) -> Aborted {
    let query = format!("{}?EIO=4&transport=websocket", server.path);
    let request = handshake::request(&server.authority, &query);
    let mut packet = Vec::new();
    frame::encode(&mut packet, Opcode::Text, hello, [0x5a, 0xa5, 0x3c, 0xc3]);
    let mut aborted = Aborted::default();
    let mut note = |outcome: io::Result<()>| match outcome {
        Ok(()) => aborted.cut += 1,
        Err(_) => aborted.failed += 1,
    };
    for cut in 0..=request.len() {
        note(call(server).and_then(|mut stream| stream.write_all(head(&request, cut))));
    }
    for cut in 0..=packet.len() {
        let opened = open(server, &request);
        note(opened.and_then(|mut stream| stream.write_all(head(&packet, cut))));
    }
    aborted
}

fn head(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or(bytes)
}

/// Calls the server; one that is just starting again is waited for.
fn call(server: &Server) -> io::Result<TcpStream> {
    let until = Instant::now() + STEP_TIMEOUT;
    let stream = loop {
        match TcpStream::connect_timeout(&server.address, STEP_TIMEOUT) {
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < until =>
            {
                std::thread::sleep(CALL_AGAIN);
            }
            called => break called?,
        }
    };
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    Ok(stream)
}

/// A connection on which the upgrade is done and the Engine.IO handshake was heard.
fn open(server: &Server, request: &[u8]) -> io::Result<TcpStream> {
    let mut stream = call(server)?;
    stream.write_all(request)?;
    let mut heard = Vec::new();
    let mut part = [0; 1024];
    loop {
        let upgraded = handshake::response(&heard).map_err(io::Error::other)?;
        let rest = upgraded.and_then(|len| heard.get(len..)).unwrap_or_default();
        if frame::decode(rest).map_err(io::Error::other)?.is_some() {
            return Ok(stream);
        }
        match stream.read(&mut part) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => heard.extend_from_slice(part.get(..read).unwrap_or_default()),
            // This program was stopped for a while.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// How soon a server that refused is called again.
const CALL_AGAIN: Duration = Duration::from_millis(20);
/// How long the server may take for any one step.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
