//! `voxora-loadtest`: reads the command line, runs the scenario, shows what it found.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use loadtest::plan::Plan;
use loadtest::report::Report;
use loadtest::run;

fn main() -> ExitCode {
    let plan = Plan::parse();
    let target = match run::aim(&plan) {
        Ok(target) => target,
        Err(error) => return complain(&error, NOT_ALLOWED),
    };
    let shown = run::run(&plan, &target).and_then(|report| {
        show(&report, plan.scenario.common().outcome.json.as_deref())?;
        Ok(report.verdict.passed)
    });
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_AS_EXPECTED),
        Err(error) => complain(&error, NOT_RUN),
    }
}

/// The table goes to standard output, unless the JSON is wanted there.
fn show(report: &Report, json: Option<&Path>) -> Result<()> {
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
