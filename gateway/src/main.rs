//! `voxora`: sockets and REST on one port, with everything it needs inside.

use std::process::ExitCode;

use api::process;
use gateway::config::{CommandLine, Task};
use gateway::error::Error;
use gateway::serve;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    process::read_dotenv();
    let task = match CommandLine::read().map(CommandLine::settle) {
        Ok(Ok(task)) => task,
        Ok(Err(problems)) => return process::end_by_problems("voxora", &problems),
        Err(error) => return process::end_by_usage(&error),
    };
    process::end("voxora", run(task))
}

fn run(task: Task) -> Result<(), Error> {
    let services = tokio::runtime::Builder::new_multi_thread()
        .thread_name("services")
        .enable_all()
        .build()
        .map_err(Error::System)?;
    services.block_on(async {
        match task {
            Task::Serve(serve) => {
                process::start_log(&serve.log);
                serve::run(*serve).await
            }
            Task::CreateAdmin { data_dir, shared } => serve::create_admin(&data_dir, &shared).await,
            Task::DeclareRestored { data_dir } => serve::declare_restored(&data_dir).await,
        }
    })
}
