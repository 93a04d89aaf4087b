//! What a connection keeps while a frame or a message is incomplete.
//!
//! Exists only while something is: between messages a connection has no [`Partial`]. Buffers grow
//! by bytes that arrived, never by lengths that were declared.

use smallvec::SmallVec;

use super::frame::{HEADER_BYTES_MAX, Opcode};
use super::mask;
use super::message::{Message, Payload};
use super::violation::Violation;

/// Room for a cut-off header; 16 because it costs no more than [`HEADER_BYTES_MAX`].
const HEAD_BYTES: usize = 16;
const _: () = assert!(HEADER_BYTES_MAX <= HEAD_BYTES);

/// A frame whose header has been read and whose payload has not, or not wholly.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenFrame {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) key: Option<mask::Key>,
    pub(super) remaining: usize,
}

impl OpenFrame {
    /// Unmasks the next piece of the payload, no longer than `remaining`, and counts it.
    pub(super) fn unmask(&mut self, piece: &mut [u8]) {
        self.key = self.key.map(|key| mask::apply(piece, key));
        self.remaining = self.remaining.saturating_sub(piece.len());
    }
}

/// Everything that is unfinished on one connection.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The beginning of a header that the last read cut off.
    pub(super) head: SmallVec<[u8; HEAD_BYTES]>,
    /// The frame whose payload is still to come; `remaining` is never 0 here.
    pub(super) frame: Option<OpenFrame>,
    /// The data message under way; a control frame may stand inside it.
    pub(super) message: Option<Assembly>,
    /// The beginning of a control payload, at most 125 bytes.
    control: Vec<u8>,
}

impl Partial {
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty()
            && self.frame.is_none()
            && self.message.is_none()
            && self.control.is_empty()
    }

    pub(super) fn reserved_bytes(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |message| message.bytes.capacity());
        message.saturating_add(self.control.capacity())
    }

    /// Keeps the beginning of a control payload.
    pub(super) fn hold_control(&mut self, frame: OpenFrame, piece: &[u8]) {
        self.control.extend_from_slice(piece);
        self.frame = Some(frame);
    }

    /// A control payload of which `piece` is the end.
    pub(super) fn complete_control<'b>(&mut self, piece: &'b mut [u8]) -> Payload<'b> {
        if self.control.is_empty() {
            return Payload::Borrowed(piece);
        }
        let mut control = std::mem::take(&mut self.control);
        control.extend_from_slice(piece);
        Payload::Owned(control)
    }

    /// Keeps a piece of the message under way, or starts one; the frame stays open if it has more
    /// to come.
    pub(super) fn hold_data(&mut self, frame: OpenFrame, piece: &[u8]) -> Result<(), Violation> {
        let message =
            self.message.get_or_insert_with(|| Assembly::new(frame.opcode == Opcode::Text));
        message.append(piece, frame.fin.then_some(frame.remaining))?;
        self.frame = (frame.remaining > 0).then_some(frame);
        Ok(())
    }
}

/// A data message under way.
#[derive(Debug)]
pub(super) struct Assembly {
    is_text: bool,
    /// Frames begun so far.
    pub(super) fragments: u32,
    bytes: Vec<u8>,
    /// How much of a text is known to be UTF-8; what follows is at most a cut-off character.
    valid_len: usize,
}

impl Assembly {
    fn new(is_text: bool) -> Self {
        Self { is_text, fragments: 1, bytes: Vec::new(), valid_len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes in a piece; `to_come` says how many bytes of the message follow it, once that is
    /// known.
    fn append(&mut self, piece: &[u8], to_come: Option<usize>) -> Result<(), Violation> {
        let room = self.bytes.capacity().saturating_sub(self.bytes.len());
        if room < piece.len() {
            // At least doubled, so that the copies stay linear, but not past the message's end.
            let doubled = piece.len().max(self.bytes.len());
            let needed = to_come.map_or(usize::MAX, |bytes| piece.len().saturating_add(bytes));
            self.bytes.reserve_exact(doubled.min(needed));
        }
        self.bytes.extend_from_slice(piece);
        if self.is_text { self.validate() } else { Ok(()) }
    }

    /// Fails at the first byte that no UTF-8 text could have there, wherever reads were cut.
    fn validate(&mut self) -> Result<(), Violation> {
        let unchecked = self.bytes.get(self.valid_len..).unwrap_or_default();
        match str::from_utf8(unchecked) {
            Ok(_) => self.valid_len = self.bytes.len(),
            Err(error) if error.error_len().is_none() => {
                self.valid_len = self.valid_len.saturating_add(error.valid_up_to());
            }
            Err(_) => return Err(Violation::InvalidUtf8),
        }
        Ok(())
    }

    /// The message of which `piece` is the end.
    pub(super) fn complete<'b>(mut self, piece: &[u8]) -> Result<Message<'b>, Violation> {
        self.append(piece, Some(0))?;
        if !self.is_text {
            return Ok(Message::Binary(Payload::Owned(self.bytes)));
        }
        if self.valid_len < self.bytes.len() {
            return Err(Violation::InvalidUtf8);
        }
        Ok(Message::Text(Payload::Owned(self.bytes)))
    }
}
