//! Bodies: collected within a bound by whoever accepts connections, read by the handlers.

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http_body_util::BodyExt as _;
use hyper::body::Body;

use crate::error::{Error, Kind};

/// The longest body; of a longer one no byte past the limit is kept, and the answer is 413.
/// Source: contract 1.9.
pub const BODY_BYTES_MAX: usize = 1_000_000;

/// Collects a body of at most [`BODY_BYTES_MAX`]. What was declared is only ever used to refuse
/// early; memory is taken for bytes that have arrived.
///
/// It waits as long as the peer does: the host bounds that wait.
///
/// # Errors
/// [`Kind::TooLarge`], or [`Kind::Invalid`] when the peer breaks off.
///
/// # Cancel safety
/// When dropped, what has arrived is lost.
pub async fn collect<B>(body: B) -> Result<Bytes, Error>
where
    B: Body + Unpin,
{
    collect_within(body, BODY_BYTES_MAX).await
}

/// The same, with another bound.
///
/// # Errors
/// As [`collect`].
///
/// # Cancel safety
/// As [`collect`].
pub async fn collect_within<B>(body: B, bytes_max: usize) -> Result<Bytes, Error>
where
    B: Body + Unpin,
{
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let mut body = body;
    let mut collected: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::new(Kind::Invalid, "Request body is incomplete"))?;
        let Ok(mut data) = frame.into_data() else { continue };
        if collected.len() + data.remaining() > bytes_max {
            return Err(too_large());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            collected.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
    }
    Ok(collected.into())
}

const fn too_large() -> Error {
    Error::new(Kind::TooLarge, "request entity too large")
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// How the headers say that the body is written; `None` if in no way that is read here.
pub(super) fn format(headers: &HeaderMap) -> Option<Format> {
    let is_plain = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let content_type = headers.get(CONTENT_TYPE).filter(|_| is_plain)?.to_str().ok()?;
    let mut pieces = content_type.split(';');
    let media_type = pieces.next().unwrap_or_default().trim();
    let charset = pieces
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    if charset.is_some_and(|set| {
        !["utf-8", "utf8", "us-ascii"].iter().any(|known| set.eq_ignore_ascii_case(known))
    }) {
        return None;
    }
    [(Format::Json, "application/json"), (Format::Form, "application/x-www-form-urlencoded")]
        .into_iter()
        .find(|(_, name)| media_type.eq_ignore_ascii_case(name))
        .map(|(format, _)| format)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::Full;

    use super::*;

    fn format_of(content_type: &'static str) -> Option<Format> {
        let value = HeaderValue::from_static(content_type);
        format(&HeaderMap::from_iter([(CONTENT_TYPE, value)]))
    }

    #[test]
    fn json_and_forms_are_read_and_nothing_else() {
        for json in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert_eq!(format_of(json), Some(Format::Json), "{json}");
        }
        assert_eq!(format_of("application/x-www-form-urlencoded"), Some(Format::Form));
        for other in [
            "",
            "text/plain",
            "application/jsonp",
            "multipart/form-data; boundary=x",
            ";",
            "json",
            "application/json; charset=utf-16",
            "text/html; x=application/json",
        ] {
            assert_eq!(format_of(other), None, "{other}");
        }
        assert_eq!(format(&HeaderMap::new()), None);
        let mut packed =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(format(&packed), None);
    }

    #[tokio::test]
    async fn body_is_collected_up_to_its_limit() {
        let full = |len| Full::new(Bytes::from(vec![b'x'; len]));
        assert_eq!(collect(full(BODY_BYTES_MAX)).await.unwrap().len(), BODY_BYTES_MAX);
        let error = collect(full(BODY_BYTES_MAX + 1)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
        assert!(collect(full(0)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn undeclared_bytes_count_as_they_arrive() {
        use hyper::body::Frame;

        struct Endless;
        impl Body for Endless {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
                std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1_000])))))
            }
        }
        assert_eq!(collect(Endless).await.unwrap_err().kind(), Kind::TooLarge);
    }
}
