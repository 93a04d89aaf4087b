//! The processes that share the clients of a reconnection: this program, started again.
//!
//! They speak to their parent in lines on standard output, each a [`Word`] as JSON.

use std::io::{self, BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::Return;
use crate::plan::drill::Reconnect;

/// What a child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// All its clients are in.
    Ready,
    /// All its clients are back.
    Back,
    /// It has checked what they have.
    Done(Return),
}

/// Says a word, if there is a parent to hear it.
///
/// # Errors
/// The parent is gone.
pub(super) fn tell_parent(is_child: bool, word: &Word) -> Result<()> {
    if is_child {
        let line = serde_json::to_string(word)?;
        writeln!(io::stdout().lock(), "{line}").context("the parent is gone")?;
    }
    Ok(())
}

/// The children. They are ended when the value is dropped.
#[derive(Debug)]
pub(super) struct Company {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Company {
    /// Starts the processes of `plan` against the server at `url`.
    ///
    /// # Errors
    /// One of them cannot be started.
    pub(super) fn start(plan: &Reconnect, url: &str) -> Result<Self> {
        let program = std::env::current_exe().context("this program has no file")?;
        let mut company = Self { members: Vec::new() };
        for nth in 0..plan.processes {
            let connections = plan.connections * (nth + 1) / plan.processes
                - plan.connections * nth / plan.processes;
            let mut command = Command::new(&program);
            command
                .args(["reconnect", "--child", "--url", url, "--path", &plan.subject.path])
                .args(["--connections", &connections.to_string()])
                .args(["--missed", &plan.missed.to_string()])
                .args(["--patience", &format!("{}ms", plan.patience.as_millis())])
                .stdin(Stdio::null())
                .stdout(Stdio::piped());
            let mut child = command.spawn().context("could not start a client process")?;
            let stdout = child.stdout.take().context("its standard output is piped")?;
            company.members.push(Member { child, lines: BufReader::new(stdout).lines() });
        }
        Ok(company)
    }

    /// Waits until every child has said `expected`. Each bounds its own steps in time.
    ///
    /// # Errors
    /// One of them ended, or said something else.
    pub(super) fn await_all(&mut self, expected: &Word) -> Result<()> {
        for member in &mut self.members {
            let word = member.hear()?;
            ensure!(word == *expected, "a client process said {word:?}");
        }
        Ok(())
    }

    /// Waits for what every child has found.
    ///
    /// # Errors
    /// One of them ended, or said something else.
    pub(super) fn returns(&mut self) -> Result<Vec<Return>> {
        let mut returns = Vec::new();
        for member in &mut self.members {
            match member.hear()? {
                Word::Done(back) => returns.push(back),
                word @ (Word::Ready | Word::Back) => bail!("a client process said {word:?}"),
            }
        }
        Ok(returns)
    }
}

impl Member {
    fn hear(&mut self) -> Result<Word> {
        let line = self.lines.next().context("a client process ended early")??;
        serde_json::from_str(&line).with_context(|| format!("a client process said {line:?}"))
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        for member in &mut self.members {
            // An error means that it has ended already, as it should have.
            let _: io::Result<()> = member.child.kill();
            let _: io::Result<std::process::ExitStatus> = member.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Return, Word};

    #[test]
    fn words_are_understood() {
        let back = Return { clients: 3, seconds: 0.5, caught: 9, failures: vec!["x".to_owned()] };
        for word in [Word::Ready, Word::Back, Word::Done(back)] {
            let line = serde_json::to_string(&word).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Word>(&line).unwrap(), word);
        }
    }
}
