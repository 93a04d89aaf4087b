//! From frames to messages: the rules of RFC 6455 §5 and their limits.
//!
//! Owns the state of one connection's incoming direction. The read buffer belongs to the caller
//! and may serve many connections: nothing is ever left in it.

use super::frame::{self, Header, Opcode, Role};
use super::mask;
use super::message::{Message, Payload};
use super::reassembly::{OpenFrame, Partial};
use super::violation::Violation;

/// What a peer may ask of us. Checked on headers, before the payload arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest data frame in bytes; a longer one is [`Violation::FrameTooBig`].
    pub frame_bytes_max: usize,
    /// Longest message in bytes, all its fragments together; a longer one is
    /// [`Violation::MessageTooBig`].
    pub message_bytes_max: usize,
    /// Most frames that may make up one message; one more is [`Violation::TooManyFragments`]. It
    /// is what ends a stream of empty fragments.
    pub fragments_max: u32,
}

impl Default for Limits {
    /// 1,000,000 bytes, as Engine.IO's `maxHttpBufferSize`, in at most 16,384 fragments.
    fn default() -> Self {
        Self::of_messages(1_000_000)
    }
}

impl Limits {
    /// Messages of up to this many bytes, in frames of any size: one for every 64 bytes, and
    /// 16,384 in any case.
    pub const fn of_messages(bytes_max: u32) -> Self {
        let fragments = bytes_max / FRAGMENT_BYTES;
        Self {
            frame_bytes_max: bytes_max as usize,
            message_bytes_max: bytes_max as usize,
            fragments_max: if fragments > FRAGMENTS_MIN { fragments } else { FRAGMENTS_MIN },
        }
    }

    /// The same, but for messages of at most this many bytes.
    #[must_use]
    pub fn within(self, bytes: usize) -> Self {
        Self { message_bytes_max: self.message_bytes_max.min(bytes), ..self }
    }

    const fn allow(&self, frame_len: usize) -> bool {
        frame_len <= self.frame_bytes_max && frame_len <= self.message_bytes_max
    }
}

/// A long message may be cut into pieces as small as this.
const FRAGMENT_BYTES: u32 = 64;

/// A short message may be cut into as many pieces as it likes, up to this many.
const FRAGMENTS_MIN: u32 = 16_384;

/// What [`Decoder::decode`] made of its input.
#[derive(Debug)]
pub enum Step<'b> {
    /// All input was taken in and makes no message yet.
    Incomplete,
    /// A message; what follows it in the input has not been looked at.
    Message(Message<'b>),
}

/// The incoming direction of one connection. 16 bytes between messages.
#[derive(Debug)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
    phase: Phase,
    role: Role,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Open,
    /// The peer's close frame has been handed out.
    Closed,
    Failed(Violation),
}

impl Decoder {
    /// A decoder for the first byte after the opening handshake. `role` is our own.
    pub const fn new(role: Role) -> Self {
        Self { partial: None, phase: Phase::Open, role }
    }

    /// Whether a frame or message has begun and not ended.
    pub const fn is_mid_message(&self) -> bool {
        self.partial.is_some()
    }

    /// Bytes of buffers that an unfinished message or control payload holds at the moment, for
    /// budgets; 0 between messages.
    pub fn reserved_bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.reserved_bytes())
    }

    /// Takes what it can from the front of `input`, and says how many bytes that was and what they
    /// made. Call it again with the bytes that follow until it says [`Step::Incomplete`]; then all
    /// input has been taken, and the buffer is free for other connections.
    ///
    /// After a close frame, all further bytes are discarded.
    ///
    /// # Errors
    /// The peer broke a rule or a limit. There is no going on from there: the decoder has freed
    /// its buffers and repeats the same error for ever.
    ///
    /// # Cost
    /// A message whose only frame lies whole in `input` costs no allocation and no copy: it is
    /// unmasked where it lies. Otherwise its bytes are copied once as they arrive, into a buffer
    /// of at most twice their size that leaves with the message.
    pub fn decode<'b>(
        &mut self,
        input: &'b mut [u8],
        limits: &Limits,
    ) -> Result<(usize, Step<'b>), Violation> {
        match self.phase {
            Phase::Open => {}
            Phase::Closed => return Ok((input.len(), Step::Incomplete)),
            Phase::Failed(violation) => return Err(violation),
        }
        if let Some(lone) = self.lone_frame(input, limits) {
            return self.take_lone(&lone, input);
        }
        let taken = self.take_frames(input, limits);
        match &taken {
            Ok((_, Step::Message(Message::Close(_)))) => {
                self.phase = Phase::Closed;
                self.partial = None;
            }
            Ok(_) => {}
            Err(violation) => self.fail(*violation),
        }
        taken
    }

    fn fail(&mut self, violation: Violation) {
        self.phase = Phase::Failed(violation);
        self.partial = None;
    }

    /// The frame at the front of `input`, if it is a data message by itself, has arrived whole and
    /// keeps to the limits while nothing else is under way; otherwise
    /// [`take_frames`](Self::take_frames) finds out what is there.
    ///
    /// PERF: almost every message comes like this. Building the result in one place spares it the
    /// moves between the steps of the general way: 16 ns a message instead of 50,
    /// `decode/text_16_b` in `benches/benches/websocket.rs`.
    #[inline]
    fn lone_frame(&self, input: &[u8], limits: &Limits) -> Option<LoneFrame> {
        if self.partial.is_some() {
            return None;
        }
        let (header, header_len) = frame::parse(input, self.role).ok()??;
        let is_data = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        let payload_len = usize::try_from(header.payload_len).ok()?;
        let frame_len = header_len.checked_add(payload_len)?;
        (is_data && header.fin && limits.allow(payload_len) && frame_len <= input.len()).then_some(
            LoneFrame {
                is_text: header.opcode == Opcode::Text,
                key: header.key,
                header_len,
                frame_len,
            },
        )
    }

    #[inline]
    fn take_lone<'b>(
        &mut self,
        lone: &LoneFrame,
        input: &'b mut [u8],
    ) -> Result<(usize, Step<'b>), Violation> {
        let (frame, _) = input.split_at_mut(lone.frame_len);
        let (_, payload) = frame.split_at_mut(lone.header_len);
        if let Some(key) = lone.key {
            let _ = mask::apply(payload, key);
        }
        if !lone.is_text {
            return Ok((
                lone.frame_len,
                Step::Message(Message::Binary(Payload::Borrowed(payload))),
            ));
        }
        if str::from_utf8(payload).is_err() {
            self.fail(Violation::InvalidUtf8);
            return Err(Violation::InvalidUtf8);
        }
        Ok((lone.frame_len, Step::Message(Message::Text(Payload::Borrowed(payload)))))
    }

    fn take_frames<'b>(
        &mut self,
        input: &'b mut [u8],
        limits: &Limits,
    ) -> Result<(usize, Step<'b>), Violation> {
        let input_len = input.len();
        let mut rest = input;
        while let Some((frame, header_len)) = self.next_frame(rest, limits)? {
            let (_, payload) = rest.split_at_mut(header_len);
            let piece_len = frame.remaining.min(payload.len());
            let (piece, after) = payload.split_at_mut(piece_len);
            rest = after;
            if let Some(message) = self.take_payload(frame, piece)? {
                if self.partial.as_ref().is_some_and(|partial| partial.is_empty()) {
                    self.partial = None;
                }
                return Ok((input_len.saturating_sub(rest.len()), Step::Message(message)));
            }
        }
        Ok((input_len, Step::Incomplete))
    }

    /// The frame to which the front of `input` belongs, and how many header bytes stand before its
    /// payload; `None` if `input` has no byte that is not taken in by now.
    fn next_frame(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<(OpenFrame, usize)>, Violation> {
        if input.is_empty() {
            return Ok(None);
        }
        if let Some(frame) = self.partial.as_mut().and_then(|partial| partial.frame.take()) {
            return Ok(Some((frame, 0)));
        }
        match self.next_header(input)? {
            Some((header, header_len)) => Ok(Some((self.admit(header, limits)?, header_len))),
            None => Ok(None),
        }
    }

    /// The header at the front of `input`, perhaps begun in an earlier read, and how many bytes of
    /// `input` it takes.
    fn next_header(&mut self, input: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
        let role = self.role;
        if let Some(partial) = self.partial.as_mut().filter(|partial| !partial.head.is_empty()) {
            for (count, byte) in (1..).zip(input) {
                partial.head.push(*byte);
                if let Some((header, _)) = frame::parse(&partial.head, role)? {
                    partial.head.clear();
                    return Ok(Some((header, count)));
                }
            }
            return Ok(None);
        }
        let header = frame::parse(input, role)?;
        if header.is_none() {
            self.partial_mut().head.extend_from_slice(input);
        }
        Ok(header)
    }

    /// The rules and limits that need more than the header itself.
    fn admit(&mut self, header: Header, limits: &Limits) -> Result<OpenFrame, Violation> {
        let Header { fin, opcode, key, payload_len } = header;
        let remaining = usize::try_from(payload_len).map_err(|_| Violation::FrameTooBig)?;
        let frame = OpenFrame { opcode, fin, key, remaining };
        if opcode.is_control() {
            return Ok(frame);
        }
        let message = self.partial.as_mut().and_then(|partial| partial.message.as_mut());
        let assembled_len = match (opcode == Opcode::Continuation, message) {
            (true, None) => return Err(Violation::ContinuationUnexpected),
            (false, Some(_)) => return Err(Violation::ContinuationExpected),
            (false, None) => 0,
            (true, Some(message)) => {
                message.fragments = message.fragments.saturating_add(1);
                if message.fragments > limits.fragments_max {
                    return Err(Violation::TooManyFragments);
                }
                message.len()
            }
        };
        if remaining > limits.frame_bytes_max {
            return Err(Violation::FrameTooBig);
        }
        if remaining.saturating_add(assembled_len) > limits.message_bytes_max {
            return Err(Violation::MessageTooBig);
        }
        Ok(frame)
    }

    /// Takes the next piece of a frame's payload; a message if it was the last piece of one.
    fn take_payload<'b>(
        &mut self,
        mut frame: OpenFrame,
        piece: &'b mut [u8],
    ) -> Result<Option<Message<'b>>, Violation> {
        frame.unmask(piece);
        if frame.opcode.is_control() {
            if frame.remaining > 0 {
                self.partial_mut().hold_control(frame, piece);
                return Ok(None);
            }
            let payload = match &mut self.partial {
                Some(partial) => partial.complete_control(piece),
                None => Payload::Borrowed(piece),
            };
            return whole(frame.opcode, payload).map(Some);
        }
        if frame.remaining > 0 || !frame.fin {
            self.partial_mut().hold_data(frame, piece)?;
            return Ok(None);
        }
        match self.partial.as_mut().and_then(|partial| partial.message.take()) {
            Some(message) => message.complete(piece).map(Some),
            None => whole(frame.opcode, Payload::Borrowed(piece)).map(Some),
        }
    }

    fn partial_mut(&mut self) -> &mut Partial {
        self.partial.get_or_insert_default()
    }
}

/// A data message that is one frame, all of which has arrived.
struct LoneFrame {
    is_text: bool,
    key: Option<mask::Key>,
    header_len: usize,
    frame_len: usize,
}

/// The message that is one frame.
fn whole(opcode: Opcode, payload: Payload<'_>) -> Result<Message<'_>, Violation> {
    match opcode {
        Opcode::Text => match str::from_utf8(&payload) {
            Ok(_) => Ok(Message::Text(payload)),
            Err(_) => Err(Violation::InvalidUtf8),
        },
        Opcode::Binary => Ok(Message::Binary(payload)),
        Opcode::Ping => Ok(Message::Ping(payload)),
        Opcode::Pong => Ok(Message::Pong(payload)),
        Opcode::Close => Message::close(payload),
        // `admit` lets a continuation pass only inside a message.
        Opcode::Continuation => Err(Violation::ContinuationUnexpected),
    }
}
