//! What a drill has found: text for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::stage::Stage;
use crate::history::finding::{Findings, Rule};
use crate::plan::drill::History;
use crate::report::ratio;

/// How everybody came back after a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recovery {
    /// What had been done.
    pub fault: &'static str,
    /// Connections that were lost.
    pub clients: u64,
    /// Until all were connected, signed in, joined and caught up.
    pub seconds: f64,
    /// Processor time that the restarted server had used by then, its start included, in ms.
    pub server_cpu_ms: Option<u64>,
}

/// What `history` has found.
#[derive(Debug, Serialize)]
pub struct HistoryReport {
    /// `history`.
    pub scenario: &'static str,
    /// What was done, in one line.
    pub description: String,
    /// What was dialled.
    pub url: String,
    /// How long the talking took, in seconds.
    pub seconds: f64,
    /// Acknowledged messages per second, over all faults.
    pub per_second: f64,
    /// Processor time of the started servers for each acknowledged message, in µs, everything
    /// included.
    pub server_cpu_us_each: Option<f64>,
    /// Live connections that ended.
    pub drops: u64,
    /// Why connections ended, those that never became live included.
    pub reasons: BTreeMap<String, u32>,
    /// Answers that never came because their connection ended.
    pub unknown_outcomes: u64,
    /// Connections given up because an answer took longer than 30 s.
    pub overdue: u64,
    /// Refusals by what was refused and why; messages were sent again unless for good.
    pub refusals: BTreeMap<String, u64>,
    /// Handshakes cut at one byte or another.
    pub aborted_handshakes: u64,
    /// Times that a reader stopped reading.
    pub mutes: u64,
    /// Attempts to get into a foreign conversation that were refused.
    pub intrusions_refused: u64,
    /// How everybody came back after each fault.
    pub recoveries: Vec<Recovery>,
    /// The judgement on the history.
    pub findings: Findings,
    /// What else went wrong, a sentence each.
    pub failures: Vec<String>,
    /// Whether no rule was broken and nothing else went wrong.
    pub passed: bool,
    /// Where the started server's data and log were left, after a failure.
    pub data_kept: Option<PathBuf>,
}

impl HistoryReport {
    pub(super) fn new(plan: &History, stage: &Stage, findings: Findings, talked: Duration) -> Self {
        let mut failures = stage.failures();
        let tally = stage.crew().tally().clone();
        if tally.refused > 0 {
            failures.push(format!("{} messages were refused for good", tally.refused));
        }
        if tally.malformed > 0 {
            failures.push(format!("{} packets make no sense", tally.malformed));
        }
        if findings.seen.acknowledged < u64::from(plan.sends) {
            let (acked, asked) = (findings.seen.acknowledged, plan.sends);
            failures.push(format!("{acked} messages were acknowledged, {asked} should have been"));
        }
        let cpu = stage.server_cpu_us();
        let passed = failures.is_empty() && findings.is_clean();
        Self {
            scenario: "history",
            description: describe(plan),
            url: stage.url(),
            seconds: talked.as_secs_f64(),
            per_second: f64::from(tally.acknowledged) / talked.as_secs_f64().max(0.001),
            server_cpu_us_each: cpu.map(|cpu| ratio(cpu, tally.acknowledged.into())),
            drops: tally.drops,
            reasons: stage.reasons().clone(),
            unknown_outcomes: tally.unknown,
            overdue: tally.overdue,
            refusals: tally.refusals,
            aborted_handshakes: stage.aborted().cut,
            mutes: tally.mutes,
            intrusions_refused: tally.intrusions,
            recoveries: stage.recoveries().to_vec(),
            findings,
            failures,
            passed,
            data_kept: None,
        }
    }
}

fn describe(plan: &History) -> String {
    let faults = &plan.faults;
    format!(
        "{} messages in {} conversations, {} kills, {} storms, {} rounds of aborted handshakes, \
         {} slow readers, {} intruders",
        plan.sends,
        plan.conversations,
        faults.kills,
        faults.storms,
        faults.aborts,
        faults.slow_readers,
        plan.intruders
    )
}

impl fmt::Display for HistoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.findings.seen;
        writeln!(f, "history: {}", self.description)?;
        writeln!(f, "  against {}", self.url)?;
        writeln!(
            f,
            "  messages       {} acknowledged of {}, {} never answered, {} sent more than once",
            seen.acknowledged, seen.messages, seen.unknown, seen.repeated
        )?;
        writeln!(
            f,
            "  store          {} messages; {} came by themselves, {} were asked for, {} both",
            seen.stored, seen.live, seen.caught, seen.overlaps
        )?;
        write!(f, "  pace           {:.1} s, {:.0} a second", self.seconds, self.per_second)?;
        match self.server_cpu_us_each {
            Some(cpu) => writeln!(f, ", {cpu:.0} µs of the server's processor each")?,
            None => writeln!(f)?,
        }
        writeln!(
            f,
            "  connections    {} lost, {} answers unknown, {} overdue, {} handshakes cut",
            self.drops, self.unknown_outcomes, self.overdue, self.aborted_handshakes
        )?;
        writeln!(
            f,
            "  others         {} times deaf, {} intrusions refused",
            self.mutes, self.intrusions_refused
        )?;
        for (why, count) in &self.reasons {
            writeln!(f, "  ended          {count} × {why}")?;
        }
        for (what, count) in &self.refusals {
            writeln!(f, "  refused        {count} × {what}")?;
        }
        show_recoveries(f, &self.recoveries)?;
        self.show_judgement(f)
    }
}

impl HistoryReport {
    fn show_judgement(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.findings.counts;
        let count = |rule: Rule| counts.get(&rule).copied().unwrap_or_default();
        let rules = Rule::ALL.map(|rule| format!("{} {}", rule.name(), count(rule)));
        writeln!(f, "  violations     {}", rules.join(", "))?;
        for violation in &self.findings.examples {
            writeln!(f, "    {}: {}", violation.rule.name(), violation.what)?;
        }
        for failure in &self.failures {
            writeln!(f, "  FAILED: {failure}")?;
        }
        if let Some(folder) = &self.data_kept {
            writeln!(f, "  the server's data and log were left in {}", folder.display())?;
        }
        writeln!(f, "{}", if self.passed { "passed" } else { "FAILED" })
    }
}

/// A line for each kind of fault: the quickest and the slowest recovery.
pub(super) fn show_recoveries(f: &mut fmt::Formatter<'_>, recoveries: &[Recovery]) -> fmt::Result {
    for fault in ["kill", "storm"] {
        let all: Vec<&Recovery> = recoveries.iter().filter(|it| it.fault == fault).collect();
        let slowest = all.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let quickest = all.iter().map(|it| it.seconds).fold(f64::INFINITY, f64::min);
        let Some(slowest) = slowest else { continue };
        write!(
            f,
            "  back after a {fault:<6} {} times, in {quickest:.2} to {:.2} s; the slowest with {} \
             connections",
            all.len(),
            slowest.seconds,
            slowest.clients
        )?;
        match slowest.server_cpu_ms {
            Some(ms) => writeln!(f, " and {ms} ms of the server's processor")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}
