//! Compression of what polls bring, as far as the client asks for it. Source: RFC 9110 §12.5.3.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// Shorter bodies are sent as they are. Source: Engine.IO reference, `httpCompression.threshold`.
pub(super) const BYTES_MIN: usize = 1_024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, whatever its name says.
    Deflate,
}

impl Encoding {
    /// Its name in `Content-Encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The body, compressed fast rather than far.
    pub(super) fn compress(self, body: &[u8]) -> Vec<u8> {
        let level = Compression::fast();
        let compressed = match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
        };
        // INVARIANT: writing to a Vec cannot fail.
        compressed.unwrap_or_default()
    }
}

/// What an `Accept-Encoding` prefers of the two; gzip where it has no preference between them.
pub(super) fn preferred(accepted: &str) -> Option<Encoding> {
    let (mut gzip, mut deflate, mut any) = (None, None, None);
    for item in accepted.split(',') {
        let (name, parameter) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameter.trim().to_ascii_lowercase();
        let weight: f32 = weight.strip_prefix("q=").unwrap_or("1").trim().parse().unwrap_or(0.0);
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "deflate" => deflate = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let (gzip, deflate) = (gzip.or(any).unwrap_or(0.0), deflate.or(any).unwrap_or(0.0));
    if gzip <= 0.0 && deflate <= 0.0 {
        return None;
    }
    Some(if gzip >= deflate { Encoding::Gzip } else { Encoding::Deflate })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_client_decides_and_gzip_wins_a_tie() {
        for (accepted, expected) in [
            ("gzip, deflate, br", Some(Encoding::Gzip)),
            ("deflate", Some(Encoding::Deflate)),
            ("gzip;q=0.5, deflate;q=0.9", Some(Encoding::Deflate)),
            ("gzip;q=0, deflate;q=0", None),
            ("GZIP;Q=0, Deflate;Q=0.1", Some(Encoding::Deflate)),
            ("*", Some(Encoding::Gzip)),
            ("br", None),
            ("", None),
            ("gzip;q=abc", None),
        ] {
            assert_eq!(preferred(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn what_is_compressed_can_be_read_again() {
        let body = b"42[\"new_message\"]".repeat(200);
        let mut back = Vec::new();
        let packed = Encoding::Gzip.compress(&body);
        assert!(packed.len() < body.len() / 4);
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, body);
        back.clear();
        let packed = Encoding::Deflate.compress(&body);
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
        assert_eq!(back, body);
    }
}
