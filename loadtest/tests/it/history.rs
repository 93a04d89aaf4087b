//! The history checker over the wire, against a server that breaks one promise.

use clap::Parser as _;
use loadtest::drill::{self, report::HistoryReport};
use loadtest::history::finding::Rule;
use loadtest::plan::{Plan, Task};

use crate::chatter::{self, Breaks};

/// What the checker makes of a server that breaks this. Where something is missing it is waited for
/// in vain, all of `patience`.
fn check(breaks: Breaks, patience: &str) -> HistoryReport {
    let address = chatter::start(breaks);
    let line = format!(
        "voxora-loadtest history --sends 120 --conversations 3 --storms 1 --intruders 3 \
         --slow-for 0s --patience {patience} --url http://{address}"
    );
    let plan = Plan::try_parse_from(line.split_ascii_whitespace()).unwrap();
    let Task::History(plan) = plan.task else { panic!("the line names another task") };
    drill::history(&plan).unwrap()
}

#[test]
fn server_that_keeps_its_promises_passes() {
    let report = check(Breaks::Nothing, "2m");
    assert!(report.passed, "{report}");
    let seen = report.findings.seen;
    assert_eq!((seen.acknowledged, seen.stored), (120, 120), "{report}");
    assert!(seen.live >= 120 && report.intrusions_refused > 0, "{report}");
}

#[test]
fn every_broken_promise_is_found_and_called_by_its_name() {
    let cases = [
        (Breaks::Storing, [Rule::Lost, Rule::Vanished].as_slice()),
        (Breaks::StoringOnce, &[Rule::Duplicated]),
        (Breaks::Text, &[Rule::Altered]),
        (Breaks::AnnouncingOnce, &[Rule::Duplicated]),
        (Breaks::Order, &[Rule::Swapped]),
        (Breaks::Announcing, &[Rule::Skipped]),
        (Breaks::Privacy, &[Rule::Leaked]),
        (Breaks::Doors, &[Rule::Leaked]),
        (Breaks::Catching, &[Rule::Skipped, Rule::Diverged]),
    ];
    let judge = |(breaks, rules): (Breaks, &[Rule])| {
        let report = check(breaks, "4s");
        assert!(!report.passed, "{breaks:?}\n{report}");
        for rule in rules {
            assert!(
                report.findings.count(*rule) > 0,
                "{breaks:?} is not {}\n{report}",
                rule.name()
            );
        }
    };
    // A broken server is waited for, so they are looked at side by side.
    std::thread::scope(|scope| {
        let threads = cases.map(|case| scope.spawn(move || judge(case)));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
