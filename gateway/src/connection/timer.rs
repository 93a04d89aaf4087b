//! A hashed timer wheel: one list a tick, one entry a deadline.
//!
//! Deadlines are checked lazily. An entry that comes due asks its owner, who may put it back; so a
//! deadline that only moves later (every heartbeat) never touches the wheel. An entry whose owner
//! is gone is dropped by its owner's generation. Owned by its shard.
//!
//! Time is milliseconds since the shard began. Ticks wrap after a year and a month; only differences
//! of less than half of that count.

/// Milliseconds a tick: how late a deadline may fire.
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
    /// What it is asked.
    pub(crate) question: Question,
}

/// What an owner is asked when its deadline comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// What there is to do for the connection, and when to ask again: every connection has one such
    /// entry at a time.
    Beat,
    /// Only whether its clients may stay. Nothing is put back: the next beat arranges for it again.
    Stay,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    owner: Owner,
    due_tick: u32,
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

    /// Arranges for `owner` to be asked in `after_ms`, never sooner, at most a tick later.
    pub(crate) fn schedule(&mut self, now_ms: u64, after_ms: u32, owner: Owner) {
        // Rounded up, and past the tick that is being looked at.
        let due_tick =
            tick_of(now_ms + u64::from(after_ms) + u64::from(TICK_MS - 1)).max_wrapping(self.tick);
        self.lists[(due_tick % TICKS) as usize].push(Entry { owner, due_tick });
        // A deadline more than a turn away stands in a list that is looked at earlier.
        let seen = self.tick.wrapping_add(due_tick.wrapping_sub(self.tick) % TICKS);
        self.next = Some(self.next.map_or(seen, |next| next.min_wrapping(seen)));
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
                let due = entry.due_tick.wrapping_sub(now_tick).cast_signed() <= 0;
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
        Owner { slot, generation: 0, question: Question::Beat }
    }

    fn expired(wheel: &mut Wheel, now_ms: u64) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.expire(now_ms, &mut out);
        out.into_iter().map(|owner| owner.slot).collect()
    }

    #[test]
    fn a_deadline_never_fires_early_and_at_most_a_tick_late() {
        for after_ms in [0, 1, 7, 8, 9, 300, 25_000, 60_000] {
            let mut wheel = Wheel::new();
            wheel.schedule(3, after_ms, owner(1));
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
    fn the_wait_leads_to_the_next_deadline_or_the_turn_before_it() {
        let mut wheel = Wheel::new();
        assert_eq!(wheel.wait_ms(0), None);
        wheel.schedule(0, 500, owner(1));
        let wait = wheel.wait_ms(0).unwrap();
        assert!((500..=500 + TICK_MS).contains(&wait), "{wait}");
        assert_eq!(expired(&mut wheel, u64::from(wait)), [1]);
    }

    #[test]
    fn a_stall_fires_everything_that_came_due_meanwhile() {
        let mut wheel = Wheel::new();
        for slot in 0..100 {
            wheel.schedule(0, slot * 1_000, owner(slot));
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
            wheel.schedule(now, 25_000, owner(1));
            while now < start + 100_000 {
                let wait = wheel.wait_ms(now).unwrap();
                assert!(wait > 0, "spins at {now}");
                now += u64::from(wait);
                if !expired(&mut wheel, now).is_empty() {
                    fired += 1;
                    wheel.schedule(now, 25_000, owner(1));
                }
            }
            assert_eq!(fired, 4, "{wrap_ms}");
        }
    }
}
