//! How long things took, as a histogram of microseconds.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Durations from 1 µs to 10 min with three significant digits; longer ones count as 10 min.
#[derive(Debug)]
pub struct Latency(Histogram<u64>);

/// The figures of a [`Latency`] that a report shows, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Quantiles {
    /// Samples; the others are 0 when this is.
    pub count: u64,
    /// Half were faster.
    pub p50_us: u64,
    /// 9 in 10 were faster.
    pub p90_us: u64,
    /// 99 in 100 were faster.
    pub p99_us: u64,
    /// 999 in 1000 were faster.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
}

impl Latency {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: the bounds are constants.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Self(histogram.expect("the bounds are two ordered constants"))
    }

    /// Adds one sample.
    pub fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(us.max(1));
    }

    /// The figures so far.
    pub fn quantiles(&self) -> Quantiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Quantiles {
            count: self.0.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.0.max(),
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

const LONGEST_US: u64 = 600_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST_US, Latency};

    #[test]
    fn quantiles_stand_where_the_samples_are() {
        let mut latency = Latency::new();
        for ms in 1..=1000 {
            latency.record(Duration::from_millis(ms));
        }
        let seen = latency.quantiles();
        assert_eq!(seen.count, 1000);
        for (value, expected) in [
            (seen.p50_us, 500_000),
            (seen.p90_us, 900_000),
            (seen.p99_us, 990_000),
            (seen.p999_us, 999_000),
            (seen.max_us, 1_000_000),
        ] {
            assert!(value.abs_diff(expected) * 1000 <= expected, "{value} is not {expected}");
        }
    }

    #[test]
    fn samples_outside_the_bounds_are_counted_at_the_bounds() {
        let mut latency = Latency::new();
        latency.record(Duration::ZERO);
        assert_eq!(latency.quantiles().max_us, 1);
        latency.record(Duration::from_hours(1));
        assert!(latency.quantiles().max_us >= LONGEST_US);
        assert_eq!(latency.quantiles().count, 2);
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        let none = Latency::new().quantiles();
        assert_eq!((none.count, none.p50_us, none.p99_us, none.max_us), (0, 0, 0, 0));
    }
}
