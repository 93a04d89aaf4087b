//! The instruments: latency, the servers' processor time and memory, the kernel's share.

pub mod kernel;
pub mod latency;
pub mod listener;
pub mod process;

use std::time::{Duration, Instant};

use anyhow::Result;

use kernel::Kernel;
use process::{Cpu, Memory};

/// A process to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// What the report calls it.
    pub label: String,
    /// Its number.
    pub pid: u32,
}

/// One reading of all instruments.
#[derive(Debug, Clone)]
pub struct Reading {
    /// When it was taken.
    pub at: Instant,
    /// Of each measured process.
    pub cpu: Vec<Cpu>,
    /// Of this process.
    pub own_cpu: Cpu,
}

/// A reading of memory; it costs the measured process a pause, so it is taken apart.
#[derive(Debug, Clone)]
pub struct MemoryReading {
    /// Of each measured process.
    pub processes: Vec<Memory>,
    /// Of the kernel.
    pub kernel: Kernel,
}

/// Reads the processor time of `processes` and of this one.
///
/// # Errors
/// A process ended.
pub fn read(processes: &[Measured]) -> Result<Reading> {
    let cpu = processes.iter().map(|process| process::cpu(process.pid)).collect::<Result<_>>()?;
    Ok(Reading { at: Instant::now(), cpu, own_cpu: process::cpu(std::process::id())? })
}

/// Reads the memory of `processes` and of the kernel.
///
/// # Errors
/// A process ended, or its memory cannot be seen.
pub fn read_memory(processes: &[Measured]) -> Result<MemoryReading> {
    let memory = processes.iter().map(|process| process::memory(process.pid));
    Ok(MemoryReading { processes: memory.collect::<Result<_>>()?, kernel: kernel::read() })
}

impl Reading {
    /// The time from `earlier` to this reading.
    pub fn since(&self, earlier: &Self) -> Duration {
        self.at.saturating_duration_since(earlier.at)
    }

    /// The processor time of each process from `earlier` to this reading.
    pub fn cpu_since(&self, earlier: &Self) -> Vec<Cpu> {
        self.cpu.iter().zip(&earlier.cpu).map(|(late, early)| *late - *early).collect()
    }
}
