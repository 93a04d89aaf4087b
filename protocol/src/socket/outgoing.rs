//! A packet on its way to clients, before either encoding.
//!
//! - as text: [`encode::packet`](super::encode::packet)
//! - as msgpack: [`msgpack::encode`](super::msgpack::encode())

use bytes::Bytes;

/// The types of packets that go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The namespace is joined.
    Connect,
    /// The server puts the client out of the namespace.
    Disconnect,
    /// An event.
    Event,
    /// An answer.
    Ack,
    /// The namespace cannot be joined.
    ConnectError,
}

impl Kind {
    /// The number that stands for it, of a packet without attachments.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Connect => 0,
            Self::Disconnect => 1,
            Self::Event => 2,
            Self::Ack => 3,
            Self::ConnectError => 4,
        }
    }
}

/// A packet for clients of either encoding.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'p> {
    /// Its type.
    pub kind: Kind,
    /// In which namespace.
    pub namespace: &'p str,
    /// The id that is waited for, or answered.
    pub id: Option<u64>,
    /// Its data as JSON text: the argument array of an event or an answer, the object of a connect
    /// or a refusal.
    pub data: Option<&'p [u8]>,
    /// What the placeholders in it stand for, each once; of an event or an answer alone. Objects
    /// that would be placeholders of others, or of the same again, are left as they are.
    pub attachments: &'p [Bytes],
}

impl<'p> Outgoing<'p> {
    /// A packet of this type with this data, without attachments and without an id.
    pub const fn new(kind: Kind, namespace: &'p str, data: Option<&'p [u8]>) -> Self {
        Self { kind, namespace, id: None, data, attachments: &[] }
    }
}
