//! The answers: what was acknowledged is kept, where it was said to be, in an order that fits.

use foldhash::HashMap;

use super::Places;
use crate::history::History;
use crate::history::finding::{Findings, Rule};
use crate::history::row::Sent;

/// Checks every acknowledged message against its place.
pub(super) fn check(history: &History, places: &Places, findings: &mut Findings) {
    for (number, sent) in numbered(history) {
        if sent.acked_at == 0 {
            continue;
        }
        match places.of(number) {
            None => findings.add(Rule::Lost, || {
                let (seq, conversation) = (sent.seq, sent.conversation);
                format!("message {number}, acknowledged at place {seq} of {conversation}")
            }),
            Some(seq) if seq != sent.seq => findings.add(Rule::Swapped, || {
                format!("message {number} was acknowledged at {}, and stands at {seq}", sent.seq)
            }),
            Some(_) => {}
        }
    }
    for line in &places.by_conversation {
        check_time(history, line, findings);
    }
    check_senders(history, places, findings);
}

/// What was acknowledged before another was even sent stands before it.
fn check_time(history: &History, line: &[u32], findings: &mut Findings) {
    // The earliest answer among the messages behind the one that is looked at.
    let mut answered = (u32::MAX, 0);
    for &number in line.iter().rev() {
        let Some(sent) = history.message(number) else { continue };
        if answered.0 < sent.sent_at {
            findings.add(Rule::Swapped, || {
                format!("message {number} stands before {}, which was answered first", answered.1)
            });
        }
        if sent.acked_at > 0 {
            answered = answered.min((sent.acked_at, number));
        }
    }
}

/// Messages that one client sent on one connection stand in the order in which they left, unless
/// one of them had to be sent again.
fn check_senders(history: &History, places: &Places, findings: &mut Findings) {
    let mut newest: HashMap<(u32, u32), (u32, u32)> = HashMap::default();
    for (number, sent) in numbered(history) {
        let Some(seq) = places.of(number).filter(|_| sent.attempts == 1) else { continue };
        let newest = newest.entry((sent.client, sent.conversation)).or_default();
        if newest.0 == sent.tenure && seq < newest.1 {
            findings.add(Rule::Swapped, || {
                format!("message {number} at {seq} left after the one at {}", newest.1)
            });
        }
        *newest = (sent.tenure, seq);
    }
}

fn numbered(history: &History) -> impl Iterator<Item = (u32, &Sent)> {
    (0_u32..).zip(&history.sent)
}
