//! Processor time and memory of a process, from `/proc/<pid>`.

use std::fs;
use std::ops::Sub;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Processor time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// In the program.
    pub user_us: u64,
    /// In the kernel on its behalf.
    pub system_us: u64,
}

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Memory {
    /// `VmRSS` of `status`: the figure that everybody quotes.
    pub rss_kib: u64,
    /// `Rss` of `smaps_rollup`: the same, counted page by page.
    pub rss_exact_kib: u64,
    /// `Private_Dirty` of `smaps_rollup`: what the process alone has written.
    pub private_dirty_kib: u64,
}

impl Cpu {
    /// User and system time together.
    pub const fn total_us(self) -> u64 {
        self.user_us + self.system_us
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user_us: self.user_us.saturating_sub(earlier.user_us),
            system_us: self.system_us.saturating_sub(earlier.system_us),
        }
    }
}

/// The processor time that `pid` has used so far, in steps of 10 ms.
///
/// # Errors
/// The process is gone.
pub fn cpu(pid: u32) -> Result<Cpu> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("process {pid} is gone"))?;
    parse_stat(&text).with_context(|| format!("could not read {path}"))
}

/// The memory that `pid` holds now.
///
/// # Errors
/// The process is gone, or belongs to somebody else.
pub fn memory(pid: u32) -> Result<Memory> {
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).with_context(|| format!("could not read {path}"))
    };
    let status = read("status")?;
    let rollup = read("smaps_rollup")?;
    Ok(Memory {
        rss_kib: field_kib(&status, "VmRSS").context("status has no VmRSS")?,
        rss_exact_kib: field_kib(&rollup, "Rss").context("smaps_rollup has no Rss")?,
        private_dirty_kib: field_kib(&rollup, "Private_Dirty").unwrap_or_default(),
    })
}

/// The short name of `pid`, or its number when it has none.
pub fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    if name.trim().is_empty() { pid.to_string() } else { name.trim().to_owned() }
}

/// The number of files that this process may open, from `/proc/self/limits`.
pub fn open_files_max() -> Option<u64> {
    parse_open_files(&fs::read_to_string("/proc/self/limits").ok()?)
}

/// Reads `utime` and `stime`, fields 14 and 15 of proc(5) `stat`. The name before them may hold
/// spaces and parentheses, so counting starts behind its last one.
fn parse_stat(text: &str) -> Option<Cpu> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(Cpu { user_us: user * US_PER_TICK, system_us: system * US_PER_TICK })
}

/// The value of a `Name:   123 kB` line.
pub(super) fn field_kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        value.trim().strip_suffix("kB")?.trim().parse().ok()
    })
}

fn parse_open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        soft => soft.parse().ok(),
    }
}

/// Linux counts processor time for users in hundredths of a second on every architecture that
/// Rust's tier 1 and 2 know.
const US_PER_TICK: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::{Cpu, cpu, field_kib, memory, parse_open_files, parse_stat};

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces_and_parentheses() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 101 0 0 0 250 31 9 9 20 0 1 0 106646 1 2 3";
        assert_eq!(parse_stat(stat), Some(Cpu { user_us: 2_500_000, system_us: 310_000 }));
        assert_eq!(parse_stat("7 (a) S 1 7"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_later_reading_minus_an_earlier_one_never_wraps() {
        let early = Cpu { user_us: 5, system_us: 9 };
        let late = Cpu { user_us: 25, system_us: 8 };
        assert_eq!(late - early, Cpu { user_us: 20, system_us: 0 });
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmRSSx:\t 1 kB\nVmRSS:\t    1756 kB\nPss_Dirty:  2 kB\n";
        assert_eq!(field_kib(text, "VmRSS"), Some(1756));
        assert_eq!(field_kib(text, "Pss"), None);
    }

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let limits =
            "Limit    Soft  Hard  Units\nMax open files            1024     524288   files\n";
        assert_eq!(parse_open_files(limits), Some(1024));
        assert_eq!(parse_open_files("Max open files  unlimited unlimited files"), Some(u64::MAX));
        assert_eq!(parse_open_files(""), None);
    }

    #[test]
    fn this_very_process_can_be_measured() {
        let pid = std::process::id();
        cpu(pid).unwrap();
        assert!(memory(pid).unwrap().rss_kib > 0);
    }
}
