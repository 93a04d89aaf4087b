//! The WebSocket codec: reading a client's frames, unmasking, writing frames; beside
//! `tungstenite` and `fastwebsockets`.
//!
//! Each reader gets the same endless stream through its own interface and buffer, so a figure
//! holds the copy out of the stream that a socket read would be.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::websocket::decoder::{Decoder, Limits, Step};
use protocol::websocket::frame::{self, Opcode, Role};
use protocol::websocket::mask;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const KEY: mask::Key = [0x37, 0xfa, 0x21, 0x3d];

/// What a shard's read buffer holds.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// How much of a stream one iteration reads, at least.
const STREAM_BYTES: usize = 60 * 1024;

/// A stream that says the same for ever and swallows what it is told.
struct Replay {
    bytes: Vec<u8>,
    at: usize,
}

impl Replay {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    /// Never reads past the end of the recording, so that iterations begin alike.
    fn next(&mut self, bytes_max: usize) -> &[u8] {
        let start = self.at;
        let end = self.bytes.len().min(start + bytes_max);
        self.at = if end == self.bytes.len() { 0 } else { end };
        &self.bytes[start..end]
    }
}

impl Read for Replay {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(buffer.len());
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Replay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = self.next(buffer.remaining());
        buffer.put_slice(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A client's stream of one message over and over, and how many it holds.
fn stream(opcode: Opcode, payload: &[u8], fragment_bytes: usize) -> (Vec<u8>, u64) {
    let mut message = Vec::new();
    let fragments = payload.len().div_ceil(fragment_bytes);
    for (i, fragment) in payload.chunks(fragment_bytes).enumerate() {
        let opcode = if i == 0 { opcode } else { Opcode::Continuation };
        frame::encode_masked_into(&mut message, opcode, i + 1 == fragments, fragment, KEY);
    }
    let messages = STREAM_BYTES.div_ceil(message.len());
    (message.repeat(messages), messages as u64)
}

/// A chat event in JSON of `len` bytes, most of it `filler`.
fn event(filler: &str, len: usize) -> Vec<u8> {
    const HEAD: &str =
        r#"42["send_message",{"conversationId":"65f0c0ffee65f0c0ffee65f0","content":""#;
    const TAIL: &str = r#""}]"#;
    let filler_len = len - HEAD.len() - TAIL.len();
    let mut text = String::from(HEAD);
    text.push_str(&filler.repeat(filler_len / filler.len()));
    text.push_str(TAIL);
    text.into_bytes()
}

fn decode(criterion: &mut Criterion) {
    let ascii = "all work and no play makes a dull boy ";
    let cyrillic = "съешь ещё этих мягких булок ";
    for (id, opcode, payload, fragment_bytes) in [
        ("text_16_b", Opcode::Text, b"42[\"getpres\",{}]".to_vec(), usize::MAX),
        ("text_128_b", Opcode::Text, event(ascii, 128), usize::MAX),
        ("text_1_kib", Opcode::Text, event(ascii, 1024), usize::MAX),
        ("text_1_kib_cyrillic", Opcode::Text, event(cyrillic, 1024), usize::MAX),
        ("text_4_kib_in_4_fragments", Opcode::Text, event(ascii, 4096), 1024),
        ("binary_16_kib", Opcode::Binary, vec![0xa5; 16 * 1024], usize::MAX),
        ("text_256_kib", Opcode::Text, event(ascii, 256 * 1024), usize::MAX),
    ] {
        let (bytes, messages) = stream(opcode, &payload, fragment_bytes);
        let mut group = criterion.benchmark_group(format!("decode/{id}"));
        group.throughput(Throughput::Elements(messages));
        group.bench_function("voxora", |bencher| {
            let mut replay = Replay::new(&bytes);
            let mut buffer = vec![0; READ_BUFFER_BYTES];
            let mut decoder = Decoder::new(Role::Server);
            bencher.iter(|| read_ours(&mut replay, &mut buffer, &mut decoder, messages));
        });
        group.bench_function("tungstenite", |bencher| {
            let mut socket = tungstenite::WebSocket::from_raw_socket(
                Replay::new(&bytes),
                tungstenite::protocol::Role::Server,
                None,
            );
            bencher.iter(|| {
                for _ in 0..messages {
                    black_box(socket.read().expect("a message"));
                }
            });
        });
        group.bench_function("fastwebsockets", |bencher| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let mut socket =
                fastwebsockets::FragmentCollector::new(fastwebsockets::WebSocket::after_handshake(
                    Replay::new(&bytes),
                    fastwebsockets::Role::Server,
                ));
            bencher.iter(|| {
                runtime.block_on(async {
                    for _ in 0..messages {
                        black_box(socket.read_frame().await.expect("a message"));
                    }
                });
            });
        });
        group.finish();
    }
}

/// Reads `messages` as a shard does: one buffer, emptied before the next read.
fn read_ours(replay: &mut Replay, buffer: &mut [u8], decoder: &mut Decoder, messages: u64) {
    let limits = Limits::default();
    let mut count = 0;
    while count < messages {
        let len = replay.read(buffer).expect("never fails");
        let mut at = 0;
        loop {
            let (consumed, step) = decoder.decode(&mut buffer[at..len], &limits).expect("legal");
            let Step::Message(message) = step else { break };
            black_box(message);
            at += consumed;
            count += 1;
        }
    }
}

fn unmask(criterion: &mut Criterion) {
    for (id, len) in [("16_b", 16), ("128_b", 128), ("16_kib", 16 * 1024)] {
        let mut group = criterion.benchmark_group(format!("unmask/{id}"));
        group.throughput(Throughput::Bytes(len as u64));
        let mut bytes = vec![0x5a; len];
        group.bench_function("voxora", |bencher| {
            bencher.iter(|| mask::apply(black_box(&mut bytes), black_box(KEY)));
        });
        group.bench_function("octet_by_octet", |bencher| {
            bencher.iter(|| {
                let key = black_box(KEY);
                // Without the barrier the compiler would find the wide form by itself.
                for (i, byte) in black_box(&mut bytes).iter_mut().enumerate() {
                    *byte ^= key[black_box(i) % 4];
                }
            });
        });
        group.bench_function("fastwebsockets", |bencher| {
            bencher.iter(|| fastwebsockets::unmask(black_box(&mut bytes), black_box(KEY)));
        });
        group.finish();
    }
}

fn encode(criterion: &mut Criterion) {
    use tungstenite::protocol::frame::coding::{Data, OpCode};

    for (id, len) in [("text_128_b", 128), ("text_4_kib", 4096)] {
        let payload = event("all work and no play makes a dull boy ", len);
        let mut group = criterion.benchmark_group(format!("encode/{id}"));
        group.throughput(Throughput::Elements(1));
        let mut out = Vec::with_capacity(2 * len);
        group.bench_function("voxora", |bencher| {
            bencher.iter(|| {
                out.clear();
                frame::encode_into(&mut out, Opcode::Text, black_box(&payload));
                black_box(&out);
            });
        });
        group.bench_function("voxora_shared", |bencher| {
            bencher.iter(|| frame::encode(Opcode::Text, black_box(&payload)));
        });
        group.bench_function("tungstenite", |bencher| {
            let shared = tungstenite::Bytes::from(payload.clone());
            bencher.iter(|| {
                out.clear();
                let opcode = OpCode::Data(Data::Text);
                tungstenite::protocol::frame::Frame::message(shared.clone(), opcode, true)
                    .format(&mut out)
                    .expect("a vector takes all");
                black_box(&out);
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decode, unmask, encode);
criterion_main!(benches);
