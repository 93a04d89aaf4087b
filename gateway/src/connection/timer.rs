//! A hashed timer wheel: one list a tick, one entry an owner.
//!
//! Deadlines are checked lazily. An entry that comes due asks its owner, who puts back the earliest
//! of what it waits for; so a deadline that only moves later (every heartbeat) never touches the
//! wheel. One that moves earlier moves the entry: its owner keeps in an [`Alarm`] where that stands,
//! so that nothing a client does adds another. An entry whose owner is gone is dropped by its
//! owner's generation. Owned by its shard.
//!
//! Time is milliseconds since the shard began. Ticks wrap after a year and a month; only differences
//! of less than half of that count.

use std::num::NonZeroU32;

/// Milliseconds a tick; a deadline fires up to two of them late.
pub(crate) const TICK_MS: u32 = 8;

/// Ticks a turn of the wheel; a later deadline waits for as many turns as it needs.
const TICKS: u32 = 1024;

/// An emptied list gives its memory back beyond this many entries.
const LIST_CAPACITY_KEPT: usize = 64;

/// Whom an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The slot in the connection slab.
    pub(crate) slot: u32,
    /// Which tenant of the slot.
    pub(crate) generation: u32,
}

/// Where an owner's entry stands, kept by the owner: the tick that it comes due at, if there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Alarm(Option<NonZeroU32>);

impl Alarm {
    /// Its entry has come due, and is in the wheel no more.
    pub(crate) const fn clear(&mut self) {
        self.0 = None;
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    owner: Owner,
    due_tick: NonZeroU32,
}

/// The wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    lists: Box<[Vec<Entry>]>,
    /// The next tick to look at.
    tick: u32,
    /// No list before this tick has entries; `None` when no list has.
    next: Option<u32>,
}

impl Wheel {
    /// An empty wheel.
    pub(crate) fn new() -> Self {
        Self { lists: (0..TICKS).map(|_| Vec::new()).collect(), tick: 0, next: None }
    }

    /// Arranges for `owner` to be asked in `after_ms`, at most two ticks later, and not before that
    /// unless something else that it waits for comes first.
    ///
    /// # Cost
    /// Nothing where it is asked sooner anyway. A search of one list where it was to be asked later.
    pub(crate) fn schedule(&mut self, now_ms: u64, after_ms: u32, owner: Owner, alarm: &mut Alarm) {
        // Rounded up, and past the tick that is being looked at.
        let due_tick =
            tick_of(now_ms + u64::from(after_ms) + u64::from(TICK_MS - 1)).max_wrapping(self.tick);
        // The tick 0 of a new round is late by one.
        let due_tick = NonZeroU32::new(due_tick).unwrap_or(NonZeroU32::MIN);
        if let Some(set) = alarm.0 {
            if set.get().min_wrapping(due_tick.get()) == set.get() {
                return;
            }
            self.take_out(set, owner);
        }
        alarm.0 = Some(due_tick);
        self.list(due_tick).push(Entry { owner, due_tick });
        // A deadline more than a turn away stands in a list that is looked at earlier.
        let seen = self.tick.wrapping_add(due_tick.get().wrapping_sub(self.tick) % TICKS);
        self.next = Some(self.next.map_or(seen, |next| next.min_wrapping(seen)));
    }

    fn take_out(&mut self, due_tick: NonZeroU32, owner: Owner) {
        let list = self.list(due_tick);
        if let Some(index) = list.iter().position(|entry| entry.owner == owner) {
            list.swap_remove(index);
        }
    }

    fn list(&mut self, due_tick: NonZeroU32) -> &mut Vec<Entry> {
        &mut self.lists[(due_tick.get() % TICKS) as usize]
    }

    /// Entries there are.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.lists.iter().map(Vec::len).sum()
    }

    /// Milliseconds until something may come due; `None` when nothing is scheduled.
    pub(crate) fn wait_ms(&self, now_ms: u64) -> Option<u32> {
        let ticks = self.next?.wrapping_sub(tick_of(now_ms)).cast_signed().max(0).cast_unsigned();
        let into_tick_ms = u32::try_from(now_ms % u64::from(TICK_MS)).unwrap_or(0);
        Some(ticks.saturating_mul(TICK_MS).saturating_sub(into_tick_ms))
    }

    /// Moves every owner that is due now into `out`.
    ///
    /// # Cost
    /// Nothing before the next occupied tick; then one list a tick, and a search for the next.
    pub(crate) fn expire(&mut self, now_ms: u64, out: &mut Vec<Owner>) {
        let now_tick = tick_of(now_ms);
        if self.next.is_none_or(|next| next.wrapping_sub(now_tick).cast_signed() > 0) {
            self.tick = self.tick.max_wrapping(now_tick);
            return;
        }
        // After a stall longer than a turn, one turn visits every list.
        let behind = now_tick.wrapping_sub(self.tick).min(TICKS - 1);
        for tick in (0..=behind).map(|back| now_tick.wrapping_sub(back)) {
            let list = &mut self.lists[(tick % TICKS) as usize];
            list.retain(|entry| {
                let due = entry.due_tick.get().wrapping_sub(now_tick).cast_signed() <= 0;
                if due {
                    out.push(entry.owner);
                }
                !due
            });
            if list.is_empty() && list.capacity() > LIST_CAPACITY_KEPT {
                list.shrink_to(0);
            }
        }
        self.tick = now_tick.wrapping_add(1);
        self.next = (0..TICKS)
            .map(|ahead| self.tick.wrapping_add(ahead))
            .find(|tick| !self.lists[(tick % TICKS) as usize].is_empty());
    }
}

/// The tick of a point in time. Wraps at 2^32 ticks, as all arithmetic on ticks does: the division
/// comes first, or the tick would wrap elsewhere.
const fn tick_of(ms: u64) -> u32 {
    let [_, _, _, _, low @ ..] = (ms / TICK_MS as u64).to_be_bytes();
    u32::from_be_bytes(low)
}

/// Points on a circle, less than half of it apart.
trait Wrapping {
    /// The later one.
    fn max_wrapping(self, other: Self) -> Self;
    /// The earlier one.
    fn min_wrapping(self, other: Self) -> Self;
}

impl Wrapping for u32 {
    fn max_wrapping(self, other: Self) -> Self {
        if self.wrapping_sub(other).cast_signed() >= 0 { self } else { other }
    }

    fn min_wrapping(self, other: Self) -> Self {
        if self.wrapping_sub(other).cast_signed() <= 0 { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(slot: u32) -> Owner {
        Owner { slot, generation: 0 }
    }

    fn expired(wheel: &mut Wheel, now_ms: u64) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.expire(now_ms, &mut out);
        out.into_iter().map(|owner| owner.slot).collect()
    }

    #[test]
    fn a_deadline_never_fires_early_and_at_most_two_ticks_late() {
        for after_ms in [0, 1, 7, 8, 9, 300, 25_000, 60_000] {
            let mut wheel = Wheel::new();
            wheel.schedule(3, after_ms, owner(1), &mut Alarm::default());
            let mut fired = None;
            for now in 3..u64::from(after_ms) + 40 {
                if !expired(&mut wheel, now).is_empty() {
                    fired = Some(now);
                    break;
                }
            }
            let fired = fired.unwrap();
            assert!(fired >= 3 + u64::from(after_ms), "{after_ms}: early at {fired}");
            assert!(fired <= 3 + u64::from(after_ms + 2 * TICK_MS), "{after_ms}: late at {fired}");
            assert_eq!(wheel.wait_ms(fired), None);
        }
    }

    #[test]
    fn an_owner_has_one_entry_and_is_asked_at_the_earliest_of_what_it_waits_for() {
        // Also across the tick 0 of a new round, and more than a turn away.
        for start in [3, (1 << 32) * u64::from(TICK_MS) - 100] {
            let mut wheel = Wheel::new();
            expired(&mut wheel, start);
            let (mut alarm, mut others) = (Alarm::default(), [Alarm::default(); 50]);
            for (slot, other) in others.iter_mut().enumerate() {
                wheel.schedule(start, 20_000, owner(u32::try_from(slot).unwrap() + 2), other);
            }
            for after_ms in [20_000, 500, 100, 300, 100, 25_000] {
                wheel.schedule(start, after_ms, owner(1), &mut alarm);
                assert_eq!(wheel.entries(), 51, "{after_ms}");
            }
            assert!(expired(&mut wheel, start + 99).is_empty());
            assert_eq!(expired(&mut wheel, start + u64::from(100 + 2 * TICK_MS)), [1]);
            alarm.clear();
            wheel.schedule(start + 200, 300, owner(1), &mut alarm);
            assert!(expired(&mut wheel, start + 499).is_empty());
            assert_eq!(expired(&mut wheel, start + u64::from(500 + 2 * TICK_MS)), [1]);
            assert_eq!(expired(&mut wheel, start + 30_000).len(), 50);
            assert_eq!(wheel.entries(), 0);
        }
    }

    #[test]
    fn the_wait_leads_to_the_next_deadline_or_the_turn_before_it() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.wait_ms(0), None);
        wheel.schedule(0, 500, owner(1), &mut Alarm::default());
        let wait = wheel.wait_ms(0).unwrap();
        assert!((500..=500 + TICK_MS).contains(&wait), "{wait}");
        assert_eq!(expired(&mut wheel, u64::from(wait)), [1]);
    }

    #[test]
    fn a_stall_fires_everything_that_came_due_meanwhile() {
        let mut wheel = Wheel::new();
        for slot in 0..100 {
            wheel.schedule(0, slot * 1_000, owner(slot), &mut Alarm::default());
        }
        let mut fired = expired(&mut wheel, 50_000);
        fired.sort_unstable();
        assert_eq!(fired, (0..=49).chain(50..=50).take(fired.len()).collect::<Vec<_>>());
        assert!(fired.len() >= 50);
        let mut rest = expired(&mut wheel, 200_000);
        rest.extend(fired);
        assert_eq!(rest.len(), 100);
    }

    #[test]
    fn deadlines_come_across_every_wrap_of_a_counter() {
        // 2^32 ms are 49 days, 2^32 ticks are 397.
        for wrap_ms in [1 << 32, (1 << 32) * u64::from(TICK_MS)] {
            let mut wheel = Wheel::new();
            let start = wrap_ms - 30_000;
            expired(&mut wheel, start);
            let (mut now, mut fired) = (start, 0);
            wheel.schedule(now, 25_000, owner(1), &mut Alarm::default());
            while now < start + 100_000 {
                let wait = wheel.wait_ms(now).unwrap();
                assert!(wait > 0, "spins at {now}");
                now += u64::from(wait);
                if !expired(&mut wheel, now).is_empty() {
                    fired += 1;
                    wheel.schedule(now, 25_000, owner(1), &mut Alarm::default());
                }
            }
            assert_eq!(fired, 4, "{wrap_ms}");
        }
    }
}
