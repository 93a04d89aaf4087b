//! What the decoder hands out: whole messages and control frames.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use super::close::{self, CloseFrame};
use super::violation::Violation;

/// The unmasked bytes of a message.
///
/// A frame that lay whole in the read buffer is borrowed from it. What came in pieces is owned and
/// freed when this is dropped; the decoder keeps nothing of it.
#[derive(Debug)]
pub enum Payload<'b> {
    /// A part of the read buffer; a parser may scribble on it.
    Borrowed(&'b mut [u8]),
    /// Put together from several frames or reads.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    /// The payload for longer than the read buffer lasts.
    ///
    /// # Cost
    /// A copy if it was borrowed, nothing if it was owned.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Borrowed(bytes) => bytes.to_vec(),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

impl DerefMut for Payload<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A message or control frame of the peer.
#[derive(Debug)]
pub enum Message<'b> {
    /// INVARIANT: valid UTF-8 when handed out. Bytes rather than `str`, because the JSON parser
    /// works in place.
    Text(Payload<'b>),
    /// Any bytes.
    Binary(Payload<'b>),
    /// To be answered by a pong with the same payload, at most 125 bytes.
    Ping(Payload<'b>),
    /// An answer to our ping, or unasked.
    Pong(Payload<'b>),
    /// The peer's last frame, to be answered by a close frame unless ours went first. Bytes that
    /// follow it are discarded.
    Close(Option<CloseFrame<'b>>),
}

impl<'b> Message<'b> {
    /// A close frame from its payload.
    pub(super) fn close(payload: Payload<'b>) -> Result<Self, Violation> {
        match payload {
            Payload::Borrowed(bytes) => close::parse(bytes).map(Self::Close),
            Payload::Owned(bytes) => {
                let frame = close::parse(&bytes)?.map(|frame| CloseFrame {
                    code: frame.code,
                    reason: Cow::Owned(frame.reason.into_owned()),
                });
                Ok(Self::Close(frame))
            }
        }
    }
}
