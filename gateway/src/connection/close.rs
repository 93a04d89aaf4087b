//! Why a connection ends: one table of what goes on the wire, what metrics call it, and whether a
//! stock client comes back by itself.

use protocol::websocket::close::CloseCode;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CloseReason {
    /// The peer closed, or the network did.
    TransportClose,
    /// The peer said goodbye (`1`, or a WebSocket close, whose code goes back).
    ClientClose(Option<CloseCode>),
    /// Bytes that are no WebSocket frame; carries the close code.
    Frame(CloseCode),
    /// A message that is no packet, or a packet that may not come now.
    Protocol,
    /// No answer to a heartbeat.
    PingTimeout,
    /// No namespace joined in time.
    ConnectTimeout,
    /// Too slow to take what was sent to it.
    SlowConsumer,
    /// Too much waits to be done for anybody.
    Overloaded,
    /// It goes on sending far more than it may.
    Flood,
    /// Its client is back on another connection, and this one was thought to live.
    TakenOver,
    /// The server put the client out.
    Kicked,
    /// The server stops.
    ShuttingDown,
}

impl CloseReason {
    /// The WebSocket close code, if one is sent.
    /// Source: RFC 6455 §7.4.1 and the registry of close codes.
    pub(crate) const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::TransportClose => None,
            Self::ClientClose(code) => code,
            Self::Frame(code) => Some(code),
            Self::Protocol => Some(CloseCode::PROTOCOL_ERROR),
            Self::PingTimeout | Self::ConnectTimeout | Self::TakenOver => {
                Some(CloseCode::GOING_AWAY)
            }
            Self::Flood => Some(CloseCode::POLICY_VIOLATION),
            Self::SlowConsumer | Self::Overloaded => Some(CloseCode::TRY_AGAIN_LATER),
            Self::Kicked => Some(CloseCode::NORMAL),
            Self::ShuttingDown => Some(CloseCode::SERVICE_RESTART),
        }
    }

    /// The label in logs and metrics; a stock client reconnects after all of them but `kicked`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::TransportClose => "transport_close",
            Self::ClientClose(_) => "client_close",
            Self::Frame(_) => "frame",
            Self::Protocol => "protocol",
            Self::PingTimeout => "ping_timeout",
            Self::ConnectTimeout => "connect_timeout",
            Self::SlowConsumer => "slow_consumer",
            Self::Overloaded => "overloaded",
            Self::Flood => "flood",
            Self::TakenOver => "taken_over",
            Self::Kicked => "kicked",
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// What the close frame says to a human; nothing when it only answers the peer's.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::TransportClose | Self::ClientClose(_) => "",
            Self::Frame(_) => "illegal frame",
            Self::Protocol => "illegal packet",
            Self::PingTimeout => "ping timeout",
            Self::ConnectTimeout => "no namespace joined in time",
            Self::SlowConsumer => "too slow",
            Self::Overloaded => "overloaded, come back later",
            Self::Flood => "too many events",
            Self::TakenOver => "you are back on another connection",
            Self::Kicked => "disconnected by the server",
            Self::ShuttingDown => "server shutting down",
        }
    }

    /// Whether the client can come back as who it was: not when it or we ended the session, and not
    /// when it broke the rules. Source: Socket.IO "Connection state recovery".
    pub(crate) const fn is_recoverable(self) -> bool {
        match self {
            Self::TransportClose
            | Self::ClientClose(_)
            | Self::PingTimeout
            | Self::SlowConsumer
            | Self::Overloaded
            | Self::TakenOver
            | Self::ShuttingDown => true,
            Self::Frame(_) | Self::Protocol | Self::ConnectTimeout | Self::Flood | Self::Kicked => {
                false
            }
        }
    }
}
