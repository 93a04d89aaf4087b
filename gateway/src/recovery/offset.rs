//! How far a client has heard: the text behind the arguments of every event that can be missed.
//!
//! `<epoch>.<position>` behind a broadcast, the same for all recipients, and
//! `<epoch>.<position>.<answer>` behind what is for one socket; numbers in lower-case hex.

use super::timeline::Position;

/// How far a client has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Every broadcast up to here.
    pub(crate) position: Position,
    /// Every answer up to here; `None` where a broadcast came last, and so every answer that was
    /// sent before it.
    pub(crate) answer: Option<u64>,
}

/// What a client says of how far it has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// No event of its session: the client has heard none, or none of this process.
    Nothing,
    /// This far.
    UpTo(Offset),
}

/// A text that is no offset of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Offset {
    /// Behind a broadcast.
    pub(crate) const fn of_broadcast(position: Position) -> Self {
        Self { position, answer: None }
    }

    /// The argument array with the offset as its last argument.
    pub(crate) fn append(self, arguments: &[u8]) -> Vec<u8> {
        let Position { epoch, number } = self.position;
        let tail = match self.answer {
            None => format!(",\"{epoch:08x}.{number:x}\"]"),
            Some(answer) => format!(",\"{epoch:08x}.{number:x}.{answer:x}\"]"),
        };
        // An event has a name at least, so there is something before the comma.
        let open = arguments.strip_suffix(b"]").unwrap_or(arguments);
        [open, tail.as_bytes()].concat()
    }
}

impl Heard {
    /// Reads what a client sends back; `epoch` is that of this process.
    ///
    /// # Errors
    /// The text is no offset of ours: something else stood last in an event, and nobody knows what
    /// was heard.
    pub(crate) fn read(text: Option<&str>, epoch: u32) -> Result<Self, Unknown> {
        let Some(text) = text else { return Ok(Self::Nothing) };
        let mut parts = text.split('.');
        let of = parts.next().and_then(hex).ok_or(Unknown)?;
        let number = parts.next().and_then(hex).ok_or(Unknown)?;
        let answer = parts.next().map(|part| hex(part).ok_or(Unknown)).transpose()?;
        if parts.next().is_some() {
            return Err(Unknown);
        }
        // A stock client keeps the offset of an earlier process until it hears a new one.
        if of != u64::from(epoch) {
            return Ok(Self::Nothing);
        }
        Ok(Self::UpTo(Offset { position: Position { epoch, number }, answer }))
    }
}

/// Lower-case hex digits, and nothing else.
fn hex(text: &str) -> Option<u64> {
    let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    let is_number = !text.is_empty() && text.bytes().all(is_hex);
    if is_number { u64::from_str_radix(text, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u32 = 0xbeef;

    fn offset(number: u64, answer: Option<u64>) -> Offset {
        Offset { position: Position { epoch: EPOCH, number }, answer }
    }

    #[test]
    fn what_is_appended_is_read_back() {
        for offset in [offset(1, None), offset(u64::MAX, Some(0)), offset(0, Some(u64::MAX))] {
            let arguments = offset.append(br#"["new_message",{"a":1}]"#);
            let json: Vec<serde_json::Value> = serde_json::from_slice(&arguments).unwrap();
            assert_eq!(json.len(), 3);
            assert_eq!(json[1], serde_json::json!({"a": 1}));
            assert_eq!(Heard::read(json[2].as_str(), EPOCH), Ok(Heard::UpTo(offset)));
        }
        let bare = offset(1, None).append(br#"["x"]"#);
        assert_eq!(bare, br#"["x","0000beef.1"]"#);
    }

    #[test]
    fn no_offset_and_one_of_another_process_are_no_news() {
        assert_eq!(Heard::read(None, EPOCH), Ok(Heard::Nothing));
        assert_eq!(Heard::read(Some("00000001.7"), EPOCH), Ok(Heard::Nothing));
    }

    #[test]
    fn what_is_no_offset_is_unknown() {
        for text in [
            "",
            ".",
            "0000beef",
            "0000beef.",
            "0000beef.+1",
            "0000beef.-1",
            "0000beef.1.",
            "0000beef.1.2.3",
            "0000BEEF.1",
            "0000beef.10000000000000000",
            "hello",
            "0000beef.1 ",
        ] {
            assert_eq!(Heard::read(Some(text), EPOCH), Err(Unknown), "{text:?}");
        }
    }
}
