//! How long a token lives, in the notation that the original's settings are written in.

use protocol::time::Timestamp;

/// The shortest lifetime: `exp` is written in whole seconds.
pub const LIFETIME_MS_MIN: i64 = 1_000;
/// The longest lifetime, ten years; a longer one is refused at start.
pub const LIFETIME_MS_MAX: i64 = 10 * 365 * MS_PER_DAY;

const MS_PER_DAY: i64 = 86_400_000;

/// A span of time in milliseconds, between [`LIFETIME_MS_MIN`] and [`LIFETIME_MS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(i64);

/// A lifetime that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Not a number with an optional unit.
    #[error("must be a number with a unit, such as 7d, 12h or 30m")]
    Malformed,
    /// Under [`LIFETIME_MS_MIN`]. A bare number counts milliseconds, which is rarely what was meant.
    #[error("must be at least one second (a number without a unit counts milliseconds)")]
    TooShort,
    /// Over [`LIFETIME_MS_MAX`].
    #[error("must be at most ten years")]
    TooLong,
}

impl Lifetime {
    /// Seven days: an access token's, unless set.
    pub const ACCESS_DEFAULT: Self = Self(7 * MS_PER_DAY);
    /// Thirty days: a refresh token's, unless set.
    pub const REFRESH_DEFAULT: Self = Self(30 * MS_PER_DAY);

    /// Milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The moment this long after `start`.
    pub const fn after(self, start: Timestamp) -> Timestamp {
        Timestamp(start.0.saturating_add(self.0))
    }
}

impl std::str::FromStr for Lifetime {
    type Err = LifetimeError;

    /// Reads `7d`, `1.5 hours`, or a bare number of milliseconds.
    ///
    /// COMPAT: the original's token library reads its `expiresIn` strings so; pinned by
    /// `lifetimes_read_as_the_original_reads_them`.
    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: f64 = number.parse().map_err(|_| LifetimeError::Malformed)?;
        let unit_ms = unit_ms(unit.trim_start_matches(' ')).ok_or(LifetimeError::Malformed)?;
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        match (number * unit_ms) as i64 {
            ms if ms < LIFETIME_MS_MIN => Err(LifetimeError::TooShort),
            ms if ms > LIFETIME_MS_MAX => Err(LifetimeError::TooLong),
            ms => Ok(Self(ms)),
        }
    }
}

/// Milliseconds in a unit; of any case, as the original takes it.
fn unit_ms(unit: &str) -> Option<f64> {
    const DAY: f64 = 86_400_000.0;
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => 7.0 * DAY,
        "y" | "yr" | "yrs" | "year" | "years" => 365.25 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_read_as_the_original_reads_them() {
        for (text, ms) in [
            ("7d", 604_800_000),
            ("30d", 2_592_000_000),
            ("12h", 43_200_000),
            ("15m", 900_000),
            ("90 s", 90_000),
            ("1.5 Hours", 5_400_000),
            (".5d", 43_200_000),
            ("1y", 31_557_600_000),
            ("3600000", 3_600_000),
        ] {
            assert_eq!(text.parse(), Ok(Lifetime(ms)), "{text}");
        }
    }

    #[test]
    fn unusable_lifetimes_say_why() {
        for text in ["", "d", "7 fortnights", "-7d", "1e3d", "7d7d", "١d", "1..5d", "NaN", "inf"] {
            assert_eq!(text.parse::<Lifetime>(), Err(LifetimeError::Malformed), "{text:?}");
        }
        for text in ["0", "3600ms0", "999", "0.5s"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text:?}");
        }
        assert_eq!("900".parse::<Lifetime>(), Err(LifetimeError::TooShort));
        assert_eq!("11y".parse::<Lifetime>(), Err(LifetimeError::TooLong));
        assert_eq!("9".repeat(400).parse::<Lifetime>(), Err(LifetimeError::TooLong));
    }
}
