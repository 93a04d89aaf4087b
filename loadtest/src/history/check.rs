//! The rules at work: a history in, violations out.
//!
//! First the store alone ([`store`]), which gives every message its place; then the answers and the
//! order that they promise ([`order`]); then what each client heard ([`stream`]).

mod order;
mod store;
mod stream;

use super::History;
use super::finding::{Findings, Rule};
use super::row::{Seen, Sent};

/// Checks `history` against every [`Rule`].
///
/// # Cost
/// Linear in its rows, but for one sort of the stored ones. A bit for each message that each client
/// should have heard.
pub fn check(history: &History) -> Findings {
    let mut findings = Findings::default();
    count(history, &mut findings);
    let places = store::check(history, &mut findings);
    order::check(history, &places, &mut findings);
    stream::check(history, &places, &mut findings);
    findings
}

/// Where every message stands in the store.
#[derive(Debug)]
struct Places {
    /// The messages of each conversation from its base on, in order. Empty places are
    /// [`super::row::NOBODY`].
    by_conversation: Vec<Vec<u32>>,
    /// The place of each message; 0 for one that is not stored.
    by_number: Vec<u32>,
}

impl Places {
    fn of(&self, number: u32) -> Option<u32> {
        self.by_number.get(number as usize).copied().filter(|seq| *seq > 0)
    }

    /// How many places `conversation` has.
    fn count(&self, conversation: u32) -> u32 {
        let places = self.by_conversation.get(conversation as usize).map_or(0, Vec::len);
        u32::try_from(places).unwrap_or(u32::MAX)
    }
}

/// The message that `seen` says it is, if the run sent it and it is unchanged. Otherwise says why
/// not.
fn authentic<'a>(
    history: &'a History,
    conversation: u32,
    seen: Seen,
    findings: &mut Findings,
) -> Option<&'a Sent> {
    let Some(sent) = history.message(seen.number) else {
        findings.add(Rule::Invented, || {
            format!("place {} of conversation {conversation}: nobody sent that", seen.seq)
        });
        return None;
    };
    if sent.print != seen.print || sent.conversation != conversation {
        findings.add(Rule::Altered, || {
            let (number, seq) = (seen.number, seen.seq);
            format!("message {number}, at place {seq} of conversation {conversation}")
        });
        return None;
    }
    Some(sent)
}

fn count(history: &History, findings: &mut Findings) {
    let seen = &mut findings.seen;
    seen.messages = history.sent.len() as u64;
    seen.stored = history.stored.len() as u64;
    for sent in &history.sent {
        let answered = u64::from(sent.acked_at > 0);
        seen.acknowledged += answered;
        seen.unknown += 1 - answered;
        seen.repeated += u64::from(sent.attempts > 1);
    }
}
