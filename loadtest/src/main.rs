//! `voxora-loadtest`: reads the command line, runs the scenario, shows what it found.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use loadtest::drill;
use loadtest::flood;
use loadtest::plan::flood::Flood;
use loadtest::plan::{Plan, Scenario, Task};
use loadtest::run;
use serde::Serialize;

fn main() -> ExitCode {
    match Plan::parse().task {
        Task::Load(scenario) => load(&scenario),
        Task::Flood(plan) => flood(plan),
        Task::History(plan) => match drill::allow(&plan.subject, plan.faults.kills) {
            Err(error) => complain(&error, NOT_ALLOWED),
            Ok(()) => tell(
                drill::history(&plan).map(|report| (report.passed, report)),
                plan.subject.json.as_deref(),
            ),
        },
        Task::Reconnect(plan) => match drill::allow(&plan.subject, 0) {
            Err(error) => complain(&error, NOT_ALLOWED),
            Ok(()) => tell(
                drill::reconnect::run(&plan).map(|report| (report.passed, report)),
                plan.subject.json.as_deref(),
            ),
        },
    }
}

fn load(scenario: &Scenario) -> ExitCode {
    match run::aim(scenario) {
        Err(error) => complain(&error, NOT_ALLOWED),
        Ok(target) => tell(
            run::run(scenario, &target).map(|report| (report.verdict.passed, report)),
            scenario.common().outcome.json.as_deref(),
        ),
    }
}

fn flood(Flood { crowd, chat }: Flood) -> ExitCode {
    let chat = Scenario::SupportChat(chat);
    match run::aim(&chat) {
        Err(error) => complain(&error, NOT_ALLOWED),
        Ok(target) => tell(
            flood::run(&crowd, &chat, &target).map(|report| (report.passed, report)),
            chat.common().outcome.json.as_deref(),
        ),
    }
}

/// Shows a report and whether it is good, or why there is none.
fn tell(run: Result<(bool, impl Display + Serialize)>, json: Option<&Path>) -> ExitCode {
    let shown = run.and_then(|(passed, report)| {
        show(&report, json)?;
        Ok(passed)
    });
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_AS_EXPECTED),
        Err(error) => complain(&error, NOT_RUN),
    }
}

/// The table goes to standard output, unless the JSON is wanted there.
fn show(report: &(impl Display + Serialize), json: Option<&Path>) -> Result<()> {
    let to_stdout = json.is_some_and(|path| path == Path::new("-"));
    if to_stdout {
        write!(io::stderr().lock(), "{report}")?;
        serde_json::to_writer_pretty(io::stdout().lock(), report)?;
        writeln!(io::stdout().lock())?;
        return Ok(());
    }
    write!(io::stdout().lock(), "{report}")?;
    if let Some(path) = json {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        serde_json::to_writer_pretty(file, report)?;
    }
    Ok(())
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    // Without standard error there is nobody to tell.
    let _: io::Result<()> = writeln!(io::stderr().lock(), "voxora-loadtest: {error:#}");
    ExitCode::from(code)
}

const NOT_AS_EXPECTED: u8 = 1;
const NOT_ALLOWED: u8 = 2;
const NOT_RUN: u8 = 3;
