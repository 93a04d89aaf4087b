//! Outcomes as acknowledgements and events: the only place that translates for sockets.
//!
//! An event is answered twice where the client asked for an acknowledgement: the original knew
//! none, and its clients listen for events. Source: contract 1.5 and O3.6.

use api::error::{Error, Kind};
use protocol::event::ServerEvent;
use protocol::event::ack;
use protocol::event::client::{Echo, EventKind};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::call::Outcome;
use super::client::Client;
use crate::table::context::Context;
use crate::table::inbox::Step;

/// The steps of an event that succeeded: rooms, then the original's event, then the
/// acknowledgement.
pub(super) fn success(ack: Option<u64>, outcome: Outcome) -> SmallVec<[Step; 2]> {
    let Outcome { leaves, data, event, releases } = outcome;
    let mut steps: SmallVec<[Step; 2]> = leaves.map(Step::Leave).into_iter().collect();
    steps.extend(event.as_ref().map(emit));
    if let Some(id) = ack {
        let data = data.as_deref().and_then(|json| serde_json::from_slice::<&RawValue>(json).ok());
        let mut arguments = Vec::new();
        ack::encode_success(&mut arguments, data.as_ref());
        steps.push(Step::Ack(id, arguments.into()));
    }
    steps.extend(releases.map(|(room, told)| Step::Release(room, told)));
    steps
}

/// The steps of an event that failed.
pub(super) fn failure(
    kind: Option<EventKind>,
    ack: Option<u64>,
    error: &Error,
    echo: Echo,
) -> SmallVec<[Step; 2]> {
    log(kind, error);
    let code = error.kind().code();
    let mut steps = SmallVec::new();
    // COMPAT: the original ignores events that it does not know.
    if let Some(kind) = kind {
        steps.push(emit(&kind.error(code, echo)));
    }
    if let Some(id) = ack {
        let mut arguments = Vec::new();
        let first = error.violations().first();
        let message = first.map_or(error.message(), |violation| violation.message.as_str());
        ack::encode_failure(&mut arguments, code, message);
        steps.push(Step::Ack(id, arguments.into()));
    }
    steps
}

/// Answers at once that an event is not even begun.
pub(super) fn refuse(
    cx: &mut Context<'_, Client>,
    kind: Option<EventKind>,
    ack: Option<u64>,
    error: &Error,
    echo: Echo,
) {
    for step in failure(kind, ack, error, echo) {
        match step {
            Step::Ack(id, arguments) => cx.ack(id, &arguments),
            Step::Emit(arguments) => cx.emit(&arguments),
            Step::Join(..)
            | Step::Leave(_)
            | Step::Hold(_)
            | Step::Release(..)
            | Step::Kick
            | Step::Reconnect => {}
        }
    }
}

fn emit(event: &ServerEvent) -> Step {
    let mut arguments = Vec::new();
    event.encode(&mut arguments);
    Step::Emit(arguments.into())
}

fn log(kind: Option<EventKind>, error: &Error) {
    let event = kind.map_or("unknown", EventKind::name);
    let source = std::error::Error::source(error).map(tracing::field::display);
    match error.kind() {
        Kind::Unavailable | Kind::Internal => {
            tracing::warn!(event, %error, source, "an event failed");
        }
        Kind::Invalid
        | Kind::Unauthenticated
        | Kind::TokenExpired
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::RateLimited
        | Kind::TooLarge
        | Kind::Busy => tracing::debug!(event, %error, "an event is refused"),
    }
}
