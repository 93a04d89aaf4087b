//! Which processes listen on a port, from `/proc/net/tcp*` and the open files of all processes.

use std::fs;
use std::path::Path;

/// The processes that listen on `port`, in ascending order; those of other users stay unseen.
pub fn pids(port: u16) -> Vec<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| holds_any(&format!("/proc/{pid}/fd"), &inodes))
        .collect();
    pids.sort_unstable();
    pids
}

fn holds_any(fd_folder: &str, links: &[String]) -> bool {
    let Ok(files) = fs::read_dir(Path::new(fd_folder)) else { return false };
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).any(|target| {
        let target = target.to_string_lossy();
        links.iter().any(|link| *link == target)
    })
}

/// The inodes of the sockets in state LISTEN on `port`.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let matches = u16::from_str_radix(local_port, 16) == Ok(port)
            && fields.get(3).is_some_and(|state| *state == LISTEN);
        if matches { fields.get(9)?.parse().ok() } else { None }
    };
    table.lines().skip(1).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{listening_inodes, pids};

    #[test]
    fn only_listening_sockets_of_the_port_are_taken() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1209 1 0 100 0 0 10 0\n   \
            1: 0100007F:0BB9 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1210 1 0 100 0 0 10 0\n   \
            2: 0100007F:0BBA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1211 1 0 100 0 0 10 0\n";
        assert_eq!(listening_inodes(table, 3001), [1209]);
        assert_eq!(listening_inodes(table, 1), Vec::<u64>::new());
        assert_eq!(listening_inodes("", 3001), Vec::<u64>::new());
    }

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pids = pids(listener.local_addr().unwrap().port());
        // A process that another test just starts has all files of this one until it runs its own
        // program.
        assert!(pids.contains(&std::process::id()), "{pids:?}");
    }
}
