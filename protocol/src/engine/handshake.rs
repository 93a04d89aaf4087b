//! The opening exchange: what the query asks for, and the first packet of the answer.
//!
//! Source: Engine.IO v4 "Handshake"; the order of checks is the reference server's
//! (`engine.io/lib/server.ts`, `verify`), except that a refused revision is refused before the
//! upgrade completes.

use std::fmt::Write as _;

use super::{Revision, Transport};
use crate::id::EngineSid;

/// What a request to the Engine.IO path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// The revision that the client speaks.
    pub revision: Revision,
    /// How it wants to travel.
    pub transport: Transport,
    /// The session that it names; `None` opens one.
    pub sid: Option<EngineSid>,
    /// Whether the client, of revision 3, cannot take binary (`b64=1`): it is sent base64.
    pub base64: bool,
}

/// Why a request to the Engine.IO path is refused. Source: Engine.IO v4 "Error codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// 0: `transport` is missing or names none of ours.
    #[error("Transport unknown")]
    TransportUnknown,
    /// 1: no such session here.
    #[error("Session ID unknown")]
    SessionUnknown,
    /// 2: a session is opened by GET.
    #[error("Bad handshake method")]
    BadMethod,
    /// 3: the request does not fit the session, or the transport.
    #[error("Bad request")]
    BadRequest,
    /// 4: the origin, or the caller, is not welcome.
    #[error("Forbidden")]
    Forbidden,
    /// 5: this revision is not served.
    #[error("Unsupported protocol version")]
    UnsupportedRevision,
}

impl HandshakeError {
    /// The code in the answer.
    pub const fn code(self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedRevision => 5,
        }
    }

    /// The HTTP status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::TransportUnknown
            | Self::SessionUnknown
            | Self::BadMethod
            | Self::BadRequest
            | Self::UnsupportedRevision => 400,
        }
    }

    /// The JSON body of the answer.
    pub fn body(self) -> String {
        format!(r#"{{"code":{},"message":"{self}"}}"#, self.code())
    }
}

impl Handshake {
    /// Reads the query of a request to the Engine.IO path. Parameters it does not know are left to
    /// the application; of a repeated one the last counts; an empty `sid` is none.
    ///
    /// # Errors
    /// [`HandshakeError::TransportUnknown`] or, for a `sid` that no server of ours has issued,
    /// [`HandshakeError::SessionUnknown`]. Whether the revision is served is the caller's to say,
    /// after its other checks.
    pub fn from_query(query: &str) -> Result<Self, HandshakeError> {
        let (mut revision, mut transport, mut sid) = (Revision::V3, None, None);
        let mut base64 = false;
        for pair in query.split('&') {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("EIO", "4") => revision = Revision::V4,
                ("EIO", _) => revision = Revision::V3,
                ("transport", "polling") => transport = Some(Transport::Polling),
                ("transport", "websocket") => transport = Some(Transport::WebSocket),
                ("transport", _) => transport = None,
                // COMPAT: so does the reference, to which an empty text is false.
                ("sid", text) => sid = (!text.is_empty()).then_some(text),
                ("b64", text) => base64 = !text.is_empty(),
                _ => {}
            }
        }
        let transport = transport.ok_or(HandshakeError::TransportUnknown)?;
        let sid =
            sid.map(|text| text.parse().map_err(|_| HandshakeError::SessionUnknown)).transpose()?;
        Ok(Self { revision, transport, sid, base64: base64 && revision == Revision::V3 })
    }
}

/// The server's first packet: exactly these five keys, in both revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPacket {
    /// The session's secret.
    pub sid: EngineSid,
    /// Whether the client may move on to a WebSocket.
    pub upgradable: bool,
    /// Milliseconds between heartbeats.
    pub ping_interval_ms: u32,
    /// Milliseconds that an answer to a heartbeat may take.
    pub ping_timeout_ms: u32,
    /// The most bytes that one message may have.
    pub payload_bytes_max: u32,
}

impl OpenPacket {
    /// The packet, type digit included.
    pub fn encode(&self) -> String {
        let upgrades = if self.upgradable { r#"["websocket"]"# } else { "[]" };
        let mut out = String::with_capacity(128);
        // INVARIANT: writing to a String cannot fail.
        let _ = write!(
            out,
            r#"0{{"sid":"{}","upgrades":{upgrades},"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            self.sid, self.ping_interval_ms, self.ping_timeout_ms, self.payload_bytes_max
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_revision_transport_and_session() {
        let sid = EngineSid::new(1, 0, [7; 12]);
        let query = format!("EIO=4&transport=websocket&t=abc&sid={sid}&x");
        let expected = Handshake {
            revision: Revision::V4,
            transport: Transport::WebSocket,
            sid: Some(sid),
            base64: false,
        };
        assert_eq!(Handshake::from_query(&query), Ok(expected));
        let plain = Handshake::from_query("transport=polling").unwrap();
        assert_eq!((plain.revision, plain.transport), (Revision::V3, Transport::Polling));
        assert_eq!(
            Handshake::from_query("EIO=04&transport=polling").unwrap().revision,
            Revision::V3
        );
    }

    #[test]
    fn base64_is_asked_for_in_revision_3_only() {
        let base64 = |query| Handshake::from_query(query).unwrap().base64;
        assert!(base64("EIO=3&transport=polling&b64=1"));
        assert!(base64("transport=polling&b64=true"));
        assert!(!base64("EIO=3&transport=polling&b64="));
        assert!(!base64("EIO=3&transport=polling"));
        assert!(!base64("EIO=4&transport=polling&b64=1"));
    }

    #[test]
    fn a_query_that_fits_nothing_is_refused_with_its_code() {
        for query in
            ["", "EIO=4", "EIO=4&transport=__proto__", "transport=webtransport", "transport="]
        {
            assert_eq!(
                Handshake::from_query(query),
                Err(HandshakeError::TransportUnknown),
                "{query}"
            );
        }
        for sid in ["x", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA!", "AAAAAAAAAAAAAAAAAAAAA"] {
            let query = format!("EIO=4&transport=websocket&sid={sid}");
            assert_eq!(Handshake::from_query(&query), Err(HandshakeError::SessionUnknown), "{sid}");
        }
        let opening = Handshake::from_query("EIO=4&transport=websocket&sid=").unwrap();
        assert_eq!(opening.sid, None);
        assert_eq!(HandshakeError::Forbidden.status(), 403);
        assert_eq!(
            HandshakeError::UnsupportedRevision.body(),
            r#"{"code":5,"message":"Unsupported protocol version"}"#
        );
    }

    #[test]
    fn the_open_packet_has_exactly_the_five_keys() {
        let open = OpenPacket {
            sid: EngineSid::new(0, 0, [0; 12]),
            upgradable: false,
            ping_interval_ms: 25_000,
            ping_timeout_ms: 20_000,
            payload_bytes_max: 1_000_000,
        };
        assert_eq!(
            open.encode(),
            r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
        );
        assert!(
            OpenPacket { upgradable: true, ..open }
                .encode()
                .contains(r#""upgrades":["websocket"]"#)
        );
    }
}
