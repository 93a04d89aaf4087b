//! Listening sockets: one a shard, all on the same port.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel holds until they are accepted. The usual default of 128 overflows
/// at a few hundred simultaneous handshakes, and each overflow costs a client a second.
const BACKLOG: i32 = 4096;

/// Bytes that the kernel takes for one connection beyond what is on its way to the client; what does
/// not fit waits in the outbox, which is bounded too. Without it a client that reads fast and then no
/// more has the kernel keep 4 MiB, and a thousand of them use up what it has for everybody's.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// Opens `count` listeners on one address, and says which port they got.
///
/// With `SO_REUSEPORT` a second process would bind to a busy port and silently take half of its
/// connections; so the port is first bound without it, and kept until all listen: in between it would
/// be anybody's.
///
/// # Errors
/// The port is in use, or may not be used.
pub fn open(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let probe = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // It never listens: then those that also set this may bind beside it.
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())?;
    let address = probe.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let listeners = (0..count).map(|_| open_one(address)).collect::<io::Result<Vec<_>>>()?;
    Ok((address, listeners))
}

fn open_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Connections inherit it.
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;

    use socket2::SockRef;

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

    #[test]
    fn a_client_that_does_not_read_leaves_little_with_the_kernel() {
        let (address, listeners) = open(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let client = TcpStream::connect(address).unwrap();
        let (mut stream, _) = loop {
            match listeners[0].accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                accepted => break accepted.unwrap(),
            }
        };
        stream.set_nonblocking(true).unwrap();
        let mut taken = 0;
        while let Ok(count) = stream.write(&[0; 4096]) {
            taken += count;
            assert!(taken < 8 << 20, "the kernel takes everything");
        }
        let received_bytes_max = SockRef::from(&client).recv_buffer_size().unwrap();
        assert!(taken < received_bytes_max + 2 * UNSENT_BYTES_MAX as usize, "{taken}");
    }
}
