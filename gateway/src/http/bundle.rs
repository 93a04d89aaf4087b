//! The client's scripts, which pages written for Socket.IO 2 load from the server itself.
//!
//! Nothing of theirs is a part of this product: they are served from a folder of the operator's, or
//! elsewhere. A folder is read once, at the start, and only for the files in a fixed table; so no
//! request reaches the file system, and no path leads out of it.
//! Source: Socket.IO reference, `lib/index.ts`, `serve`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, LOCATION, VARY,
};
use http::{Method, Request, Response, StatusCode};
use ring::digest;

use super::encoding::{self, Encoding};

/// The files that there may be. Source: Socket.IO reference, `lib/index.ts`, `attachServe`.
const NAMES: [&str; 12] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.msgpack.js",
    "socket.io.msgpack.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
    "socket.io.esm.js",
    "socket.io.esm.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
];

/// Bytes of one file; a longer one keeps the server from starting.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Where the client's scripts come from.
#[derive(Debug, Clone, Default)]
pub enum Bundle {
    /// From nowhere: they are not found.
    #[default]
    Off,
    /// From another server, to which browsers are sent: the address that the file's name is put
    /// behind.
    Elsewhere(Arc<str>),
    /// From here.
    Here(Arc<[Script]>),
}

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    name: &'static str,
    body: Bytes,
    packed: Bytes,
    tag: HeaderValue,
}

impl Bundle {
    /// Sends browsers to `base`; nothing if that is no address. A slash at its end may be left out.
    pub fn elsewhere(base: &str) -> Option<Self> {
        let base = base.trim_end_matches('/');
        let uri: http::Uri = base.parse().ok()?;
        let is_address =
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
        is_address.then(|| Self::Elsewhere(base.into()))
    }

    /// Reads the scripts that are in `folder`.
    ///
    /// # Errors
    /// A file cannot be read or is too long, or there is none.
    pub fn here(folder: &Path) -> io::Result<Self> {
        let mut scripts = Vec::new();
        for name in NAMES {
            match File::open(folder.join(name)) {
                Ok(file) => scripts.push(Script::read(name, file)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if scripts.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no socket.io.js there"));
        }
        Ok(Self::Here(scripts.into()))
    }

    /// The answer to a request for a script; nothing if that is not to be had here.
    pub(super) fn answer<B>(&self, name: &str, request: &Request<B>) -> Option<Response<Bytes>> {
        let response = match self {
            Self::Off => return None,
            Self::Elsewhere(base) => {
                let mut response = answer(StatusCode::FOUND, Bytes::new());
                let address = HeaderValue::from_str(&format!("{base}/{name}")).ok()?;
                response.headers_mut().insert(LOCATION, address);
                response
            }
            Self::Here(scripts) => {
                scripts.iter().find(|script| script.name == name)?.answer(request.headers())
            }
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some(response);
        }
        let mut refusal = answer(StatusCode::METHOD_NOT_ALLOWED, Bytes::new());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        Some(refusal)
    }
}

/// The script that a path below the mount asks for.
pub(super) fn name(path: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|name| *name == path)
}

impl Script {
    fn read(name: &'static str, file: File) -> io::Result<Self> {
        let mut body = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut body)?;
        if body.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{name} is too long")));
        }
        let packed = Encoding::Gzip.compress(&body).into();
        let digest = digest::digest(&digest::SHA256, &body);
        let (start, _) = digest.as_ref().split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
        let tag = u64::from_be_bytes(*start);
        // Weak, because it is the same for both encodings.
        let tag = HeaderValue::from_str(&format!("W/\"{tag:016x}\"")).map_err(io::Error::other)?;
        Ok(Self { name, body: body.into(), packed, tag })
    }

    fn answer(&self, request: &HeaderMap) -> Response<Bytes> {
        let has_it = request.get_all(IF_NONE_MATCH).iter().any(|tags| self.is_among(tags));
        let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let is_packed = accepted.and_then(encoding::preferred) == Some(Encoding::Gzip);
        let mut response = match (has_it, is_packed) {
            (true, _) => answer(StatusCode::NOT_MODIFIED, Bytes::new()),
            (false, true) => answer(StatusCode::OK, self.packed.clone()),
            (false, false) => answer(StatusCode::OK, self.body.clone()),
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if !has_it {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        }
        if is_packed && !has_it {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(Encoding::Gzip.name()));
        }
        response
    }

    /// Source: RFC 9110 §13.1.2, which compares weakly.
    fn is_among(&self, tags: &HeaderValue) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = self.tag.to_str().map(opaque);
        tags.to_str().is_ok_and(|tags| {
            tags.split(',')
                .any(|tag| tag.trim() == "*" || own.as_ref().is_ok_and(|own| opaque(tag) == *own))
        })
    }

    /// Source: RFC 9239 §6.
    fn content_type(&self) -> &'static str {
        match self.name.strip_suffix(".map") {
            Some(_) => "application/json; charset=utf-8",
            None => "text/javascript; charset=utf-8",
        }
    }
}

fn answer(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_table_are_names() {
        for path in ["socket.io.js", "socket.io.esm.min.js.map", "socket.io.msgpack.min.js"] {
            assert_eq!(name(path), Some(path));
        }
        for path in [
            "",
            "socket.io",
            "SOCKET.IO.JS",
            "../socket.io.js",
            "x/socket.io.js",
            "socket.io.js/",
            "socket.io.js%00",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
    }

    #[test]
    fn another_server_is_named_by_its_address() {
        let base = |text| match Bundle::elsewhere(text) {
            Some(Bundle::Elsewhere(base)) => Some(base.to_string()),
            Some(Bundle::Off | Bundle::Here(_)) | None => None,
        };
        assert_eq!(base("https://cdn.test/4.8/").as_deref(), Some("https://cdn.test/4.8"));
        for text in
            ["", "cdn.test", "ftp://cdn.test", "https://", "https://a b", "https://a/?x", "/x"]
        {
            assert_eq!(base(text), None, "{text}");
        }
    }

    #[test]
    fn folder_without_scripts_or_with_endless_ones_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Bundle::here(folder.path()).is_err());
        assert!(Bundle::here(&folder.path().join("nowhere")).is_err());
        let file = File::create(folder.path().join("socket.io.js")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        assert!(Bundle::here(folder.path()).is_err());
        file.set_len(10).unwrap();
        assert!(Bundle::here(folder.path()).is_ok());
    }
}
