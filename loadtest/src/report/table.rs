//! A report for people: aligned lines, units beside every figure.

use std::fmt::{self, Display, Formatter};

use super::connection::ConnectionReport;
use super::memory::MemoryReport;
use super::traffic::TrafficReport;
use super::{CpuReport, Report};
use crate::measure::latency::Quantiles;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} against {}", self.scenario, self.urls.join(", "))?;
        writeln!(f, "{}", self.description)?;
        writeln!(f)?;
        connections(f, &self.connections)?;
        if self.traffic.is_none() {
            for cpu in &self.connections.cpu {
                line(f, "CPU each", cpu)?;
            }
        }
        if let Some(memory) = &self.memory {
            memory_lines(f, memory)?;
        }
        if let Some(hold) = &self.hold {
            let each = hold.cpu_us_each_second;
            line(f, "idle CPU", format_args!("{each:.3} µs per connection and second"))?;
        }
        if let Some(traffic) = &self.traffic {
            traffic_lines(f, traffic)?;
        }
        let busy = self.client.cores * 100.0;
        line(f, "this client", format_args!("{busy:.0} % of a core{}", self.client_remark()))?;
        if self.client.lag_max_us > 0 {
            let lag = Time(self.client.lag_max_us);
            line(f, "", format_args!("messages left up to {lag} after they were due"))?;
        }
        if self.processes.is_empty() {
            line(
                f,
                "servers",
                format_args!("not measured: none found by port, none given by --pid"),
            )?;
        }
        writeln!(f)?;
        for failure in &self.verdict.failures {
            line(f, "FAILED", failure)?;
        }
        if self.verdict.passed {
            line(f, "passed", "")?;
        }
        Ok(())
    }
}

fn connections(f: &mut Formatter<'_>, report: &ConnectionReport) -> fmt::Result {
    let ConnectionReport { asked, connected, failed, dropped, .. } = report;
    let counts = format_args!("{connected} of {asked}, {failed} failed, {dropped} dropped");
    line(f, "connections", counts)?;
    let (seconds, rate) = (report.seconds, report.per_second);
    line(f, "", format_args!("in {seconds:.2} s, {rate:.0} a second"))?;
    if let Some(latency) = &report.to_connect {
        line(f, "to CONNECT", latency)?;
    }
    if report.joins > 0 {
        let (joins, lost) = (report.joins, report.joins_lost);
        line(f, "first events", format_args!("{lost} unanswered of {joins} joins"))?;
    }
    for (reason, count) in &report.reasons {
        line(f, "", format_args!("{count} × {reason}"))?;
    }
    if let Some(refusal) = &report.refusal {
        line(f, "", format_args!("first refusal: {refusal}"))?;
    }
    Ok(())
}

fn memory_lines(f: &mut Formatter<'_>, report: &MemoryReport) -> fmt::Result {
    let (rss, exact, held) =
        (report.rss_kib_each, report.rss_exact_kib_each, report.rss_held_kib_each);
    let each = format_args!(
        "{rss:.2} KiB RSS settled ({exact:.2} by smaps_rollup), {held:.2} KiB at the end"
    );
    line(f, "memory each", each)?;
    for process in &report.processes {
        let [before, connected, settled, held] =
            [&process.before, &process.connected, &process.settled, &process.held]
                .map(|memory| memory.rss_kib);
        let name = &process.process;
        let steps = format_args!(
            "{name}: {before} KiB before, {connected} connected, {settled} settled, {held} held"
        );
        line(f, "", steps)?;
    }
    let (buffers, slab) = (report.tcp_buffers_kib_each, report.slab_kib_each);
    let kernel = format_args!("{buffers:.2} KiB of TCP buffers, {slab:.2} KiB of slab; both ends");
    line(f, "kernel each", kernel)
}

fn traffic_lines(f: &mut Formatter<'_>, report: &TrafficReport) -> fmt::Result {
    let TrafficReport { units, unit, seconds, per_second, total, measured, .. } = report;
    writeln!(f)?;
    let offered = report.offered_per_second;
    let offered = offered.map(|rate| format!(" of {rate} offered")).unwrap_or_default();
    let rate = format_args!("{per_second:.0} a second{offered}, {units} in {seconds:.2} s");
    line(f, &format!("{unit} rate"), rate)?;
    if *unit != "ack" {
        let deliveries = measured.deliveries;
        line(f, "", format_args!("{deliveries} deliveries, {} acks", measured.acks))?;
    }
    for cpu in &report.cpu {
        line(f, &format!("CPU per {unit}"), cpu)?;
    }
    if report.to_delivery.count > 0 {
        line(f, "to delivery", report.to_delivery)?;
    }
    line(f, "to ack", report.to_ack)?;
    let counts = format_args!(
        "{} sent, {} complete, {} refused, {} unsent, {} overdue",
        total.sent, total.completed, total.refused, total.unsent, total.overdue
    );
    line(f, "whole run", counts)?;
    let faults = format_args!(
        "{} of {} deliveries lost, {} duplicate, {} out of order, {} stray",
        total.lost, total.deliveries_expected, total.duplicates, total.disorder, total.strays
    );
    line(f, "", faults)?;
    let (missing, surplus) = (total.unconfirmed, total.acks_surplus);
    line(f, "", format_args!("{missing} unconfirmed, {surplus} confirmed twice"))
}

fn line(f: &mut Formatter<'_>, label: &str, text: impl Display) -> fmt::Result {
    writeln!(f, "  {label:<17} {text}")
}

impl Report {
    fn client_remark(&self) -> &'static str {
        let has_rate =
            self.traffic.as_ref().is_some_and(|traffic| traffic.offered_per_second.is_some());
        match (has_rate, self.client.cores > 0.95) {
            (true, _) => "; at a fixed rate it spins, to be punctual",
            (false, true) => ": its limit, it may have held the server back",
            (false, false) => "",
        }
    }
}

impl Display for CpuReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { process, user_us, system_us, total_us, cores } = self;
        let busy = cores * 100.0;
        write!(
            f,
            "{total_us:.2} µs = {user_us:.2} user + {system_us:.2} system, \
             {busy:.0} % of a core; {process}"
        )
    }
}

impl Display for Quantiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999, max] = [self.p50_us, self.p99_us, self.p999_us, self.max_us].map(Time);
        write!(f, "p50 {p50}, p99 {p99}, p99.9 {p999}, max {max}")
    }
}

/// Microseconds, in the unit that keeps the figure short.
struct Time(u64);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            us @ 0..10_000 => write!(f, "{us} µs"),
            us @ 10_000..10_000_000 => write!(f, "{}.{} ms", us / 1000, us / 100 % 10),
            us => write!(f, "{}.{} s", us / 1_000_000, us / 100_000 % 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Time;
    use crate::plan::Plan;
    use crate::report::Report;

    #[test]
    fn times_stay_short() {
        let shown = [0, 9999, 10_000, 1_250_000, 61_000_000].map(|us| Time(us).to_string());
        assert_eq!(shown, ["0 µs", "9999 µs", "10.0 ms", "1250.0 ms", "61.0 s"]);
    }

    #[test]
    fn failures_stand_at_the_end_and_unmeasured_servers_are_named() {
        let plan = Plan::try_parse_from(["x", "idle"]).unwrap();
        let plan = plan.into_scenario().unwrap();
        let mut report = Report::new(&plan, &[]);
        report.judge(&plan.common().outcome);
        let text = report.to_string();
        assert!(text.contains("not measured") && text.contains("FAILED"), "{text}");
        assert!(!text.contains("passed"), "{text}");
    }
}
