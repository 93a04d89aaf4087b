//! What the original's validator takes for an e-mail address. Source: contract O1.1.
//!
//! The last label must be in the list of top-level domains beside this file, which names its date.

use super::text;

/// Whether this is an address: a plain local part of at most 64 bytes and at least two labels.
pub fn is_email(address: &str) -> bool {
    if !text::fits(address, ADDRESS_UNITS_MAX) {
        return false;
    }
    let Some((local, domain)) = address.split_once('@') else { return false };
    local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(is_atom)
        && domain.split('.').count() >= LABELS_MIN
        && domain.split('.').all(is_label)
        && domain.rsplit('.').next().is_some_and(is_top_level)
}

/// A dot-separated piece of a local part; a quoted local part is not made of these.
fn is_atom(piece: &str) -> bool {
    !piece.is_empty()
        && piece.chars().all(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            _ if c.is_ascii() => "!#$%&'*+-/=?^_`{|}~".contains(c),
            _ => is_written(c),
        })
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => true,
            _ => !c.is_ascii() && is_written(c),
        })
}

/// # Cost
/// A walk over 1,600 short lines, a few microseconds; whoever shows an address hashes a password
/// next, which takes fifty thousand times as long.
fn is_top_level(label: &str) -> bool {
    let label = label.to_lowercase();
    TOP_LEVEL.lines().any(|line| line == label)
}

/// Beyond ASCII: anything that is neither a blank nor a control character.
fn is_written(character: char) -> bool {
    !text::is_blank(character) && !character.is_control()
}

/// One a line; lines with a `#` are no label.
const TOP_LEVEL: &str = include_str!("email/tld.txt");

const ADDRESS_UNITS_MAX: usize = 254;
const LOCAL_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;
const LABELS_MIN: usize = 2;

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn ordinary_and_unicode_addresses_are_taken() {
        for address in [
            "ann@example.com",
            "Ann.O'Hara+tag@mail.example.co.uk",
            "a_b-c@x-y.io",
            "jürgen@bücher.de",
            "用户@例子.中国",
            "1@2.com",
            "ann@EXAMPLE.Museum",
            "ann@xn--bcher-kva.xn--fiqs8s",
        ] {
            assert!(is_email(address), "{address}");
        }
        assert!(is_email(&format!("{}@example.com", "a".repeat(64))));
    }

    #[test]
    fn what_the_original_refuses_is_refused() {
        for address in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example",
            "ann@example.com.",
            "ann@.example.com",
            "ann@exa..mple.com",
            " ann@example.com",
            "ann@example.com ",
            "an n@example.com",
            "ann@exam ple.com",
            "\"ann\"@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "a..b@example.com",
            "ann@-example.com",
            "ann@example-.com",
            "ann@exam_ple.com",
            "ann@example.123",
            "ann@bob@example.com",
            "ann@example.local",
            "ann@example.conn",
            "ann@example.#",
            "ann@[127.0.0.1]",
            "ann\u{0}@example.com",
            "ann@exam\u{a0}ple.com",
        ] {
            assert!(!is_email(address), "{address:?}");
        }
        assert!(!is_email(&format!("{}@example.com", "a".repeat(65))));
        assert!(!is_email(&format!("a@{}.com", "b".repeat(64))));
        assert!(!is_email(&format!("a@{}com", "b.".repeat(130))));
    }
}
