mod world;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::finding::{Findings, Rule};
use super::row::{Event, NOBODY, Seen};
use super::{History, check};
use world::{Deed, TALKERS, World};

/// A run of everyday life: talk, a lost answer, a lost message, somebody away for a while.
fn everyday() -> History {
    let mut world = World::new(0);
    for _ in 0..5 {
        (0..TALKERS).for_each(|who| world.act(Deed::Send(who)));
    }
    for deed in [
        Deed::Fall(4),
        Deed::SendAndFall(0),
        Deed::Send(1),
        Deed::SendInVain(2),
        Deed::Send(3),
        Deed::Return(0),
        Deed::Send(0),
        Deed::Return(2),
        Deed::Return(4),
        Deed::Send(1),
        Deed::Send(3),
    ] {
        world.act(deed);
    }
    world.end()
}

/// The rules that `history` breaks.
fn broken(history: &History) -> Vec<Rule> {
    check(history).counts.into_keys().collect()
}

/// What `change` makes of everyday life.
fn broken_by(change: impl FnOnce(&mut History)) -> Vec<Rule> {
    let mut history = everyday();
    change(&mut history);
    broken(&history)
}

/// The index of the `nth` event of `client` that came by itself.
fn live(history: &History, client: u32, nth: usize) -> usize {
    let mine = history
        .heard
        .iter()
        .enumerate()
        .filter(|(_, heard)| heard.client == client && matches!(heard.event, Event::Live(_)));
    mine.map(|(index, _)| index).nth(nth).unwrap()
}

/// What the event shows.
fn seen(history: &mut History, index: usize) -> &mut Seen {
    match &mut history.heard[index].event {
        Event::Live(seen) | Event::Caught(seen) | Event::Acked { seen, .. } => seen,
        Event::Joined { .. } | Event::Settled => panic!("it shows nothing"),
    }
}

#[test]
fn everyday_life_keeps_every_rule_and_is_counted() {
    let findings = check(&everyday());
    assert!(findings.is_clean(), "{findings:#?}");
    let seen = findings.seen;
    assert_eq!((seen.messages, seen.acknowledged, seen.unknown), (27, 27, 0));
    assert_eq!((seen.repeated, seen.stored), (2, 27));
    assert!(seen.live > 40 && seen.caught > 4, "{seen:?}");
}

#[test]
fn history_without_anything_is_clean() {
    assert_eq!(check(&History::default()), Findings::default());
}

#[test]
fn unknown_outcome_may_be_stored_or_not() {
    let forget = |history: &mut History, number: u32| {
        history.sent[number as usize].acked_at = 0;
        history.heard.retain(
            |heard| !matches!(heard.event, Event::Acked { number: other, .. } if other == number),
        );
    };
    assert_eq!(broken_by(|history| forget(history, 3)), []);
    let gone = broken_by(|history| {
        history.add_conversation([0, 1], 0);
        history.sends(0, 9, 2, 5);
    });
    assert_eq!(gone, []);
}

#[test]
fn acknowledged_message_that_the_store_lacks_is_lost() {
    // Nobody has heard the last one, so nothing else is wrong with it.
    let rules = broken_by(|history| {
        let number = history.sends(1, 7, 0, 99);
        history.acknowledged(number, 7, Seen { seq: 15, number, print: 99 });
    });
    assert_eq!(rules, [Rule::Lost]);
    let rules = broken_by(|history| {
        history.stored.pop();
    });
    assert!(rules.contains(&Rule::Lost), "{rules:?}");
}

#[test]
fn heard_message_that_the_store_lacks_has_vanished() {
    let rules = broken_by(|history| {
        let number = history.sends(1, 1, 0, 99);
        let index = live(history, 0, 3);
        *seen(history, index) = Seen { number, print: 99, ..*seen(history, index) };
        // It was there for the others.
        let mut again = history.heard[index];
        again.tenure = 0;
        again.event = everyday().heard[index].event;
        history.heard.insert(0, again);
    });
    assert_eq!(rules, [Rule::Vanished]);
}

#[test]
fn message_that_nobody_sent_is_invented() {
    let rules = broken_by(|history| {
        let index = live(history, 1, 2);
        let mut row = history.heard[index];
        row.event = Event::Caught(Seen { seq: 3, number: NOBODY, print: 1 });
        history.heard.push(row);
    });
    assert_eq!(rules, [Rule::Invented]);
}

#[test]
fn message_stored_twice_is_duplicated() {
    let rules = broken_by(|history| {
        let mut copy = history.stored[2];
        let newest = history.stored.iter().rfind(|row| row.conversation == 0);
        copy.seen.seq = newest.unwrap().seen.seq + 1;
        history.stored.push(copy);
    });
    // Nobody has heard the second one.
    assert!(rules.contains(&Rule::Duplicated), "{rules:?}");
    let rules = broken_by(|history| {
        let copy = history.stored[2];
        history.stored.push(copy);
    });
    assert_eq!(rules, [Rule::Duplicated]);
}

#[test]
fn message_heard_twice_on_a_connection_is_duplicated() {
    let rules = broken_by(|history| {
        let index = live(history, 1, 2);
        let copy = history.heard[index];
        history.heard.insert(index + 1, copy);
    });
    assert_eq!(rules, [Rule::Duplicated]);
}

#[test]
fn retry_that_gets_another_place_is_duplicated() {
    let rules = broken_by(|history| {
        let sent = history.sent[1];
        history.acknowledged(1, 1, Seen { seq: sent.seq + 1, number: 1, print: sent.print });
    });
    assert_eq!(rules, [Rule::Duplicated]);
}

#[test]
fn empty_place_in_the_store_is_skipped() {
    let rules = broken_by(|history| {
        // The message is counted as never answered and never heard, so only its place is missing.
        let row = history.stored.remove(4);
        history.sent[row.seen.number as usize].acked_at = 0;
        history.heard.retain(|heard| match heard.event {
            Event::Live(seen) | Event::Caught(seen) => seen.number != row.seen.number,
            Event::Acked { number, .. } => number != row.seen.number,
            Event::Joined { .. } | Event::Settled => true,
        });
    });
    assert!(rules.contains(&Rule::Skipped), "{rules:?}");
    assert!(!rules.contains(&Rule::Lost) && !rules.contains(&Rule::Vanished), "{rules:?}");
}

#[test]
fn place_that_one_connection_never_heard_is_skipped() {
    // Later it asks and gets it, so nothing else is wrong.
    let rules = broken_by(|history| {
        let index = live(history, 1, 2);
        let mut row = history.heard.remove(index);
        let Event::Live(seen) = row.event else { panic!("it came by itself") };
        row.event = Event::Caught(seen);
        history.heard.push(row);
    });
    assert_eq!(rules, [Rule::Skipped]);
}

#[test]
fn gap_between_a_join_and_the_first_message_after_it_is_skipped() {
    let rules = broken_by(|history| {
        let joined = |heard: &super::row::Heard| {
            heard.client == 4 && heard.tenure == 2 && matches!(heard.event, Event::Joined { .. })
        };
        let index = history.heard.iter().position(joined).unwrap();
        let Event::Joined { head } = &mut history.heard[index].event else { panic!("it joined") };
        *head -= 2;
    });
    assert_eq!(rules, [Rule::Skipped]);
}

#[test]
fn end_that_never_came_by_itself_is_skipped() {
    let rules = broken_by(|history| {
        let last = history
            .heard
            .iter()
            .rposition(|heard| heard.client == 1 && matches!(heard.event, Event::Live(_)));
        let mut row = history.heard.remove(last.unwrap());
        let Event::Live(seen) = row.event else { panic!("it came by itself") };
        row.event = Event::Caught(seen);
        history.heard.push(row);
    });
    assert_eq!(rules, [Rule::Skipped]);
}

#[test]
fn two_messages_heard_in_the_wrong_order_are_swapped() {
    let rules = broken_by(|history| {
        let (first, second) = (live(history, 1, 2), live(history, 1, 3));
        history.heard.swap(first, second);
    });
    assert_eq!(rules, [Rule::Swapped]);
}

#[test]
fn two_messages_stored_in_the_wrong_order_are_swapped() {
    let rules = broken_by(|history| {
        let (first, second) = (history.stored[2].seen, history.stored[3].seen);
        history.stored[2].seen = Seen { seq: first.seq, ..second };
        history.stored[3].seen = Seen { seq: second.seq, ..first };
    });
    assert!(rules.contains(&Rule::Swapped), "{rules:?}");
    assert!(!rules.contains(&Rule::Lost) && !rules.contains(&Rule::Duplicated), "{rules:?}");
}

#[test]
fn order_against_time_is_swapped_even_if_all_agree_on_it() {
    let rules = broken_by(|history| {
        // Sent after everything was answered, and never answered itself.
        history.sent[0].acked_at = 0;
        history.sent[0].sent_at = u32::MAX - 1;
        history.heard.retain(|heard| !matches!(heard.event, Event::Acked { number: 0, .. }));
    });
    assert_eq!(rules, [Rule::Swapped]);
}

#[test]
fn messages_of_one_sender_out_of_their_order_are_swapped() {
    let mut history = History::default();
    history.add_conversation([0, 1], 0);
    history.add_client(0, &[]);
    let [first, second] = [history.sends(0, 1, 0, 5), history.sends(0, 1, 0, 5)];
    for (seq, number) in [(1, second), (2, first)] {
        let seen = Seen { seq, number, print: 5 };
        history.acknowledged(number, 1, seen);
        history.holds(super::row::Stored { conversation: 0, seen });
    }
    // The client has joined nothing, so that its answers are nobody's business but theirs.
    history.heard.clear();
    assert_eq!(broken(&history), [Rule::Swapped]);
    history.sends_again(first);
    assert_eq!(broken(&history), [], "a retry may come later");
}

#[test]
fn changed_text_is_altered_wherever_it_shows() {
    let heard = broken_by(|history| {
        let index = live(history, 1, 2);
        let row = history.heard[index];
        history.heard.push(row);
        history.heard.last_mut().unwrap().event = Event::Caught(*seen(history, index));
        let index = history.heard.len() - 1;
        seen(history, index).print ^= 1;
    });
    assert_eq!(heard, [Rule::Altered]);
    let answered = broken_by(|history| {
        let index = history.heard.iter().position(|it| matches!(it.event, Event::Acked { .. }));
        seen(history, index.unwrap()).print ^= 1;
    });
    assert_eq!(answered, [Rule::Altered]);
    let stored = broken_by(|history| history.stored[3].seen.print ^= 1);
    assert!(stored.contains(&Rule::Altered), "{stored:?}");
}

#[test]
fn answer_about_another_message_is_altered() {
    let rules = broken_by(|history| {
        let index = history.heard.iter().position(|it| matches!(it.event, Event::Acked { .. }));
        let Event::Acked { number, .. } = &mut history.heard[index.unwrap()].event else {
            panic!("it is an answer")
        };
        *number += 1;
    });
    assert_eq!(rules, [Rule::Altered]);
}

#[test]
fn what_another_pair_says_is_leaked() {
    // User 0 is not in conversation 1; user 1's first client may read it and has not joined it.
    for client in [0, 1] {
        let rules = broken_by(|history| {
            let mut row = history.heard[live(history, 3, 0)];
            row.client = client;
            history.heard.push(row);
        });
        assert_eq!(rules, [Rule::Leaked], "client {client}");
    }
    assert_eq!(broken_by(|history| history.shows(1, 0)), [Rule::Leaked]);
    let let_in = broken_by(|history| {
        let intruder = history.add_client(0, &[]);
        let event = Event::Joined { head: 3 };
        let row = super::row::Heard { client: intruder, conversation: 1, tenure: 1, event };
        history.hears(row);
    });
    assert_eq!(let_in, [Rule::Leaked]);
}

#[test]
fn client_that_never_gets_the_rest_has_diverged() {
    let rules = broken_by(|history| {
        // The last it ever hears is not the newest, and nobody waited for it.
        let last = live(history, 4, 8);
        let mut index = 0;
        history.heard.retain(|heard| {
            index += 1;
            heard.client != 4 || index - 1 < last
        });
    });
    assert_eq!(rules, [Rule::Diverged]);
}

#[test]
fn examples_are_few_and_counts_are_whole() {
    let mut history = everyday();
    (0..50).for_each(|_| history.shows(1, 0));
    let findings = check(&history);
    assert_eq!(findings.count(Rule::Leaked), 50);
    assert_eq!(findings.examples.len() as u64, super::finding::EXAMPLES_MAX);
}

fn deed() -> impl Strategy<Value = Deed> {
    let talker = 0..TALKERS;
    let seat = 0..=TALKERS;
    prop_oneof![
        8 => talker.clone().prop_map(Deed::Send),
        2 => talker.clone().prop_map(Deed::SendAndFall),
        1 => talker.prop_map(Deed::SendInVain),
        2 => seat.clone().prop_map(Deed::Fall),
        4 => seat.prop_map(Deed::Return),
    ]
}

fn any_history() -> impl Strategy<Value = History> {
    let base = prop_oneof![Just(0_u32), 1..1000_u32];
    (base, proptest::collection::vec(deed(), 1..120)).prop_map(|(base, deeds)| {
        let mut world = World::new(base);
        for deed in deeds {
            world.act(deed);
        }
        world.end()
    })
}

proptest! {
    #[test]
    fn whatever_happens_to_connections_breaks_no_rule(history in any_history()) {
        let findings = check(&history);
        prop_assert!(findings.is_clean(), "{:#?}", findings);
    }

    #[test]
    fn any_stored_message_taken_away_is_noticed(mut history in any_history(), at in any::<proptest::sample::Index>()) {
        if !history.stored.is_empty() {
            let row = history.stored.remove(at.index(history.stored.len()));
            let findings = check(&history);
            prop_assert_eq!(findings.count(Rule::Lost), 1, "{:?}", row);
            prop_assert!(findings.count(Rule::Vanished) >= 1);
        }
    }

    #[test]
    fn any_event_taken_away_repeated_or_altered_is_noticed(
        mut history in any_history(),
        at in any::<proptest::sample::Index>(),
        how in 0..3,
    ) {
        let shown: Vec<usize> = (0..history.heard.len())
            .filter(|index| matches!(history.heard[*index].event, Event::Live(_)))
            .collect();
        if !shown.is_empty() {
            let index = shown[at.index(shown.len())];
            let expected = match how {
                0 => {
                    history.heard.remove(index);
                    // It has not been asked for, so its client lacks it in the end.
                    Rule::Diverged
                }
                1 => {
                    let copy = history.heard[index];
                    history.heard.insert(index, copy);
                    Rule::Duplicated
                }
                _ => {
                    seen(&mut history, index).print ^= 1 << 40;
                    Rule::Altered
                }
            };
            prop_assert!(check(&history).count(expected) >= 1, "{}", expected.name());
        }
    }
}
