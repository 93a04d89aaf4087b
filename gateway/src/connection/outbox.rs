//! What one connection has still to write: whole frames, shared with whoever else gets them.
//!
//! Bounded in bytes. Over [`Bounds::soft`] an ephemeral frame is dropped; over [`Bounds::hard`]
//! nothing more is taken and the connection is closed in a way its client recovers from.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;

/// What a queued frame is charged beside its bytes: its place in the queue and its share of the
/// allocator. Without it, a peer that only pings would be kept thirty times its due.
pub(crate) const FRAME_OVERHEAD_BYTES: u32 = 64;

/// Frames handed to one `writev`.
const SLICES_PER_WRITE: usize = 64;

/// How much an outbox may hold, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Ephemeral frames are dropped beyond this.
    pub(crate) soft: u32,
    /// The connection is closed beyond this.
    pub(crate) hard: u32,
}

/// What a frame may suffer under pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Typing, presence: may be dropped.
    Ephemeral,
    /// Messages, answers: must arrive, or the connection ends.
    Durable,
}

/// Whether a frame was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// It waits to be written.
    Queued,
    /// Ephemeral, and dropped.
    Dropped,
    /// The outbox is full: close.
    Overflow,
}

/// Where a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// All is written.
    Done,
    /// The socket takes no more; it will say when it does.
    Blocked,
    /// The peer is gone.
    Broken,
}

/// The queue. Empty, it owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: Frames,
    /// Sum of the queued frames, less what of the first is written.
    bytes: u32,
    /// How much of the first frame is written.
    written: u32,
}

/// One frame, by far the most frequent case, needs no allocation.
#[derive(Debug, Default)]
enum Frames {
    #[default]
    None,
    One(Bytes),
    Many(VecDeque<Bytes>),
}

impl Frames {
    fn push(&mut self, frame: Bytes) {
        match self {
            Self::None => *self = Self::One(frame),
            Self::Many(queue) => queue.push_back(frame),
            Self::One(first) => {
                let first = std::mem::take(first);
                *self = Self::Many(VecDeque::from([first, frame]));
            }
        }
    }

    fn into_queue(self) -> VecDeque<Bytes> {
        match self {
            Self::None => VecDeque::new(),
            Self::One(frame) => VecDeque::from([frame]),
            Self::Many(queue) => queue,
        }
    }
}

impl Outbox {
    /// What the outbox is charged for what waits.
    pub(crate) fn charge(&self) -> u32 {
        let frames = match &self.frames {
            Frames::None => 0,
            Frames::One(_) => 1,
            Frames::Many(queue) => u32::try_from(queue.len()).unwrap_or(u32::MAX),
        };
        self.bytes.saturating_add(frames.saturating_mul(FRAME_OVERHEAD_BYTES))
    }

    /// Whether nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends a frame; never an empty one.
    pub(crate) fn push(&mut self, frame: Bytes, class: Class, bounds: Bounds) -> Push {
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let charge = self.charge().saturating_add(len).saturating_add(FRAME_OVERHEAD_BYTES);
        match class {
            Class::Ephemeral if charge > bounds.soft => return Push::Dropped,
            Class::Ephemeral | Class::Durable if charge > bounds.hard => return Push::Overflow,
            Class::Ephemeral | Class::Durable => {}
        }
        self.bytes = self.bytes.saturating_add(len);
        self.frames.push(frame);
        Push::Queued
    }

    /// Puts what another outbox has not written before all of this one, of which nothing is written.
    /// Neither's bounds are asked: what was taken is written.
    pub(crate) fn put_before(&mut self, earlier: Self) {
        debug_assert_eq!(self.written, 0, "a frame is half written");
        let later = std::mem::replace(self, earlier);
        self.bytes = self.bytes.saturating_add(later.bytes);
        for frame in later.frames.into_queue() {
            self.frames.push(frame);
        }
    }

    /// Takes at most `count` whole frames out, until they have about this many bytes together; at least
    /// one, if there is one. For transports that do not write to a socket: nothing may be half written.
    pub(crate) fn take_frames(&mut self, count: usize, bytes: usize) -> Vec<Bytes> {
        debug_assert_eq!(self.written, 0, "a frame is half written");
        let mut queue = std::mem::take(&mut self.frames).into_queue();
        let (mut taken, mut sum) = (Vec::new(), 0);
        while sum < bytes
            && taken.len() < count
            && let Some(frame) = queue.pop_front()
        {
            sum += frame.len();
            taken.push(frame);
        }
        self.bytes = self.bytes.saturating_sub(u32::try_from(sum).unwrap_or(u32::MAX));
        if !queue.is_empty() {
            self.frames = Frames::Many(queue);
        }
        taken
    }

    /// Writes as much as `io` takes.
    pub(crate) fn flush(&mut self, io: &mut impl io::Write) -> Flush {
        while self.bytes > 0 {
            match self.write_once(io) {
                Ok(0) => return Flush::Broken,
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Flush::Blocked,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Flush::Broken,
            }
        }
        Flush::Done
    }

    fn write_once(&self, io: &mut impl io::Write) -> io::Result<usize> {
        let written = self.written as usize;
        match &self.frames {
            Frames::None => Ok(0),
            Frames::One(frame) => io.write(frame.get(written..).unwrap_or_default()),
            Frames::Many(queue) => {
                let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
                let mut count = 0;
                for (slice, frame) in slices.iter_mut().zip(queue.iter()) {
                    let skip = if count == 0 { written } else { 0 };
                    *slice = IoSlice::new(frame.get(skip..).unwrap_or_default());
                    count += 1;
                }
                io.write_vectored(&slices[..count])
            }
        }
    }

    fn advance(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_sub(count);
        if self.bytes == 0 {
            *self = Self::default();
            return;
        }
        self.written = self.written.saturating_add(count);
        if let Frames::Many(queue) = &mut self.frames {
            while let Some(first) = queue.front() {
                let len = u32::try_from(first.len()).unwrap_or(u32::MAX);
                if self.written < len {
                    break;
                }
                self.written -= len;
                queue.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { soft: 200, hard: 20_000 };

    /// Takes `room` bytes in writes of at most `most`, then blocks.
    struct Pipe {
        taken: Vec<u8>,
        most: usize,
        room: usize,
    }

    impl io::Write for Pipe {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let count = buf.len().min(self.most).min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= count;
            self.taken.extend_from_slice(&buf[..count]);
            Ok(count)
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn frames_leave_whole_and_in_order_however_little_the_socket_takes() {
        for (count, most) in [(1, 1), (3, 7), (200, 13), (200, 100_000)] {
            let frames: Vec<Vec<u8>> =
                (0..count).map(|i: u8| vec![i; 1 + usize::from(i) % 5]).collect();
            let mut outbox = Outbox::default();
            for frame in &frames {
                let frame = Bytes::from(frame.clone());
                assert_eq!(outbox.push(frame, Class::Durable, BOUNDS), Push::Queued);
            }
            let mut pipe = Pipe { taken: Vec::new(), most, room: 11 };
            while outbox.flush(&mut pipe) == Flush::Blocked {
                pipe.room = 11;
            }
            assert_eq!(pipe.taken, frames.concat());
            assert!(outbox.is_empty());
            assert!(matches!(outbox.frames, Frames::None), "no memory stays behind");
        }
    }

    #[test]
    fn what_another_outbox_has_begun_leaves_before_what_waits() {
        for (begun, waiting) in [(0, 2), (1, 0), (1, 1), (2, 2)] {
            let (mut first, mut second) = (Outbox::default(), Outbox::default());
            let frames: Vec<Bytes> = (0..begun + waiting).map(|i| vec![i; 5].into()).collect();
            for (index, frame) in frames.iter().enumerate() {
                let outbox = if index < usize::from(begun) { &mut first } else { &mut second };
                assert_eq!(outbox.push(frame.clone(), Class::Durable, BOUNDS), Push::Queued);
            }
            let mut pipe = Pipe { taken: Vec::new(), most: 3, room: 3 };
            first.flush(&mut pipe);
            second.put_before(first);
            pipe.room = 1_000;
            assert_eq!(second.flush(&mut pipe), Flush::Done);
            assert_eq!(pipe.taken, frames.concat(), "{begun} before {waiting}");
            assert!(matches!(second.frames, Frames::None), "no memory stays behind");
        }
    }

    #[test]
    fn pressure_drops_the_ephemeral_first_and_then_closes() {
        let mut outbox = Outbox::default();
        let frame = || Bytes::from(vec![0; 60]);
        assert_eq!(outbox.push(frame(), Class::Ephemeral, BOUNDS), Push::Queued);
        assert_eq!(outbox.push(frame(), Class::Ephemeral, BOUNDS), Push::Dropped);
        assert_eq!(outbox.push(frame(), Class::Durable, BOUNDS), Push::Queued);
        let large = Bytes::from(vec![0; 19_900]);
        assert_eq!(outbox.push(large, Class::Durable, BOUNDS), Push::Overflow);
        assert_eq!(outbox.bytes, 120);
    }

    #[test]
    fn many_tiny_frames_are_charged_for_the_room_they_take() {
        let mut outbox = Outbox::default();
        let taken = (0..1_000).find(|_| {
            outbox.push(Bytes::from_static(&[0x8a, 0]), Class::Durable, BOUNDS) == Push::Overflow
        });
        assert_eq!(taken, Some(20_000 / 66));
    }
}
