//! Several packets in one HTTP body.
//!
//! Owns the bodies of long polling, both ways, in the three forms that clients speak. Must never
//! know which request a body belongs to; that is [`session`](super::session)'s.
//!
//! - [`v4`]: packets with U+001E between them
//! - [`v3`]: packets behind their lengths, as text or as bytes
//!
//! Source: Engine.IO v4 "Packet encoding, HTTP long-polling"; Engine.IO v3 "Payload".

pub mod v3;
pub mod v4;

use super::Revision;
use super::packet::{self, Packet, PacketError};
use crate::websocket::message::Payload;

/// How packets stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Revision 4: text with separators.
    V4,
    /// Revision 3: text with lengths.
    V3Text,
    /// Revision 3: bytes with lengths.
    V3Binary,
}

impl Format {
    /// The form of a POST, from whether its content type is `application/octet-stream`. `None` in
    /// revision 4, where such a POST is answered 400 and ends the session.
    pub const fn of_request(revision: Revision, is_octet_stream: bool) -> Option<Self> {
        match (revision, is_octet_stream) {
            (Revision::V4, false) => Some(Self::V4),
            (Revision::V4, true) => None,
            (Revision::V3, false) => Some(Self::V3Text),
            (Revision::V3, true) => Some(Self::V3Binary),
        }
    }

    /// The form of a poll's answer, from whether the client asked for base64 (`b64=1`) and whether
    /// any packet in it is binary.
    pub const fn of_answer(revision: Revision, base64: bool, any_binary: bool) -> Self {
        match (revision, base64, any_binary) {
            (Revision::V4, _, _) => Self::V4,
            (Revision::V3, false, true) => Self::V3Binary,
            (Revision::V3, true, _) | (Revision::V3, false, false) => Self::V3Text,
        }
    }

    /// The content type of an answer in this form.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V4 | Self::V3Text => "text/plain; charset=UTF-8",
            Self::V3Binary => "application/octet-stream",
        }
    }

    const fn revision(self) -> Revision {
        match self {
            Self::V4 => Revision::V4,
            Self::V3Text | Self::V3Binary => Revision::V3,
        }
    }
}

/// Why a body is no payload. The session is then closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Text that is not UTF-8.
    #[error("malformed UTF-8")]
    Utf8,
    /// A length that is none, or that its packet does not have.
    #[error("malformed length")]
    Length,
    /// More than [`PACKETS_MAX`] packets.
    #[error("too many packets")]
    TooMany,
    /// One of the packets is none.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

/// Most packets in one body; one more is [`PayloadError::TooMany`]. A client that sends the
/// shortest of events fills half a megabyte with them.
pub const PACKETS_MAX: u32 = 65_536;

/// Reads the packets of a body, one after the other.
///
/// # Errors
/// Each packet may be an error, and nothing follows one.
///
/// # Cost
/// One pass to see that text is UTF-8; packets are borrowed except base64.
pub fn decode(format: Format, body: &mut [u8]) -> Packets<'_> {
    let is_text = match format {
        Format::V4 | Format::V3Text => std::str::from_utf8(body).is_ok(),
        Format::V3Binary => true,
    };
    Packets { format, rest: Some(body), left: PACKETS_MAX, is_text }
}

/// The packets of a body.
#[derive(Debug)]
pub struct Packets<'b> {
    format: Format,
    /// `None` when no packet can follow.
    rest: Option<&'b mut [u8]>,
    left: u32,
    is_text: bool,
}

/// One packet's bytes, cut out of a body.
#[derive(Debug)]
enum Piece<'b> {
    Text(&'b mut [u8]),
    Binary(&'b mut [u8]),
}

/// A piece, and what follows it; `None` for the rest at the end of the body.
type Cut<'b> = (Piece<'b>, Option<&'b mut [u8]>);

impl<'b> Packets<'b> {
    fn cut(&mut self, body: &'b mut [u8]) -> Result<Option<Packet<'b>>, PayloadError> {
        if !self.is_text {
            return Err(PayloadError::Utf8);
        }
        let cut = match self.format {
            Format::V4 => Some(v4::cut(body)),
            Format::V3Text => v3::cut_text(body)?,
            Format::V3Binary => Some(v3::cut_binary(body)?),
        };
        let Some((piece, rest)) = cut else { return Ok(None) };
        self.left = self.left.checked_sub(1).ok_or(PayloadError::TooMany)?;
        let revision = self.format.revision();
        let packet = match piece {
            Piece::Text(text) => packet::decode_text(revision, text)?,
            Piece::Binary(bytes) => packet::decode_binary(revision, Payload::Borrowed(bytes))?,
        };
        self.rest = rest;
        Ok(Some(packet))
    }
}

impl<'b> Iterator for Packets<'b> {
    type Item = Result<Packet<'b>, PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let body = self.rest.take()?;
        self.cut(body).transpose()
    }
}

impl std::iter::FusedIterator for Packets<'_> {}

/// Writes the answer to a poll, packet by packet.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    body: Vec<u8>,
}

impl Writer {
    /// An empty body.
    pub const fn new(format: Format) -> Self {
        Self { format, body: Vec::new() }
    }

    /// Appends a packet, type digit included.
    pub fn push_text(&mut self, packet: &[u8]) {
        match self.format {
            Format::V4 => v4::push_text(&mut self.body, packet),
            Format::V3Text => v3::push_text(&mut self.body, packet),
            Format::V3Binary => v3::push_text_bytes(&mut self.body, packet),
        }
    }

    /// Appends a binary message. In [`Format::V3Text`] it becomes base64, which every client
    /// reads.
    pub fn push_binary(&mut self, message: &[u8]) {
        match self.format {
            Format::V4 => v4::push_binary(&mut self.body, message),
            Format::V3Text => v3::push_base64(&mut self.body, message),
            Format::V3Binary => v3::push_binary(&mut self.body, message),
        }
    }

    /// Bytes so far, for the caller's bound on a body.
    pub const fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether there is no packet yet.
    pub const fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The content type of the answer.
    pub const fn content_type(&self) -> &'static str {
        self.format.content_type()
    }

    /// The body.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

#[cfg(test)]
mod tests;
