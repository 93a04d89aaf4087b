//! Dates that clients write: ISO-8601 as JavaScript reads it, or milliseconds since 1970.

use crate::time::Timestamp;

/// Reads `2026-01-31`, `2026-01-31T09:05Z`, `2026-01-31T09:05:03.007+02:00` and their like, or
/// whole milliseconds. A time without a zone counts as UTC.
pub fn parse(text: &str) -> Option<Timestamp> {
    if is_number(text) {
        return text.parse().ok().and_then(from_ms);
    }
    let (date, time) = text.split_once(['T', 't', ' ']).map_or((text, None), |(d, t)| (d, Some(t)));
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let days = days_of(year, month, day)?;
    let ms = time.map_or(Some(0), clock_ms)?;
    Some(Timestamp(days.checked_mul(MS_PER_DAY)?.checked_add(ms)?))
}

/// The point in time, unless it lies beyond JavaScript's last one.
pub const fn from_ms(ms: i64) -> Option<Timestamp> {
    if ms.unsigned_abs() <= MS_MAX { Some(Timestamp(ms)) } else { None }
}

/// Milliseconds since midnight UTC of `hh:mm[:ss[.fraction]][zone]`.
fn clock_ms(text: &str) -> Option<i64> {
    let (clock, zone_ms) = split_zone(text)?;
    let mut parts = clock.splitn(3, ':');
    let hour = digits(parts.next()?, 2).filter(|&hour| hour <= 24)?;
    let minute = digits(parts.next()?, 2).filter(|&minute| minute < 60)?;
    let second_ms = parts.next().map_or(Some(0), second_ms)?;
    let ms = hour.checked_mul(3_600_000)?.checked_add(minute.checked_mul(60_000)?)?;
    let ms = ms.checked_add(second_ms).filter(|&ms| ms <= MS_PER_DAY)?;
    ms.checked_sub(zone_ms)
}

fn second_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let second = digits(whole, 2).filter(|&second| second < 60)?;
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let thousandths: String = fraction.chars().chain("00".chars()).take(3).collect();
    digits(fraction, fraction.len())?;
    second.checked_mul(1_000)?.checked_add(digits(&thousandths, 3)?)
}

/// The clock, and how far its zone is ahead of UTC.
fn split_zone(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, zone) = text.split_at_checked(at)?;
    let (sign, zone) = zone.split_at_checked(1)?;
    let (hour, minute) = match zone.split_once(':') {
        Some(parts) => parts,
        None => zone.split_at_checked(2)?,
    };
    let hour = digits(hour, 2).filter(|&hour| hour < 24)?;
    let minute = if minute.is_empty() { 0 } else { digits(minute, 2).filter(|&m| m < 60)? };
    let ms = hour.checked_mul(60)?.checked_add(minute)?.checked_mul(60_000)?;
    Some((clock, if sign == "-" { ms.checked_neg()? } else { ms }))
}

/// The number written with exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

fn is_number(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.len() > 4 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Days since 1970-01-01 of a day in the Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap =
        year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    let (before, len) = match month {
        1 => (0, 31),
        2 => (31, if is_leap { 29 } else { 28 }),
        3 => (59, 31),
        4 => (90, 30),
        5 => (120, 31),
        6 => (151, 30),
        7 => (181, 31),
        8 => (212, 31),
        9 => (243, 30),
        10 => (273, 31),
        11 => (304, 30),
        12 => (334, 31),
        _ => return None,
    };
    if !(1..=len).contains(&day) {
        return None;
    }
    let past = year.checked_sub(1)?;
    let leap_days =
        past.div_euclid(4).checked_sub(past.div_euclid(100))?.checked_add(past.div_euclid(400))?;
    let leap_day = i64::from(is_leap && month > 2);
    year.checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(before)?
        .checked_add(leap_day)?
        .checked_add(day)?
        .checked_sub(DAYS_BEFORE_1970)
}

const MS_PER_DAY: i64 = 86_400_000;

/// The greatest date of ECMA-262 "Time Values and Time Range".
const MS_MAX: u64 = 8_640_000_000_000_000;

/// What [`days_of`] counts up to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_528;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_round_trip_through_their_text() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "2000-02-29T12:34:56.789Z",
            "1900-03-01T00:00:00.000Z",
            "2026-12-31T23:59:59.007Z",
            "0001-01-01T00:00:00.000Z",
        ] {
            assert_eq!(parse(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
    }

    #[test]
    fn shorter_forms_and_zones_are_read() {
        for (text, expected) in [
            ("2026-01-31", "2026-01-31T00:00:00.000Z"),
            ("2026-02", "2026-02-01T00:00:00.000Z"),
            ("2026", "2026-01-01T00:00:00.000Z"),
            ("2026-01-31T09:05Z", "2026-01-31T09:05:00.000Z"),
            ("2026-01-31T09:05:03.7+02:00", "2026-01-31T07:05:03.700Z"),
            ("2026-01-31T23:30:00-0130", "2026-02-01T01:00:00.000Z"),
            ("2026-01-31T24:00:00Z", "2026-02-01T00:00:00.000Z"),
            ("951782400000", "2000-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(parse(text).map(|t| t.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "2026-01-01T25:00Z",
            "2026-01-01T24:00:01Z",
            "2026-01-01T09",
            "2026-01-01T09:05:61Z",
            "2026-01-01T09:05:00.Z",
            "2026-01-01T09:05+99:00",
            "2026-01-01T09:05+é",
            "99999999999999999999",
            "8640000000000001",
            "-",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
