//! A request as its handler reads it.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderMap, request};
use protocol::rest::request::Request;
use protocol::schema::Violation;
use protocol::schema::form::Form;
use protocol::schema::json::{Document, JsonError, Limits, Value};
use protocol::time::Timestamp;

use super::address::Client;
use super::body::{self, Format};
use super::reply::Refusal;
use super::{Documents, Door};
use crate::app::App;
use crate::error::{Error, Kind};

/// A request that has found its route. Handlers take it whole.
#[derive(Debug)]
pub(super) struct Call<'r> {
    /// Where it came in.
    pub(super) door: &'r Door,
    /// Whom the limiters count it for.
    pub(super) client: Client,
    parts: &'r request::Parts,
    id: Option<String>,
    body: Bytes,
}

impl<'r> Call<'r> {
    pub(super) const fn new(
        door: &'r Door,
        parts: &'r request::Parts,
        id: Option<String>,
        body: Bytes,
        client: Client,
    ) -> Self {
        Self { door, client, parts, id, body }
    }

    /// What the rules are called with.
    pub(super) const fn app(&self) -> &'r Arc<App> {
        &self.door.app
    }

    /// The moment.
    pub(super) fn now(&self) -> Timestamp {
        self.door.app.clock.now()
    }

    /// Whether the process is about to end.
    pub(super) fn is_draining(&self) -> bool {
        self.door.is_draining.load(Ordering::Relaxed)
    }

    /// The published documents.
    pub(super) const fn documents(&self) -> &'r Documents {
        &self.door.documents
    }

    pub(super) const fn headers(&self) -> &'r HeaderMap {
        &self.parts.headers
    }

    /// The id in the path.
    pub(super) fn id<Id: FromStr>(&self) -> Result<Id, Error> {
        let id = self.id.as_deref().and_then(|text| text.parse().ok());
        id.ok_or_else(|| Error::invalid(vec![Violation::new("id", "must be a valid id")]))
    }

    /// The query.
    pub(super) fn query<R: Request>(&self) -> Result<R, Error> {
        let form = Form::from_query(self.parts.uri.query().unwrap_or_default());
        R::decode(form.document().root()).map_err(Error::invalid)
    }

    /// The body, which must be there.
    pub(super) fn body<R: Request>(&mut self) -> Result<R, Refusal> {
        self.read_body(R::decode)?.map_err(|violations| Error::invalid(violations).into())
    }

    /// The same, and the text under `key`, even where the body is refused for something else.
    pub(super) fn body_and_text<R: Request>(&mut self, key: &str) -> (Result<R, Refusal>, String) {
        let read = self.read_body(|root| {
            let text = root.get(key).and_then(Value::as_text).unwrap_or_default();
            (R::decode(root), text.to_owned())
        });
        match read {
            Ok((decoded, text)) => (decoded.map_err(|found| Error::invalid(found).into()), text),
            Err(refusal) => (Err(refusal), String::new()),
        }
    }

    /// The body; a missing one counts as an object without keys.
    pub(super) fn body_or_empty<R: Request>(&mut self) -> Result<R, Refusal> {
        if self.body.is_empty() {
            let form = Form::from_body("");
            return R::decode(form.document().root()).map_err(|found| Error::invalid(found).into());
        }
        self.body()
    }

    fn read_body<T>(&mut self, read: impl FnOnce(Value<'_>) -> T) -> Result<T, Refusal> {
        if self.body.is_empty() {
            return Err(Error::invalid(vec![Violation::missing_body()]).into());
        }
        let format = body::format(&self.parts.headers).ok_or(Refusal::MediaType)?;
        // The body is this call's alone, so taking it as a vector copies nothing.
        let mut text = Vec::from(std::mem::take(&mut self.body));
        match format {
            Format::Json => {
                let document = Document::parse(&mut text, Limits::REST).map_err(malformed)?;
                Ok(read(document.root()))
            }
            Format::Form => {
                let text = String::from_utf8_lossy(&text);
                Ok(read(Form::from_body(&text).document().root()))
            }
        }
    }
}

fn malformed(error: JsonError) -> Refusal {
    let text = match error {
        JsonError::Malformed => "Malformed JSON in the request body",
        JsonError::TooDeep(_) => "JSON in the request body is nested too deeply",
        JsonError::TooMany(_) => "JSON in the request body holds too many values",
    };
    Error::new(Kind::Invalid, text).into()
}
