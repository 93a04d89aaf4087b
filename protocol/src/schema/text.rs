//! What counts as how long, as blank, and as text at all.

use std::borrow::Cow;

/// The length that JavaScript would count: UTF-16 units.
pub fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Whether `units(text) <= max`, without counting much further than `max`.
pub fn fits(text: &str, max: usize) -> bool {
    // A character takes at least as many bytes as units, and at most three bytes a unit.
    text.len() <= max
        || (text.len() <= max.saturating_mul(3)
            && text.encode_utf16().take(max.saturating_add(1)).count() <= max)
}

/// What JavaScript's `trim` removes, with the one control character that Unicode counts as space.
pub fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

/// The text without surrounding blanks.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The text without control characters, but with tabs and newlines. Source: contract 1.8.
///
/// # Cost
/// Allocates only when there is one.
pub fn clean(text: &str) -> Cow<'_, str> {
    let is_unwanted = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(is_unwanted) {
        Cow::Owned(text.replace(is_unwanted, ""))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_utf16_units() {
        assert_eq!([units("abc"), units("é"), units("€"), units("😀")], [3, 1, 1, 2]);
        for text in ["", "abc", "é€", "😀", "a😀é€"] {
            for max in 0..8 {
                assert_eq!(fits(text, max), units(text) <= max, "{text} {max}");
            }
        }
    }

    #[test]
    fn blanks_are_those_of_javascript() {
        assert_eq!(trim("\u{feff} \t\n\u{a0}\u{3000}a b\u{2028}"), "a b");
        assert_eq!(trim("\u{200b}"), "\u{200b}");
    }

    #[test]
    fn control_characters_go_and_newlines_stay() {
        assert_eq!(clean("a\tb\r\nc"), "a\tb\r\nc");
        assert!(matches!(clean("plain"), Cow::Borrowed(_)));
        assert_eq!(clean("a\0b\u{1b}[31m\u{7f}\u{85}c"), "ab[31mc");
    }
}
