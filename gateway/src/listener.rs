//! Listening sockets: one a shard, all on the same port.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds until they are accepted. The usual default of 128 overflows
/// at a few hundred simultaneous handshakes, and each overflow costs a client a second.
const BACKLOG: i32 = 4096;

/// Opens `count` listeners on one address, and says which port they got.
///
/// With `SO_REUSEPORT` a second process would bind to a busy port and silently take half of its
/// connections; so the port is first bound without it.
///
/// # Errors
/// The port is in use, or may not be used.
pub fn open(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let probe = TcpListener::bind(address)?;
    let address = probe.local_addr()?;
    drop(probe);
    let listeners = (0..count).map(|_| open_one(address)).collect::<io::Result<Vec<_>>>()?;
    Ok((address, listeners))
}

fn open_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_although_it_could_be_shared() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, first) = open(any, 2).unwrap();
        assert_eq!(first.len(), 2);
        assert_eq!(open(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(open(address, 1).is_ok());
    }
}
