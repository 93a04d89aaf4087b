//! `voxora-api`: the REST API of voxora as a process of its own.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use api::process;
use api::serve::{self, CommandLine};
use api::start::StartError;

fn main() -> ExitCode {
    process::read_dotenv();
    let task = match CommandLine::read().map(CommandLine::settle) {
        Ok(Ok(task)) => task,
        Ok(Err(problems)) => return process::end_by_problems("voxora-api", &problems),
        Err(error) => return process::end_by_usage(&error),
    };
    let run = || {
        let runtime = tokio::runtime::Runtime::new().map_err(StartError::System)?;
        runtime.block_on(serve::run(task))
    };
    process::end("voxora-api", run())
}
