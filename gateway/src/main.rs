//! `voxora`: sockets and REST on one port, with everything it needs inside.

use std::io::Write as _;
use std::process::ExitCode;

use gateway::config::{CommandLine, Task};
use gateway::error::Error;
use gateway::serve;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for a command line or configuration that cannot be used. Source: sysexits.h,
/// `EX_USAGE`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let line = match CommandLine::read() {
        Ok(line) => line,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let task = match line.settle() {
        Ok(task) => task,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(|it| format!("  - {it}")).collect();
            say(&format!("voxora cannot start with this configuration:\n{}", lines.join("\n")));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("voxora: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<(), Error> {
    let services = tokio::runtime::Builder::new_multi_thread()
        .thread_name("services")
        .enable_all()
        .build()
        .map_err(Error::Start)?;
    services.block_on(async {
        match task {
            Task::Serve(serve) => {
                serve::start_log(&serve.log);
                serve::run(*serve).await
            }
            Task::CreateAdmin { data_dir, shared } => serve::create_admin(&data_dir, &shared).await,
        }
    })
}

/// An error and what caused it, in one sentence.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !sentence.ends_with(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
        cause = error.source();
    }
    sentence
}

fn say(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{text}");
}
