//! What connections cost in memory: the servers' own, and beside it the kernel's.

use serde::Serialize;

use super::{name, ratio};
use crate::measure::kernel::Kernel;
use crate::measure::process::Memory;
use crate::measure::{Measured, MemoryReading};

/// Memory before, during and after the wait for rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryReport {
    /// Live connections when it was read.
    pub connections: u32,
    /// Each process.
    pub processes: Vec<ProcessMemory>,
    /// `VmRSS` per connection, all processes, settled minus before, in KiB.
    pub rss_kib_each: f64,
    /// `Rss` of `smaps_rollup` per connection, likewise.
    pub rss_exact_kib_each: f64,
    /// `VmRSS` per connection at the end, minus before: what an allocator gives back late is gone.
    pub rss_held_kib_each: f64,
    /// The kernel before anybody connected.
    pub kernel_before: Kernel,
    /// The kernel with everybody connected and at rest.
    pub kernel_settled: Kernel,
    /// Socket buffers per connection, both ends, in KiB.
    pub tcp_buffers_kib_each: f64,
    /// Kernel objects per connection, both ends and the whole machine, in KiB.
    pub slab_kib_each: f64,
}

/// A process before, during and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcessMemory {
    /// Which.
    pub process: String,
    /// Before anybody connected.
    pub before: Memory,
    /// When everybody had just connected.
    pub connected: Memory,
    /// After the wait for rest.
    pub settled: Memory,
    /// At the end.
    pub held: Memory,
}

impl MemoryReport {
    /// The report of four readings: before, connected, settled, held; with `live` connections.
    pub(crate) fn new(
        processes: &[Measured],
        [before, connected, settled, held]: [&MemoryReading; 4],
        live: u32,
    ) -> Self {
        let at = |reading: &MemoryReading, index: usize| {
            reading.processes.get(index).copied().unwrap_or_default()
        };
        let processes: Vec<ProcessMemory> = processes
            .iter()
            .enumerate()
            .map(|(index, process)| ProcessMemory {
                process: name(process),
                before: at(before, index),
                connected: at(connected, index),
                settled: at(settled, index),
                held: at(held, index),
            })
            .collect();
        let grown = |late: fn(&ProcessMemory) -> Memory, field: fn(Memory) -> u64| {
            let one = |process: &ProcessMemory| {
                field(late(process)).saturating_sub(field(process.before))
            };
            ratio(processes.iter().map(one).sum(), live.into())
        };
        let (old, new) = (before.kernel, settled.kernel);
        let each = |new: u64, old: u64| ratio(new.saturating_sub(old), live.into());
        Self {
            connections: live,
            rss_kib_each: grown(|process| process.settled, |memory| memory.rss_kib),
            rss_exact_kib_each: grown(|process| process.settled, |memory| memory.rss_exact_kib),
            rss_held_kib_each: grown(|process| process.held, |memory| memory.rss_kib),
            kernel_before: old,
            kernel_settled: new,
            tcp_buffers_kib_each: each(new.tcp_buffers_kib, old.tcp_buffers_kib),
            slab_kib_each: each(new.slab_kib, old.slab_kib),
            processes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryReport;
    use crate::measure::kernel::Kernel;
    use crate::measure::process::Memory;
    use crate::measure::{Measured, MemoryReading};

    fn reading(rss_kib: u64, slab_kib: u64) -> MemoryReading {
        let memory = Memory { rss_kib, rss_exact_kib: rss_kib + 4, private_dirty_kib: 0 };
        let kernel = Kernel { slab_kib, ..Kernel::default() };
        MemoryReading { processes: vec![memory], kernel }
    }

    #[test]
    fn growth_is_from_before_to_settled_and_never_negative() {
        let server = [Measured { label: "server".into(), pid: 7 }];
        let readings =
            [&reading(1000, 500), &reading(9000, 500), &reading(3000, 400), &reading(1, 1)];
        let report = MemoryReport::new(&server, readings, 1000);
        assert!((report.rss_kib_each - 2.0).abs() < 1e-9);
        assert!((report.rss_exact_kib_each - 2.0).abs() < 1e-9);
        assert!(report.rss_held_kib_each.abs() < 1e-9);
        assert!(report.slab_kib_each.abs() < 1e-9);
        assert_eq!(report.processes[0].connected.rss_kib, 9000);
    }
}
