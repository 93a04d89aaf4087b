//! One pass over JSON text before it is parsed: how deep, how many values, and halves of pairs.
//!
//! Not recursive, and aware of strings. It does not judge the text: what is not JSON is left for
//! the parser to say.

use memchr::memchr2;

use super::json::{JsonError, Limits};

/// Refuses text that nests or holds more than `limits`, and makes lone surrogate escapes `\ufffd`.
///
/// COMPAT: JavaScript reads and writes `"\ud83d"`, half of an emoji that some client cut in two;
/// a Rust string cannot hold it. The replacement has the same length, so it is made in place.
/// Pinned by `half_an_emoji_becomes_a_replacement_character`.
///
/// # Cost
/// One pass without allocating; strings are skipped by SIMD search.
pub(super) fn scan(text: &mut [u8], limits: Limits) -> Result<(), JsonError> {
    let (mut depth, mut values) = (0_usize, 0_usize);
    let mut at = 0_usize;
    while let Some(&byte) = text.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'"' => at = scan_string(text, at),
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                values = values.saturating_add(1);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => values = values.saturating_add(1),
            _ => {}
        }
        if depth > limits.depth {
            return Err(JsonError::TooDeep(limits.depth));
        }
        if values > limits.values {
            return Err(JsonError::TooMany(limits.values));
        }
    }
    Ok(())
}

/// Walks a string from behind its opening quote; returns where it ends, behind the closing one.
fn scan_string(text: &mut [u8], mut at: usize) -> usize {
    loop {
        let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
            return text.len();
        };
        at = at.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at.saturating_add(1);
        }
        at = match unit_at(text, at) {
            None => at.saturating_add(2),
            Some(0xd800..=0xdbff) => {
                let next = at.saturating_add(ESCAPE_LEN);
                if matches!(unit_at(text, next), Some(0xdc00..=0xdfff)) {
                    next.saturating_add(ESCAPE_LEN)
                } else {
                    replace(text, at)
                }
            }
            Some(0xdc00..=0xdfff) => replace(text, at),
            Some(_) => at.saturating_add(ESCAPE_LEN),
        };
    }
}

/// The unit of the `\uXXXX` escape that begins here.
fn unit_at(text: &[u8], at: usize) -> Option<u16> {
    let escape = text.get(at..)?.get(..ESCAPE_LEN)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0_u16, |unit, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(value).ok()?)
    })
}

/// Writes a replacement character over the escape that begins here; returns where it ends.
fn replace(text: &mut [u8], at: usize) -> usize {
    let end = at.saturating_add(ESCAPE_LEN);
    if let Some(escape) = text.get_mut(at..end) {
        escape.copy_from_slice(b"\\ufffd");
    }
    end
}

const ESCAPE_LEN: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::json::{JsonError, Limits};
    use super::scan;

    fn scanned(text: &str, depth: usize) -> Result<String, JsonError> {
        let mut bytes = text.as_bytes().to_vec();
        scan(&mut bytes, Limits { depth, values: 100 })?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert!(scanned("[[{}]]", 3).is_ok());
        assert_eq!(scanned("[[{}]]", 2), Err(JsonError::TooDeep(2)));
        assert!(scanned(r#"["[[[[", "\"[[[[", "\\"]"#, 1).is_ok());
        assert_eq!(scanned(r#"["\\",[[]]]"#, 2), Err(JsonError::TooDeep(2)));
        assert!(scanned(&"[]".repeat(40), 1).is_ok());
    }

    #[test]
    fn values_are_bounded() {
        let many = format!("[{}0]", "0,".repeat(100));
        assert_eq!(scanned(&many, 1), Err(JsonError::TooMany(100)));
    }

    #[test]
    fn half_an_emoji_becomes_a_replacement_character() {
        for (text, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\u00e9\n\"""#, r#""\u00e9\n\"""#),
        ] {
            assert_eq!(scanned(text, 1).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn truncated_text_ends_the_scan() {
        for text in ["\"", "\"\\", "\"\\u", "\"\\ud83", "\"\\ud83d\\", "\\", "["] {
            assert!(scanned(text, 1).is_ok(), "{text}");
        }
    }
}
