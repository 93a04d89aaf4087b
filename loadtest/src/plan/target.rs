//! Who is aimed at: only this machine, unless its owner says otherwise.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::measure::{Measured, listener, process};
use crate::swarm::Server;

/// Reads `PID` or `NAME:PID`.
///
/// # Errors
/// The number is not one.
pub fn measured(text: &str) -> Result<Measured, String> {
    let (label, pid) = text.rsplit_once(':').map_or((None, text), |(name, pid)| (Some(name), pid));
    let pid = pid.parse().map_err(|_| format!("{pid:?} is not a process id"))?;
    let label = label.map_or_else(|| process::name(pid), str::to_owned);
    Ok(Measured { label, pid })
}

/// The server at `url`.
///
/// # Errors
/// The address is malformed, unknown, or not this machine while `any_machine` is off.
pub fn server(url: &str, path: &str, any_machine: bool) -> Result<Server> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://"));
    let Some(rest) = rest else {
        bail!("{url}: only http:// and ws:// can be dialled (TLS ends at a proxy; dial behind it)")
    };
    let authority = rest.trim_end_matches('/');
    ensure!(!authority.contains(['/', '?', '#', '@']), "{url}: give the path by --path");
    ensure!(path.starts_with('/'), "the path {path} must begin with a slash");
    let host_ends_in_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':')
    });
    let with_port =
        if host_ends_in_port { authority.to_owned() } else { format!("{authority}:80") };
    let addresses: Vec<SocketAddr> = with_port
        .to_socket_addrs()
        .with_context(|| format!("{url}: the address is not known"))?
        .collect();
    let elsewhere = addresses.iter().find(|address| !address.ip().is_loopback());
    if let Some(elsewhere) = elsewhere.filter(|_| !any_machine) {
        bail!(
            "{url} is {}, which is not this machine; load is only made on loopback. \
             If the target is yours, say so with --i-own-the-target",
            elsewhere.ip()
        );
    }
    let first = addresses.first().with_context(|| format!("{url}: no address"))?;
    let address = match addresses.as_slice() {
        [_] => first,
        // A name may stand for an address of each family, and the server listen on one of them.
        several => several.iter().find(|address| answers(address)).unwrap_or(first),
    };
    Ok(Server { address: *address, authority: authority.to_owned(), path: path.to_owned() })
}

fn answers(address: &SocketAddr) -> bool {
    TcpStream::connect_timeout(address, ANSWER_TIMEOUT).is_ok()
}

/// The processes to measure: those that were named, or those that listen where we dial.
///
/// # Errors
/// A named process does not exist.
pub fn processes(named: &[Measured], servers: &[Server]) -> Result<Vec<Measured>> {
    for measured in named {
        process::cpu(measured.pid)?;
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let mut found: Vec<Measured> = Vec::new();
    for server in servers.iter().filter(|server| server.address.ip().is_loopback()) {
        for pid in listener::pids(server.address.port()) {
            if !found.iter().any(|known| known.pid == pid) {
                found.push(Measured { label: process::name(pid), pid });
            }
        }
    }
    Ok(found)
}

/// How long one of several addresses may take to answer; then the next one is tried.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::{measured, server};
    use crate::measure::Measured;

    #[test]
    fn loopback_is_allowed_and_nothing_else_without_the_owners_word() {
        for url in ["http://127.0.0.1:3001", "ws://127.0.0.1:3001/", "http://[::1]:3001"] {
            assert_eq!(server(url, "/socket.io/", false).unwrap().address.port(), 3001, "{url}");
        }
        let refusal = server("http://192.0.2.1:3001", "/socket.io/", false).unwrap_err();
        assert!(refusal.to_string().contains("--i-own-the-target"), "{refusal}");
        server("http://192.0.2.1:3001", "/socket.io/", true).unwrap();
    }

    #[test]
    fn a_missing_port_is_80() {
        let server = server("http://127.0.0.1", "/", false).unwrap();
        assert_eq!((server.address.port(), server.authority.as_str()), (80, "127.0.0.1"));
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_with_a_reason() {
        for (url, path) in [
            ("https://127.0.0.1", "/"),
            ("127.0.0.1:3001", "/"),
            ("http://127.0.0.1:3001/x", "/"),
            ("http://a@127.0.0.1:3001", "/"),
            ("http://127.0.0.1:99999", "/"),
            ("http://127.0.0.1:3001", "socket.io"),
        ] {
            assert!(server(url, path, false).is_err(), "{url} {path}");
        }
    }

    #[test]
    fn processes_may_have_names() {
        assert_eq!(measured("db:7"), Ok(Measured { label: "db".into(), pid: 7 }));
        assert_eq!(measured("4294967295").unwrap().pid, u32::MAX);
        assert!(measured("db").is_err());
    }
}
