//! What a route takes and gives, for the published document: the tables that decode its request and
//! the types that write its answer.

use http::StatusCode;
use protocol::rest::request::Request;
use protocol::schema::Schema;
use schemars::{JsonSchema, SchemaGenerator};

/// A route as clients see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// One line.
    pub(super) summary: &'static str,
    /// What the query may hold.
    pub(super) query: Option<&'static Schema>,
    /// What the body may hold.
    pub(super) body: Option<&'static Schema>,
    /// Whether there must be one; where not, none is read as an empty one.
    pub(super) is_body_required: bool,
    /// Whether a route that is open to anybody does more for whoever shows a token.
    pub(super) knows_callers: bool,
    pub(super) answer: Answer,
    /// Refusals that follow neither from the form of the request nor from the permission.
    pub(super) refusals: &'static [StatusCode],
}

/// The answer when all goes well.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// The envelope with this in `data`.
    Data(StatusCode, Shape),
    /// The same, with the page's place beside it.
    Page(Shape),
    /// The envelope alone.
    Bare,
    /// This and no envelope.
    Whole(Shape),
    /// A file of this media type.
    File(&'static str),
}

/// Writes the schema of a type, and of those that it names.
pub(super) type Shape = fn(&mut SchemaGenerator) -> schemars::Schema;

/// Answers 200 with data.
pub(super) const fn gives<T: JsonSchema>(summary: &'static str) -> Operation {
    Operation::new(summary, Answer::Data(StatusCode::OK, SchemaGenerator::subschema_for::<T>))
}

/// Answers 201 with data.
pub(super) const fn makes<T: JsonSchema>(summary: &'static str) -> Operation {
    let shape: Shape = SchemaGenerator::subschema_for::<T>;
    Operation::new(summary, Answer::Data(StatusCode::CREATED, shape))
}

/// Answers 200 with a page of a list.
pub(super) const fn lists<T: JsonSchema>(summary: &'static str) -> Operation {
    Operation::new(summary, Answer::Page(SchemaGenerator::subschema_for::<T>))
}

/// Answers 200 without data.
pub(super) const fn does(summary: &'static str) -> Operation {
    Operation::new(summary, Answer::Bare)
}

/// Answers 200 with a body that has no envelope.
pub(super) const fn is<T: JsonSchema>(summary: &'static str) -> Operation {
    Operation::new(summary, Answer::Whole(SchemaGenerator::subschema_for::<T>))
}

/// Answers 200 with a file.
pub(super) const fn file(summary: &'static str, media_type: &'static str) -> Operation {
    Operation::new(summary, Answer::File(media_type))
}

impl Operation {
    const fn new(summary: &'static str, answer: Answer) -> Self {
        Self {
            summary,
            query: None,
            body: None,
            is_body_required: true,
            knows_callers: false,
            answer,
            refusals: &[],
        }
    }

    /// With what the query may hold.
    pub(super) const fn asked<R: Request>(self) -> Self {
        Self { query: Some(R::SCHEMA), ..self }
    }

    /// With what the body may hold.
    pub(super) const fn given<R: Request>(self) -> Self {
        Self { body: Some(R::SCHEMA), ..self }
    }

    /// With what the body may hold, if there is one.
    pub(super) const fn maybe_given<R: Request>(self) -> Self {
        Self { is_body_required: false, ..self.given::<R>() }
    }

    /// With more for whoever shows a token.
    pub(super) const fn for_callers_too(self) -> Self {
        Self { knows_callers: true, ..self }
    }

    /// With refusals of its own.
    pub(super) const fn or(self, refusals: &'static [StatusCode]) -> Self {
        Self { refusals, ..self }
    }
}
