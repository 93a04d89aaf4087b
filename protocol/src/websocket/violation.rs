//! What a peer can do wrong on the framing layer, and the close code it is told.

use super::close::CloseCode;

/// A breach of RFC 6455 or of a [limit](super::decoder::Limits). The connection cannot go on: send
/// a close frame with [`close_code`](Self::close_code) and shut the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Violation {
    /// A client sent a frame without a mask. Source: RFC 6455 §5.1.
    #[error("client frame is not masked")]
    Unmasked,
    /// A server sent a frame with a mask. Source: RFC 6455 §5.1.
    #[error("server frame is masked")]
    Masked,
    /// A reserved bit is set although no extension was negotiated. Source: RFC 6455 §5.2.
    #[error("reserved bit is set")]
    ReservedBit,
    /// Opcodes 3–7 and 11–15. Source: RFC 6455 §5.2.
    #[error("opcode is reserved")]
    ReservedOpcode,
    /// A length in a longer form than it needs. Source: RFC 6455 §5.2.
    #[error("payload length is not in its shortest form")]
    LengthNotMinimal,
    /// A 64-bit length with its highest bit set. Source: RFC 6455 §5.2.
    #[error("payload length has its highest bit set")]
    LengthHighBit,
    /// A control frame of more than 125 bytes. Source: RFC 6455 §5.5.
    #[error("control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A control frame without FIN. Source: RFC 6455 §5.5.
    #[error("control frame is fragmented")]
    ControlFragmented,
    /// A text or binary frame before the message under way was finished. Source: RFC 6455 §5.4.
    #[error("new message inside a fragmented message")]
    ContinuationExpected,
    /// A continuation frame with no message under way. Source: RFC 6455 §5.4.
    #[error("continuation without a message to continue")]
    ContinuationUnexpected,
    /// A close payload of one byte. Source: RFC 6455 §5.5.1.
    #[error("close payload is cut short")]
    ClosePayloadCut,
    /// A close code that no endpoint may send. Source: RFC 6455 §7.4.
    #[error("close code is not allowed on the wire")]
    CloseCodeNotAllowed,
    /// Text, or the reason of a close, is not UTF-8. Source: RFC 6455 §8.1.
    #[error("text is not valid UTF-8")]
    InvalidUtf8,
    /// A frame's header declares more than
    /// [`frame_bytes_max`](super::decoder::Limits::frame_bytes_max).
    #[error("frame is too big")]
    FrameTooBig,
    /// A message would grow past
    /// [`message_bytes_max`](super::decoder::Limits::message_bytes_max).
    #[error("message is too big")]
    MessageTooBig,
    /// A message has more frames than [`fragments_max`](super::decoder::Limits::fragments_max).
    #[error("message has too many fragments")]
    TooManyFragments,
}

impl Violation {
    /// The code that tells the peer what it did: 1002, 1007, 1008 or 1009.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Unmasked
            | Self::Masked
            | Self::ReservedBit
            | Self::ReservedOpcode
            | Self::LengthNotMinimal
            | Self::LengthHighBit
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::ContinuationExpected
            | Self::ContinuationUnexpected
            | Self::ClosePayloadCut
            | Self::CloseCodeNotAllowed => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::TooManyFragments => CloseCode::POLICY_VIOLATION,
            Self::FrameTooBig | Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
        }
    }
}
