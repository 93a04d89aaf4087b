//! The store alone: dense, nothing twice, nothing altered, shown to nobody else.

use super::{Places, authentic};
use crate::history::History;
use crate::history::finding::{Findings, Rule};
use crate::history::row::{NOBODY, Stored};

/// Checks what is stored and gives every message its place.
pub(super) fn check(history: &History, findings: &mut Findings) -> Places {
    let mut rows: Vec<&Stored> = history.stored.iter().collect();
    rows.sort_unstable_by_key(|row| (row.conversation, row.seen.seq));
    let mut places = Places {
        by_conversation: vec![Vec::new(); history.conversations.len()],
        by_number: vec![0; history.sent.len()],
    };
    for row in rows {
        let base = history.conversations.get(row.conversation as usize).map(|known| known.base);
        let Some(base) = base.filter(|base| row.seen.seq > *base) else { continue };
        place(history, (row, base), &mut places, findings);
    }
    for &(conversation, user) in &history.peeks {
        if !history.may_read(user, conversation) {
            findings.add(Rule::Leaked, || {
                format!("user {user} may not read conversation {conversation}, and the store did")
            });
        }
    }
    places
}

fn place(
    history: &History,
    (row, base): (&Stored, u32),
    places: &mut Places,
    findings: &mut Findings,
) {
    let (conversation, seen) = (row.conversation, row.seen);
    let Some(line) = places.by_conversation.get_mut(conversation as usize) else { return };
    let offset = (seen.seq - base - 1) as usize;
    if offset < line.len() {
        findings.add(Rule::Duplicated, || {
            format!("conversation {conversation} has two messages at place {}", seen.seq)
        });
        return;
    }
    if offset - line.len() > HOLE_MAX {
        findings.add(Rule::Skipped, || {
            format!("the store jumps to place {} of conversation {conversation}", seen.seq)
        });
        return;
    }
    while line.len() < offset {
        let empty = base as usize + line.len() + 1;
        findings.add(Rule::Skipped, || {
            format!("the store has nothing at place {empty} of conversation {conversation}")
        });
        line.push(NOBODY);
    }
    line.push(seen.number);
    if authentic(history, conversation, seen, findings).is_none() {
        return;
    }
    match places.by_number.get_mut(seen.number as usize) {
        Some(earlier) if *earlier > 0 => {
            let (number, earlier) = (seen.number, *earlier);
            findings.add(Rule::Duplicated, || {
                format!("message {number} is stored at places {earlier} and {}", seen.seq)
            });
        }
        Some(free) => *free = seen.seq,
        None => {}
    }
}

/// Empty places in a row that are listed one by one; a wider jump is one violation, and what stands
/// behind it is not looked at.
const HOLE_MAX: usize = 100_000;
