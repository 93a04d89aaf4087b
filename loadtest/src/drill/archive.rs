//! The store as it shows over REST when all is over: every conversation to one of its members, and
//! to one who is none.

use anyhow::{Context as _, Result, bail, ensure};

use super::cast::Cast;
use super::word::{Page, Words};
use crate::history::History;
use crate::history::row::Stored;
use crate::progress::Progress;
use crate::rest::Line;
use crate::swarm::Server;

/// Reads all conversations of `cast` into `history`, the members taking turns; `base` is where each
/// began.
///
/// # Errors
/// The server cannot be read from, or a page leads nowhere.
pub(super) fn read(
    server: &Server,
    cast: &Cast,
    words: &Words,
    history: &mut History,
) -> Result<()> {
    let mut line = Line::new(server);
    let mut progress = Progress::start("reading", cast.conversations.len() as u64);
    for (conversation, room) in (0_u32..).zip(&cast.conversations) {
        progress.set(conversation.into());
        let reader = room.members[conversation as usize % 2];
        let account = cast.accounts.get(reader).context("a member has an account")?;
        let mut after = history.base(conversation);
        while let Some(rows) = page(&mut line, (&room.id, after), account.token(), words)? {
            let Some(last) = rows.last() else { break };
            ensure!(last.seq > after, "a page behind {after} of {} leads back", room.id);
            after = last.seq;
            for seen in rows {
                history.holds(Stored { conversation, seen });
            }
        }
        let Some(stranger) = (0..cast.accounts.len()).find(|user| !room.members.contains(user))
        else {
            continue;
        };
        let account = cast.accounts.get(stranger).context("a stranger has an account")?;
        if page(&mut line, (&room.id, 0), account.token(), words)?.is_some() {
            history.shows(conversation, u32::try_from(stranger).context("users are few")?);
        }
    }
    progress.finish();
    Ok(())
}

/// The messages of a page, or nothing where the server says that there is no such conversation.
fn page(
    line: &mut Line<'_>,
    (conversation, after): (&str, u32),
    token: &str,
    words: &Words,
) -> Result<Option<Vec<crate::history::row::Seen>>> {
    let path =
        format!("/api/v1/messages/conversation/{conversation}?afterSeq={after}&limit={PAGE_LEN}");
    let answer = line.get(&path, token)?;
    match answer.status {
        200 => {
            let page: Page<'_> = serde_json::from_slice(&answer.body)
                .with_context(|| format!("{path} brought no messages"))?;
            Ok(Some(page.data.messages.iter().map(|wire| words.seen(wire)).collect()))
        }
        403 | 404 => Ok(None),
        429 => bail!(
            "the server limits requests (RATE_LIMIT_MAX_REQUESTS); it asks to wait {} s",
            answer.retry_after.as_deref().unwrap_or("some")
        ),
        status => bail!("{path} was answered with status {status}"),
    }
}

/// The most that a server puts on a page.
const PAGE_LEN: u32 = 100;
