//! What each client heard: nothing foreign, nothing altered, in order, without holes, and all of it
//! in the end.

mod coverage;

use foldhash::HashMap;
use smallvec::SmallVec;

use super::{Places, authentic};
use crate::history::History;
use crate::history::finding::{Findings, Rule};
use crate::history::row::{Event, Heard, Seen};
use coverage::Coverage;

/// Checks all events in the order in which they were heard, and then that everybody has everything.
pub(super) fn check(history: &History, places: &Places, findings: &mut Findings) {
    let mut listeners: HashMap<(u32, u32), Listener> = HashMap::default();
    for heard in &history.heard {
        let key = (heard.client, heard.conversation);
        if !may_hear(history, heard) {
            findings.add(Rule::Leaked, || {
                format!("client {} heard of conversation {}: {:?}", key.0, key.1, heard.event)
            });
            continue;
        }
        let listener = listeners.entry(key).or_default();
        listener.hear(heard, &Scene { history, places }, findings);
    }
    for (key, client) in (0_u32..).zip(&history.clients) {
        for &room in &client.rooms {
            let listener = listeners.entry((key, room)).or_default();
            listener.end_connection((key, room), findings);
            if let Some(lacks) = listener.coverage.first_gap(places.count(room)) {
                let place = lacks + history.base(room) + 1;
                findings.add(Rule::Diverged, || {
                    format!("client {key} still lacks place {place} of conversation {room}")
                });
            }
        }
    }
}

/// Whether it is the client's to hear: its user may read the conversation, and it has joined.
fn may_hear(history: &History, heard: &Heard) -> bool {
    history.clients.get(heard.client as usize).is_some_and(|client| {
        client.rooms.contains(&heard.conversation)
            && history.may_read(client.user, heard.conversation)
    })
}

/// What events are compared with.
#[derive(Debug, Clone, Copy)]
struct Scene<'a> {
    history: &'a History,
    places: &'a Places,
}

/// One client in one conversation.
#[derive(Debug, Default)]
struct Listener {
    /// The connection that it listens on.
    tenure: u32,
    /// The newest message when it joined on this connection.
    head: Option<u32>,
    /// The first and the last place that came by itself on this connection.
    live: Option<(u32, u32)>,
    /// Places between these that did not come.
    missing: SmallVec<[u32; 2]>,
    coverage: Coverage,
}

impl Listener {
    fn hear(&mut self, heard: &Heard, scene: &Scene<'_>, findings: &mut Findings) {
        let key = (heard.client, heard.conversation);
        if heard.tenure != self.tenure {
            self.end_connection(key, findings);
            self.tenure = heard.tenure;
        }
        match heard.event {
            Event::Acked { number, seen } => check_answer(key.1, number, seen, (scene, findings)),
            Event::Joined { head } => {
                self.head = Some(head);
                if let Some((first, _)) = self.live {
                    self.miss(head.saturating_add(1)..first, key, findings);
                }
            }
            Event::Live(seen) => {
                findings.seen.live += 1;
                self.follow(seen.seq, key, findings);
                self.take(seen, key, (scene, findings));
            }
            Event::Caught(seen) => {
                findings.seen.caught += 1;
                self.take(seen, key, (scene, findings));
            }
            Event::Settled => self.settle(scene, key, findings),
        }
    }

    /// Compares a message with the store, and enters that the client has it.
    fn take(
        &mut self,
        seen: Seen,
        key: (u32, u32),
        (scene, findings): (&Scene<'_>, &mut Findings),
    ) {
        let base = scene.history.base(key.1);
        if seen.seq <= base || authentic(scene.history, key.1, seen, findings).is_none() {
            return;
        }
        match scene.places.of(seen.number) {
            Some(seq) if seq == seen.seq => self.coverage.add(seq - base - 1),
            Some(seq) => findings.add(Rule::Swapped, || {
                let (client, number) = (key.0, seen.number);
                format!("client {client} heard message {number} at {}, it is at {seq}", seen.seq)
            }),
            None => findings.add(Rule::Vanished, || {
                format!("client {} heard message {}, which is not stored", key.0, seen.number)
            }),
        }
    }

    /// Enters the place of a message that came by itself: the next one, if all is well.
    fn follow(&mut self, seq: u32, key: (u32, u32), findings: &mut Findings) {
        findings.seen.overlaps += u64::from(self.head.is_some_and(|head| seq <= head));
        let Some((first, last)) = self.live else {
            if let Some(head) = self.head {
                self.miss(head.saturating_add(1)..seq, key, findings);
            }
            self.live = Some((seq, seq));
            return;
        };
        if seq > last {
            self.miss(last.saturating_add(1)..seq, key, findings);
            self.live = Some((first, seq));
            return;
        }
        let late = self.missing.iter().position(|missing| *missing == seq);
        if let Some(index) = late {
            self.missing.swap_remove(index);
        }
        if late.is_some() || seq < first {
            findings.add(Rule::Swapped, || {
                format!("client {} heard place {seq} of {} after {last}", key.0, key.1)
            });
            return;
        }
        findings.add(Rule::Duplicated, || {
            format!("client {} heard place {seq} of conversation {} twice", key.0, key.1)
        });
    }

    /// Remembers that these places have not come (yet).
    fn miss(&mut self, places: std::ops::Range<u32>, key: (u32, u32), findings: &mut Findings) {
        for seq in places {
            if self.missing.len() >= MISSING_MAX {
                findings.add(Rule::Skipped, || {
                    format!("client {} missed much of {}, from {seq} on", key.0, key.1)
                });
                return;
            }
            self.missing.push(seq);
        }
    }

    /// What has not come on this connection by now never will.
    fn end_connection(&mut self, key: (u32, u32), findings: &mut Findings) {
        for seq in self.missing.drain(..) {
            findings.add(Rule::Skipped, || {
                format!("client {} never heard place {seq} of conversation {}", key.0, key.1)
            });
        }
        self.live = None;
        self.head = None;
    }

    /// Everything should have come.
    fn settle(&mut self, scene: &Scene<'_>, key: (u32, u32), findings: &mut Findings) {
        let gap = self.coverage.first_gap(scene.places.count(key.1));
        let known = |place: &u32| self.missing.contains(place);
        let gap = gap.map(|gap| gap + scene.history.base(key.1) + 1);
        if let Some(place) = gap.filter(|place| !known(place)) {
            findings.add(Rule::Skipped, || {
                format!("client {} waited, and place {place} of {} never came", key.0, key.1)
            });
        }
    }
}

/// The answer to a sending shows the very message, always at the same place.
fn check_answer(
    conversation: u32,
    number: u32,
    seen: Seen,
    (scene, findings): (&Scene<'_>, &mut Findings),
) {
    let Some(sent) = authentic(scene.history, conversation, seen, findings) else { return };
    if seen.number != number {
        findings.add(Rule::Altered, || {
            format!("message {number} was answered with message {}", seen.number)
        });
    } else if seen.seq != sent.seq {
        findings.add(Rule::Duplicated, || {
            format!("message {number} was acknowledged at {} and at {}", sent.seq, seen.seq)
        });
    }
}

/// Missing places that are remembered for one connection; more at once are one violation.
const MISSING_MAX: usize = 4096;
