//! Packets whose binary parts follow in messages of their own.
//!
//! Owns what a connection keeps between such a packet's head and its last attachment. What comes
//! out is the head as it was, its arguments still JSON with placeholders in it, and the attachments
//! beside it: an application that passes an event on need not look inside.
//!
//! Source: Socket.IO v5 "Binary events"; reference `socket.io-parser`, the binary reconstructor.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;

use super::decode::{self, ATTACHMENTS_MAX, Packet, PacketError};
use crate::schema::Value;
use crate::schema::json::{Document, Entries, Items, JsonError, Limits, Shape};
use crate::websocket::message::Payload;

/// Most bytes of a packet's head and attachments together; beyond it the connection is closed.
/// Source: contract 1.9.
pub const ATTACHED_BYTES_MAX: usize = 4_000_000;

/// What a connection keeps of a packet that is not complete: 8 bytes when there is none.
#[derive(Debug, Default)]
pub struct Assembly(Option<Box<Partial>>);

#[derive(Debug)]
struct Partial {
    whole: Whole,
    owed: u8,
    bytes: usize,
}

/// A packet with its attachments.
#[derive(Default)]
pub struct Whole {
    text: Vec<u8>,
    attachments: Vec<Bytes>,
}

/// Why messages make no packet. The connection is then closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// The text is no packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The arguments are not JSON, or go beyond the bounds on it.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A placeholder names no attachment, or one that another has named.
    #[error("illegal attachments")]
    Placeholder,
    /// Text came while attachments are owed.
    #[error("text instead of an attachment")]
    TextWhileOwed,
    /// A binary message came while none is owed.
    #[error("binary message out of place")]
    BinaryUnowed,
    /// The packet is longer than [`ATTACHED_BYTES_MAX`].
    #[error("attachments too big")]
    TooBig,
}

impl Assembly {
    /// Nothing owed.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether attachments are owed.
    pub const fn is_owed(&self) -> bool {
        self.0.is_some()
    }

    /// Bytes that are held at the moment, for budgets.
    pub fn held_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |partial| partial.bytes)
    }

    /// Bytes that the next message may have at most; any number when no attachment is owed.
    pub fn room_bytes(&self) -> usize {
        self.0.as_ref().map_or(usize::MAX, |it| ATTACHED_BYTES_MAX.saturating_sub(it.bytes))
    }

    /// A text message came, Engine.IO's type digit removed. `None` if it is the head of a packet
    /// whose attachments are owed now.
    ///
    /// # Errors
    /// Anything that the connection is closed for.
    ///
    /// # Cost
    /// Nothing beside [`decode::decode_text`], except for binary heads: those are copied once and
    /// parsed once.
    pub fn handle_text<'b>(
        &mut self,
        text: &'b mut [u8],
    ) -> Result<Option<Packet<'b>>, AssemblyError> {
        if self.0.take().is_some() {
            return Err(AssemblyError::TextWhileOwed);
        }
        if !matches!(text.first(), Some(b'5' | b'6')) {
            return Ok(Some(decode::decode_text(text)?));
        }
        let head = text.to_vec();
        match decode::decode_text(text)? {
            Packet::BinaryEvent { attachments, arguments, .. }
            | Packet::BinaryAck { attachments, arguments, .. } => {
                // What is left of `text` is of no use any more: it may be scribbled on.
                check_placeholders(arguments, attachments)?;
                let bytes = head.len();
                let whole = Whole { text: head, attachments: Vec::new() };
                self.0 = Some(Box::new(Partial { whole, owed: attachments, bytes }));
                Ok(None)
            }
            packet @ (Packet::Connect { .. }
            | Packet::Disconnect { .. }
            | Packet::Event { .. }
            | Packet::Ack { .. }) => Ok(Some(packet)),
        }
    }

    /// A binary message came. `None` if more are owed.
    ///
    /// # Errors
    /// When none is owed, or they are too big together.
    ///
    /// # Cost
    /// A copy of the message if it was borrowed.
    pub fn handle_binary(&mut self, message: Payload<'_>) -> Result<Option<Whole>, AssemblyError> {
        let mut partial = self.0.take().ok_or(AssemblyError::BinaryUnowed)?;
        partial.bytes = partial.bytes.saturating_add(message.len());
        if partial.bytes > ATTACHED_BYTES_MAX {
            return Err(AssemblyError::TooBig);
        }
        partial.whole.attachments.push(Bytes::from(message.into_vec()));
        partial.owed = partial.owed.saturating_sub(1);
        if partial.owed == 0 {
            return Ok(Some(partial.whole));
        }
        self.0 = Some(partial);
        Ok(None)
    }
}

impl Whole {
    /// A packet in text that has no attachments.
    pub const fn of_text(text: Vec<u8>) -> Self {
        Self::new(text, Vec::new())
    }

    /// A packet in text, and its attachments.
    pub(super) const fn new(text: Vec<u8>, attachments: Vec<Bytes>) -> Self {
        Self { text, attachments }
    }

    /// The packet and its attachments. The arguments may be scribbled on, so this is asked once.
    ///
    /// # Errors
    /// Only when the text has been scribbled on since.
    pub fn parts(&mut self) -> Result<(Packet<'_>, &[Bytes]), PacketError> {
        Ok((decode::decode_text(&mut self.text)?, &self.attachments))
    }

    /// The text of the packet, to keep until its namespace is joined.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Bytes of text and attachments, for budgets.
    pub fn len(&self) -> usize {
        let attached = self.attachments.iter().map(Bytes::len);
        attached.fold(self.text.len(), usize::saturating_add)
    }

    /// What it takes to keep it, for budgets.
    pub fn held_bytes(&self) -> usize {
        let parts = self.attachments.len().saturating_mul(size_of::<Bytes>());
        self.len().saturating_add(parts).saturating_add(size_of::<Self>())
    }

    /// Whether it has no bytes at all, which no packet has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Whole {
    /// Says how much it holds, not what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole({} bytes, {} attachments)", self.text.len(), self.attachments.len())
    }
}

/// Whether this object stands for an attachment, and for which; `None` if it does not.
///
/// # Errors
/// When it claims to, and its number is none of `attachments`.
pub(super) fn placeholder(
    object: Entries<'_>,
    attachments: usize,
) -> Result<Option<usize>, AssemblyError> {
    let claims = object.clone().get("_placeholder").unwrap_or(Value::NULL).shape();
    if !matches!(claims, Shape::Boolean(true)) {
        return Ok(None);
    }
    let index = match object.get("num").unwrap_or(Value::NULL).shape() {
        Shape::Integer(index) => usize::try_from(index).ok(),
        // JavaScript writes and reads 1 and 1.0 alike.
        Shape::Float(index) => (0..attachments).find(|at| is_same(*at, index)),
        Shape::Null | Shape::Boolean(_) | Shape::Text(_) | Shape::Array(_) | Shape::Object(_) => {
            None
        }
    };
    match index {
        Some(index) if index < attachments => Ok(Some(index)),
        Some(_) | None => Err(AssemblyError::Placeholder),
    }
}

fn is_same(index: usize, number: f64) -> bool {
    let index = u32::try_from(index).map(f64::from);
    index.is_ok_and(|index| index.partial_cmp(&number) == Some(Ordering::Equal))
}

/// Refuses arguments with a placeholder that names no attachment, or one for the second time: no
/// encoder writes such, and where attachments stand inside the packet a megabyte named ten thousand
/// times would be written so often. Attachments that none names are allowed, as in the reference.
fn check_placeholders(arguments: &mut [u8], attachments: u8) -> Result<(), AssemblyError> {
    let mut is_named = [false; ATTACHMENTS_MAX as usize];
    let document = Document::parse(arguments, Limits::SOCKET)?;
    let mut open = vec![Children::of(document.root())];
    while let Some(children) = open.last_mut() {
        let Some(child) = children.next() else {
            open.pop();
            continue;
        };
        if let Shape::Object(entries) = child.shape()
            && let Some(index) = placeholder(entries, attachments.into())?
        {
            let named = is_named.get_mut(index).ok_or(AssemblyError::Placeholder)?;
            if std::mem::replace(named, true) {
                return Err(AssemblyError::Placeholder);
            }
            continue;
        }
        if child.is_object() || child.is_array() {
            open.push(Children::of(child));
        }
    }
    Ok(())
}

/// The values inside a container.
enum Children<'t> {
    Items(Items<'t>),
    Entries(Entries<'t>),
}

impl<'t> Children<'t> {
    fn of(value: Value<'t>) -> Self {
        if value.is_object() { Self::Entries(value.entries()) } else { Self::Items(value.items()) }
    }
}

impl<'t> Iterator for Children<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        match self {
            Self::Items(items) => items.next(),
            Self::Entries(entries) => entries.next().map(|(_, value)| value),
        }
    }
}

#[cfg(test)]
mod tests;
