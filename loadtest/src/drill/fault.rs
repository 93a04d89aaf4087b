//! When which fault has its turn.

use crate::plan::drill::Faults;

/// Something that is done to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The server is killed and started again.
    Kill,
    /// All clients drop their connections and return at once.
    Storm,
    /// Connections are aborted at every byte of the handshake.
    Abort,
}

impl Fault {
    /// Its name in a report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Storm => "storm",
            Self::Abort => "abort",
        }
    }
}

/// The faults of a run, each with the number of acknowledged messages at which it is due.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Last one first.
    due: Vec<(u32, Fault)>,
}

impl Schedule {
    /// Spreads `faults` evenly over `goal` messages: the `i`-th storm of `n` at `(i + ¼) / n`, kill at
    /// `(i + ½) / n`, and aborts at `(i + ¾) / n`, so that equal numbers of them do not fall together.
    pub(super) fn new(faults: &Faults, goal: u32) -> Self {
        let spread = |count: u32, fault: Fault, quarter: u64| {
            (0..count).map(move |nth| {
                let quarters = 4 * u64::from(nth) + quarter;
                let share = u64::from(goal) * quarters / (4 * u64::from(count));
                (u32::try_from(share).unwrap_or(goal), fault)
            })
        };
        let all = spread(faults.kills, Fault::Kill, 2)
            .chain(spread(faults.storms, Fault::Storm, 1))
            .chain(spread(faults.aborts, Fault::Abort, 3));
        let mut due: Vec<(u32, Fault)> = all.collect();
        due.sort_unstable_by(|a, b| b.cmp(a));
        Self { due }
    }

    /// Takes out the next fault that is due after `acknowledged` messages.
    pub(super) fn next(&mut self, acknowledged: u32) -> Option<Fault> {
        self.due.pop_if(|(at, _)| *at <= acknowledged).map(|(_, fault)| fault)
    }

    /// Whether all of them had their turn.
    pub(super) fn is_over(&self) -> bool {
        self.due.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, Schedule};
    use crate::plan::drill::Faults;

    #[test]
    fn faults_are_spread_over_the_run_and_each_comes_once() {
        let slow_for = Duration::ZERO;
        let faults = Faults { kills: 2, storms: 1, aborts: 1, slow_readers: 0, slow_for };
        let mut schedule = Schedule::new(&faults, 100);
        assert_eq!(schedule.next(24), None);
        let due: Vec<Fault> = std::iter::from_fn(|| schedule.next(25)).collect();
        assert_eq!(due, [Fault::Kill, Fault::Storm]);
        assert_eq!(schedule.next(74), None);
        assert!(!schedule.is_over());
        let due: Vec<Fault> = std::iter::from_fn(|| schedule.next(90)).collect();
        assert_eq!(due, [Fault::Kill, Fault::Abort]);
        assert!(schedule.is_over());
    }
}
