//! The phases of a run. Each is a number of turns of the swarm, bounded in time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::ledger::Tally;
use crate::measure::{self, Measured, MemoryReading, Reading};
use crate::plan::{Idle, TrafficArgs};
use crate::progress::Progress;
use crate::report::Report;
use crate::report::memory::MemoryReport;
use crate::report::traffic::{Measurement, TrafficReport};
use crate::scenario::Unit;
use crate::swarm::Swarm;
use crate::traffic::Traffic;

/// A swarm, what it plays, and the instruments.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    swarm: Swarm,
    traffic: Traffic,
    processes: &'a [Measured],
}

impl<'a> Stage<'a> {
    pub(super) fn new(swarm: Swarm, traffic: Traffic, processes: &'a [Measured]) -> Self {
        Self { swarm, traffic, processes }
    }

    /// Connects everybody and keeps them.
    pub(super) fn hold(&mut self, plan: &Idle, report: &mut Report) -> Result<()> {
        let before = self.read_memory()?;
        self.connect(report)?;
        let connected = self.read_memory()?;
        self.pass("settling", plan.settle)?;
        let settled = self.read_memory()?;
        let hold_began = self.read()?;
        self.pass("holding", plan.duration)?;
        let hold_ended = self.read()?;
        let held = self.read_memory()?;
        let live = self.swarm.census().live();
        let readings = [&before, &connected, &settled, &held];
        report.memory = Some(MemoryReport::new(self.processes, readings, live));
        report.hold(&hold_began, &hold_ended, live);
        self.close_books(report);
        Ok(())
    }

    /// Connects everybody and lets them talk.
    pub(super) fn send(&mut self, plan: &TrafficArgs, report: &mut Report) -> Result<()> {
        self.connect(report)?;
        self.traffic.begin(plan.pace(), Instant::now());
        self.pass("warming up", plan.warmup)?;
        self.traffic.measure();
        let (tally_before, before) = (self.traffic.tally(), self.read()?);
        self.pass("measuring", plan.duration)?;
        self.await_first(report.unit, &tally_before, plan.drain)?;
        let (after, tally_after) = (self.read()?, self.traffic.tally());
        let lag_max = self.traffic.stop();
        self.drain(plan.drain)?;
        let measurement = Measurement {
            before: &before,
            after: &after,
            window: tally_after - tally_before,
            total: self.traffic.tally(),
        };
        let ledger = self.traffic.ledger();
        let mut figures = TrafficReport::new(report.unit, self.processes, &measurement);
        figures.to_delivery = ledger.to_delivery().quantiles();
        figures.to_ack = ledger.to_ack().quantiles();
        figures.offered_per_second = plan.rate;
        report.traffic = Some(figures);
        report.client(&before, &after, lag_max);
        self.close_books(report);
        Ok(())
    }

    /// Says goodbye.
    pub(super) fn leave(self) {
        self.swarm.leave();
    }

    /// Dials until everybody is live and in their rooms, or can no longer become so.
    fn connect(&mut self, report: &mut Report) -> Result<()> {
        let before = self.read()?;
        let seats = self.traffic.seats();
        let mut progress = Progress::start("connecting", seats.into());
        let mut joining_since = None;
        loop {
            let now = Instant::now();
            let census = self.swarm.census();
            if self.swarm.is_dialled() {
                let since = *joining_since.get_or_insert(now);
                if self.traffic.ready() >= census.live() || now > since + JOIN_TIMEOUT {
                    break;
                }
            }
            progress.set(self.traffic.ready().into());
            self.swarm.turn(&mut self.traffic, now + TURN)?;
        }
        progress.finish();
        let after = self.read()?;
        let census = self.swarm.census();
        if census.ever_connected() == 0 {
            let reason = census.reasons().keys().next().map_or("no reason known", String::as_str);
            bail!("no connection came about: {reason}");
        }
        report.connections.connecting(self.processes, census, (&before, &after));
        report.client(&before, &after, Duration::ZERO);
        Ok(())
    }

    /// Lets `time` pass. The last turn begins when it is over: however late this program is woken,
    /// what was due by then has left, and what was there by then is heard.
    fn pass(&mut self, phase: &'static str, time: Duration) -> Result<()> {
        let began = Instant::now();
        let mut progress = Progress::start(phase, time.as_secs());
        loop {
            let left = time.saturating_sub(began.elapsed());
            self.swarm.turn(&mut self.traffic, Instant::now() + left.min(TURN))?;
            progress.set(began.elapsed().as_secs());
            if left.is_zero() {
                break;
            }
        }
        progress.finish();
        Ok(())
    }

    /// Keeps a measured time in which nothing came open until something does, for `time` at most:
    /// the machine stood still, or the target is slower than that.
    fn await_first(&mut self, unit: Unit, before: &Tally, time: Duration) -> Result<()> {
        let nothing_came = |traffic: &Traffic| unit.count(&(traffic.tally() - *before)) == 0;
        self.turn_while(time, nothing_came)
    }

    /// Waits until nothing is missing, for `time` at most.
    fn drain(&mut self, time: Duration) -> Result<()> {
        self.turn_while(time, |traffic| !traffic.is_settled())?;
        // What is there already, and came twice, should be seen too.
        self.pass("listening", LISTEN_ON)
    }

    /// Turns while `waits`, for `time` at most, and no longer than there is anybody to hear from.
    fn turn_while(&mut self, time: Duration, waits: impl Fn(&Traffic) -> bool) -> Result<()> {
        let deadline = Instant::now() + time;
        while waits(&self.traffic) && self.swarm.census().live() > 0 && Instant::now() < deadline {
            self.swarm.turn(&mut self.traffic, (Instant::now() + TURN).min(deadline))?;
        }
        Ok(())
    }

    fn close_books(&self, report: &mut Report) {
        report.connections.end(self.swarm.census(), &self.traffic);
    }

    fn read(&self) -> Result<Reading> {
        measure::read(self.processes)
    }

    fn read_memory(&self) -> Result<MemoryReading> {
        measure::read_memory(self.processes)
    }
}

/// How long a turn may wait when nothing happens, so that deadlines and the progress line are kept.
const TURN: Duration = Duration::from_millis(50);
/// How long joins may go unanswered after the last connection is live; then they are lost.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long surplus deliveries are listened for at the end.
const LISTEN_ON: Duration = Duration::from_millis(300);
