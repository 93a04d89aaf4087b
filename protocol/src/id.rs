//! Identifiers. Each kind is a type of its own, so that one can never be passed for another.
//!
//! Stored things carry 12-byte ids in MongoDB's ObjectId layout, 24 hex digits on the wire.
//! Connections carry two 15-byte ids, 20 characters of url-safe base64 on the wire:
//! the secret [`EngineSid`] and the public [`SocketId`].

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A malformed identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed id")]
pub struct IdError;

/// 12 bytes in the layout of a BSON ObjectId: 4 of seconds, 5 of process, 3 of counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The id made of its three parts; `counter` keeps its low 24 bits.
    pub fn from_parts(seconds: u32, process: [u8; 5], counter: u32) -> Self {
        let [_, counter @ ..] = counter.to_be_bytes();
        Self(joined(&[&seconds.to_be_bytes(), &process, &counter]))
    }

    /// The 12 bytes.
    pub const fn bytes(self) -> [u8; 12] {
        self.0
    }

    /// 24 lower-case hex digits, without allocating.
    pub fn hex(self) -> [u8; 24] {
        let mut out = [0; 24];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        out
    }
}

impl FromStr for ObjectId {
    type Err = IdError;

    /// Reads exactly 24 hex digits of either case.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits: &[u8; 24] = text.as_bytes().try_into().map_err(|_| IdError)?;
        let mut bytes = [0; 12];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let &[high, low] = pair else { return Err(IdError) };
            *byte = (hex_value(high)? << 4) | hex_value(low)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ObjectId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ObjectId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{24}$" })
    }
}

macro_rules! stored_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub ObjectId);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

stored_id! {
    /// A person: customer, agent or admin.
    UserId;
    /// A conversation.
    ConversationId;
    /// A message.
    MessageId;
    /// A sign-in, from login to logout, through all its refreshes: the `sid` claim.
    SessionId;
    /// One reader's mark on one message.
    ReadMarkId;
}

/// The Engine.IO session id: a bearer secret that names the shard that owns the session.
///
/// 2 bytes node, 1 byte shard, 12 bytes that nobody can guess; 20 characters on the wire, the length that Node
/// servers use and that the sharded Redis adapter takes for a socket id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EngineSid([u8; 15]);

impl EngineSid {
    /// The sid of a session that `shard` of `node` owns.
    pub fn new(node: u16, shard: u8, secret: [u8; 12]) -> Self {
        Self(joined(&[&node.to_be_bytes(), &[shard], &secret]))
    }

    /// The node that owns the session.
    pub const fn node(self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// The shard, within its node, that owns the session.
    pub const fn shard(self) -> u8 {
        self.0[2]
    }

    /// What its shard knows the session by.
    pub const fn secret(self) -> [u8; 12] {
        let [_, _, _, secret @ ..] = self.0;
        secret
    }
}

/// The public Socket.IO id: names a live socket, opens nothing.
///
/// The same layout as an [`EngineSid`], with the slab slot and a nonce in place of randomness,
/// so that "all but this socket" costs no search.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId([u8; 15]);

impl SocketId {
    /// The id of no socket: no node has that number.
    pub const NOBODY: Self = Self([u8::MAX; 15]);

    /// The id of the socket in `slot` of `shard` of `node`; `nonce` tells other sockets of
    /// the slot apart: of later connections, and of other namespaces.
    pub fn new(node: u16, shard: u8, slot: u32, nonce: u64) -> Self {
        Self(joined(&[&node.to_be_bytes(), &[shard], &slot.to_be_bytes(), &nonce.to_be_bytes()]))
    }

    /// The node that holds the socket.
    pub const fn node(self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// The shard, within its node, that holds the socket.
    pub const fn shard(self) -> u8 {
        self.0[2]
    }

    /// The slab slot, within its shard, that holds the socket.
    pub const fn slot(self) -> u32 {
        u32::from_be_bytes([self.0[3], self.0[4], self.0[5], self.0[6]])
    }
}

macro_rules! connection_id {
    ($($name:ident)*) => {$(
        impl FromStr for $name {
            type Err = IdError;

            /// Reads exactly 20 characters of url-safe base64.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; 15];
                if text.len() != 20 {
                    return Err(IdError);
                }
                match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
                    Ok(15) => Ok(Self(bytes)),
                    Ok(_) | Err(_) => Err(IdError),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut out = [0; 20];
                let written = URL_SAFE_NO_PAD.encode_slice(self.0, &mut out).unwrap_or_default();
                f.pad(out.get(..written).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or(""))
            }
        }
    )*};
}

connection_id! { EngineSid SocketId }

impl fmt::Debug for EngineSid {
    /// Never shows the secret part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EngineSid(node {}, shard {}, …)", self.node(), self.shard())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketId({self})")
    }
}

/// The bytes of `parts` in a row; zeros behind them where `N` is more.
fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    for (slot, byte) in out.iter_mut().zip(parts.iter().copied().flatten()) {
        *slot = *byte;
    }
    out
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' | nibble } else { nibble.wrapping_add(b'a' - 10) }
}

const fn hex_value(digit: u8) -> Result<u8, IdError> {
    match digit {
        b'0'..=b'9' => Ok(digit & 15),
        b'a'..=b'f' | b'A'..=b'F' => Ok((digit & 7).wrapping_add(9)),
        _ => Err(IdError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_id_round_trips_and_refuses_other_lengths_and_digits() {
        let id: ObjectId = "507f1f77bcf86cd799439011".parse().unwrap();
        assert_eq!(id.to_string(), "507f1f77bcf86cd799439011");
        assert_eq!("507F1F77BCF86CD799439011".parse(), Ok(id));
        for bad in
            ["", "507f1f77bcf86cd79943901", "507f1f77bcf86cd7994390111", "507f1f77bcf86cd79943901g"]
        {
            assert_eq!(bad.parse::<ObjectId>(), Err(IdError), "{bad:?}");
        }
    }

    #[test]
    fn object_id_parts_stand_in_bson_order() {
        let id = ObjectId::from_parts(0x0102_0304, [5, 6, 7, 8, 9], 0xff0a_0b0c);
        assert_eq!(id.bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn connection_ids_are_twenty_characters_and_name_their_owner() {
        let sid = EngineSid::new(0x1234, 7, [9; 12]);
        assert_eq!(sid.to_string().len(), 20);
        assert_eq!(sid.to_string().parse(), Ok(sid));
        assert_eq!((sid.node(), sid.shard()), (0x1234, 7));
        let socket = SocketId::new(3, 1, 70_000, u64::MAX);
        assert_eq!(socket.to_string().parse(), Ok(socket));
        assert_eq!((socket.node(), socket.shard(), socket.slot()), (3, 1, 70_000));
        assert_eq!("short".parse::<SocketId>(), Err(IdError));
    }

    #[test]
    fn debug_hides_the_secret() {
        let sid = EngineSid::new(1, 2, [0xff; 12]);
        assert!(!format!("{sid:?}").contains(&sid.to_string()[4..]));
    }
}
