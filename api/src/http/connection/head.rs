//! What a connection may say before hyper reads it: the framing of each request, strictly.
//!
//! hyper forgives what a proxy in front may read otherwise: lines that end with a bare LF, a length
//! beside chunks, a length said twice. Where two servers disagree about where a request ends, one
//! client's bytes become another's request. So the one reading that all share is demanded, and
//! anything else is refused before hyper sees it.
//!
//! Only framing is judged here; what a request means is hyper's and the doors'. Nothing is kept but
//! counters. Source: RFC 9112 §2.2, §3.2, §5, §6.1–6.3, §11.2.

/// Watches the bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Guard {
    at: At,
    head: Head,
}

/// Where in a request the next byte stands.
#[derive(Debug, Clone, Copy, Default)]
enum At {
    /// Before a request line; empty lines are passed over.
    #[default]
    Start,
    StartCr,
    RequestLine,
    LineCr,
    /// At the first byte of a header, or of the empty line.
    Line,
    EndCr,
    Name,
    Value(Field),
    /// In a body of which this many bytes are to come.
    Body(u64),
    /// Behind the head of a connection's last request: what follows is frames, or chunks that hyper
    /// reads to their end, and no other request.
    Last,
}

/// Headers that say where a request ends, or whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Host,
    Length,
    Coding,
    Upgrade,
    Other,
}

/// What one head has said so far.
#[derive(Debug, Default)]
struct Head {
    /// The last byte of the request line: the minor version.
    version: u8,
    name: [u8; NAME_BYTES_MAX],
    name_len: usize,
    hosts: u32,
    lengths: u32,
    length: u64,
    codings: u32,
    is_websocket: bool,
    /// How far the value at hand has come: digits of a length, letters of a word.
    matched: usize,
    /// Whether the value at hand must have ended.
    is_ended: bool,
}

impl Guard {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// The index of the first byte that may not stand where it does.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut index = 0;
        while let Some(&byte) = bytes.get(index) {
            match self.at {
                At::Last => return Ok(()),
                At::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - index);
                    index += here;
                    let left = left - here as u64;
                    self.at = if left == 0 { At::Start } else { At::Body(left) };
                }
                At::Start
                | At::StartCr
                | At::RequestLine
                | At::LineCr
                | At::Line
                | At::EndCr
                | At::Name
                | At::Value(_) => {
                    self.at = self.step(byte).ok_or(index)?;
                    index += 1;
                }
            }
        }
        Ok(())
    }

    /// Where one byte of a head leads; `None`: nowhere.
    fn step(&mut self, byte: u8) -> Option<At> {
        match self.at {
            At::Start if byte == b'\r' => Some(At::StartCr),
            At::Start => {
                self.head = Head::default();
                self.head.request_line(byte)
            }
            At::StartCr => (byte == b'\n').then_some(At::Start),
            At::RequestLine => self.head.request_line(byte),
            At::LineCr => (byte == b'\n').then_some(At::Line),
            At::Line if byte == b'\r' => Some(At::EndCr),
            At::Line => {
                self.head.name_len = 0;
                self.head.name(byte)
            }
            At::Name => self.head.name(byte),
            At::Value(field) => self.head.value(field, byte),
            At::EndCr if byte == b'\n' => self.head.end(),
            At::EndCr | At::Body(_) | At::Last => None,
        }
    }
}

impl Head {
    fn request_line(&mut self, byte: u8) -> Option<At> {
        match byte {
            b'\r' => Some(At::LineCr),
            0..0x20 | 0x7f => None,
            _ => {
                self.version = byte;
                Some(At::RequestLine)
            }
        }
    }

    /// Neither white space before the colon nor a continued line is part of a name.
    fn name(&mut self, byte: u8) -> Option<At> {
        if byte == b':' && self.name_len > 0 {
            return Some(At::Value(self.field()));
        }
        if !is_token(byte) {
            return None;
        }
        if let Some(place) = self.name.get_mut(self.name_len) {
            *place = byte.to_ascii_lowercase();
        }
        self.name_len += 1;
        Some(At::Name)
    }

    /// Begins the value of the header whose name has ended.
    fn field(&mut self) -> Field {
        (self.matched, self.is_ended) = (0, false);
        match self.name.get(..self.name_len) {
            Some(b"host") => {
                self.hosts += 1;
                Field::Host
            }
            Some(b"content-length") => {
                self.lengths += 1;
                Field::Length
            }
            Some(b"transfer-encoding") => {
                self.codings += 1;
                Field::Coding
            }
            Some(b"upgrade") => Field::Upgrade,
            Some(_) | None => Field::Other,
        }
    }

    fn value(&mut self, field: Field, byte: u8) -> Option<At> {
        match (byte, field) {
            (b'\r', Field::Length) if self.matched == 0 => return None,
            (b'\r', Field::Coding) if self.matched != CHUNKED.len() => return None,
            (b'\r', _) => return Some(At::LineCr),
            (b' ' | b'\t', Field::Length | Field::Coding) => self.is_ended = self.matched > 0,
            (0..0x20 | 0x7f, _) if byte != b'\t' => return None,
            (_, Field::Length | Field::Coding) if self.is_ended => return None,
            (_, Field::Length) => self.digit(byte)?,
            (_, Field::Coding) => {
                if CHUNKED.get(self.matched) != Some(&byte.to_ascii_lowercase()) {
                    return None;
                }
                self.matched += 1;
            }
            (_, Field::Upgrade) => self.letter(byte.to_ascii_lowercase()),
            (_, Field::Host | Field::Other) => {}
        }
        Some(At::Value(field))
    }

    /// A length is digits alone, and few enough to be one.
    fn digit(&mut self, byte: u8) -> Option<()> {
        if !byte.is_ascii_digit() || self.matched == LENGTH_DIGITS_MAX {
            return None;
        }
        self.matched += 1;
        self.length = self.length * 10 + u64::from(byte - b'0');
        Some(())
    }

    /// Looks for the one protocol that is switched to. Its first letter stands nowhere else in it.
    fn letter(&mut self, letter: u8) {
        let is_next = WEBSOCKET.get(self.matched) == Some(&letter);
        self.matched = if is_next { self.matched + 1 } else { usize::from(letter == WEBSOCKET[0]) };
        self.is_websocket |= self.matched == WEBSOCKET.len();
    }

    /// What follows the head, if it says so in one way only.
    fn end(&self) -> Option<At> {
        let is_old = self.version == b'0';
        let is_host_clear = self.hosts == 1 || (is_old && self.hosts == 0);
        let is_length_clear = self.lengths + self.codings <= 1 && (self.codings == 0 || !is_old);
        if !is_host_clear || !is_length_clear {
            return None;
        }
        Some(match self.length {
            _ if self.codings > 0 || self.is_websocket => At::Last,
            0 => At::Start,
            length => At::Body(length),
        })
    }
}

/// Whether a byte may stand in a token: the name of a header, a cookie, a protocol. Source: RFC 9110
/// §5.6.2.
pub const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// The longest name that is told from others.
const NAME_BYTES_MAX: usize = "transfer-encoding".len();
/// Digits of a length that can still be added up.
const LENGTH_DIGITS_MAX: usize = 18;
const CHUNKED: &[u8] = b"chunked";
const WEBSOCKET: &[u8] = b"websocket";

#[cfg(test)]
mod tests;
