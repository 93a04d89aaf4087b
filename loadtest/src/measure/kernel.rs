//! What the kernel spends on sockets. It is counted for the whole machine and, on loopback, for
//! both ends of each connection, so it stands beside a server's memory and never in it.

use std::fs;

use serde::Serialize;

use super::process::field_kib;

/// A reading of the kernel's memory for sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Kernel {
    /// Socket buffers of TCP (`mem` of `/proc/net/sockstat`), in KiB.
    pub tcp_buffers_kib: u64,
    /// TCP sockets in use in this network namespace.
    pub tcp_sockets: u64,
    /// All kernel objects (`Slab` of `/proc/meminfo`): sockets, files and epoll entries among
    /// them, in KiB.
    pub slab_kib: u64,
}

/// The kernel's memory now; what cannot be read is 0.
pub fn read() -> Kernel {
    let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let tcp = |name| sockstat_value(&sockstat, name).unwrap_or_default();
    Kernel {
        tcp_buffers_kib: tcp("mem") * PAGE_KIB,
        tcp_sockets: tcp("inuse"),
        slab_kib: field_kib(&meminfo, "Slab").unwrap_or_default(),
    }
}

/// A value of the line `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 440`.
fn sockstat_value(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != name);
    words.nth(1)?.parse().ok()
}

/// `mem` is counted in pages.
const PAGE_KIB: u64 = 4;

#[cfg(test)]
mod tests {
    use super::sockstat_value;

    #[test]
    fn the_tcp_line_is_read_and_no_other() {
        let text = "sockets: used 15\nTCP6: inuse 9\nTCP: inuse 3 orphan 0 tw 0 alloc 1 mem 440\n";
        assert_eq!(sockstat_value(text, "mem"), Some(440));
        assert_eq!(sockstat_value(text, "inuse"), Some(3));
        assert_eq!(sockstat_value(text, "nothing"), None);
        assert_eq!(sockstat_value("", "mem"), None);
    }
}
