//! The others' figures, without and with a flood, and what the flood was.

use std::fmt;

use serde::Serialize;

use crate::ledger::Tally;
use crate::measure::latency::Quantiles;
use crate::plan::Scenario;
use crate::plan::flood::Crowd as Plan;
use crate::report::Report;

/// The others, without and then with the flood.
#[derive(Debug, Serialize)]
pub struct Round {
    /// Without.
    pub quiet: Report,
    /// With.
    pub flooded: Report,
}

/// What a flood does to others.
#[derive(Debug, Serialize)]
pub struct FloodReport {
    /// What was done.
    pub description: String,
    /// All rounds, whole.
    pub rounds: Vec<Round>,
    /// What was sent and heard in the flooded room.
    pub flood: Tally,
    /// The median of the rounds' 99th percentiles to delivery without the flood, in microseconds.
    pub quiet_p99_us: u64,
    /// The same with it.
    pub flooded_p99_us: u64,
    /// How many times slower it is with it.
    pub ratio: f64,
    /// What is wrong, a sentence each.
    pub failures: Vec<String>,
    /// Whether nothing is.
    pub passed: bool,
}

impl FloodReport {
    pub(super) fn new(plan: &Plan, chat: &Scenario, rounds: Vec<Round>, flood: &Tally) -> Self {
        let Plan { crowd, flood_rate, expect_ratio, .. } = plan;
        let quiet_p99_us = median(rounds.iter().map(|round| p99_us(&round.quiet)));
        let flooded_p99_us = median(rounds.iter().map(|round| p99_us(&round.flooded)));
        let ratio = crate::report::ratio(flooded_p99_us, quiet_p99_us);
        let mut failures = Vec::new();
        for report in rounds.iter().flat_map(|round| [&round.quiet, &round.flooded]) {
            failures.extend(report.verdict.failures.iter().cloned());
        }
        let lost = flood.lost + flood.refused + flood.unsent;
        if flood.sent == 0 || lost > 0 {
            failures.push(format!(
                "there was no such flood: {} sent, {} refused, {} unsent, {} deliveries lost",
                flood.sent, flood.refused, flood.unsent, flood.lost
            ));
        }
        if flood.duplicates + flood.disorder > 0 {
            let (twice, disorder) = (flood.duplicates, flood.disorder);
            failures.push(format!("the crowd heard {twice} twice and {disorder} out of order"));
        }
        if let Some(expected) = expect_ratio.filter(|expected| ratio > *expected) {
            failures.push(format!("{ratio:.2} times slower, expected {expected} at most"));
        }
        let description = format!(
            "{}; and a room of {crowd} that one of them sends {flood_rate} messages a second to",
            chat.describe()
        );
        let (rounds, flood, passed) = (rounds, *flood, failures.is_empty());
        Self { description, rounds, flood, quiet_p99_us, flooded_p99_us, ratio, failures, passed }
    }
}

fn to_delivery(report: &Report) -> Quantiles {
    report.traffic.as_ref().map(|traffic| traffic.to_delivery).unwrap_or_default()
}

fn p99_us(report: &Report) -> u64 {
    to_delivery(report).p99_us
}

/// The middle one; of two, the greater.
fn median(figures: impl Iterator<Item = u64>) -> u64 {
    let mut figures: Vec<u64> = figures.collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

impl fmt::Display for FloodReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "flood\n{}\n", self.description)?;
        for (nth, Round { quiet, flooded }) in self.rounds.iter().enumerate() {
            writeln!(f, "  round {}", nth + 1)?;
            writeln!(f, "    without         {}", to_delivery(quiet))?;
            writeln!(f, "    with            {}", to_delivery(flooded))?;
        }
        let Tally { sent, deliveries, .. } = self.flood;
        writeln!(f, "  the flood         {sent} messages, {deliveries} deliveries")?;
        let (quiet, flooded) = (self.quiet_p99_us, self.flooded_p99_us);
        writeln!(f, "  p99, medians      {quiet} µs without, {flooded} µs with")?;
        writeln!(f, "  ratio             {:.2}\n", self.ratio)?;
        for failure in &self.failures {
            writeln!(f, "  FAILED            {failure}")?;
        }
        if self.passed { writeln!(f, "  passed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn one_bad_round_does_not_decide() {
        assert_eq!(median([900, 100, 110].into_iter()), 110);
        assert_eq!(median([2, 1].into_iter()), 2);
        assert_eq!(median(std::iter::empty()), 0);
    }
}
