//! The conversations of a run, created over sockets: one client per user, one at a time each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Conversation;
use super::account::Account;
use crate::app::{AckBy, Dialect};
use crate::client::Heard;
use crate::progress::Progress;
use crate::swarm::{Dial, Outlet, Script, Server, Swarm};

/// What creating needs beside the users.
#[derive(Debug)]
pub struct Means {
    /// How the target is spoken to.
    pub dialect: Dialect,
    /// Shows how far it has come.
    pub progress: Progress,
}

/// Creates a conversation for each of `pairs`. A pair that has an open one keeps it.
///
/// # Errors
/// A connection failed, or the server refused or did not answer in time.
pub fn create(
    servers: &[Server],
    accounts: &[Account],
    pairs: Vec<[usize; 2]>,
    mut means: Means,
) -> Result<Vec<Conversation>> {
    let deadline = Instant::now() + TIME_MAX;
    // Not all users create: the last of them is only invited.
    let hellos: Vec<Arc<[u8]>> = accounts.iter().map(Account::hello).collect();
    let dial = Dial { servers: servers.to_vec(), hellos, per_second: None, window: CONNECTING_MAX };
    let mut swarm = Swarm::new(dial)?;
    let mut founder = Founder::new(accounts, pairs, means.dialect.ack_by);
    while founder.missing > 0 {
        let now = Instant::now();
        if let Some(refusal) = &founder.refusal {
            bail!("a conversation could not be created: {refusal}");
        }
        if swarm.census().never_connected() + swarm.census().lost() > 0 {
            let reason = swarm.census().reasons().keys().next().map_or("", String::as_str);
            bail!("a user could not connect or was thrown out: {reason}");
        }
        if now > deadline {
            bail!("{} conversations were not created within {TIME_MAX:?}", founder.missing);
        }
        means.progress.set((founder.created.len() - founder.missing) as u64);
        swarm.turn(&mut founder, now + TURN)?;
    }
    means.progress.finish();
    swarm.leave();
    founder.finish()
}

struct Founder {
    users: Vec<String>,
    ack_by: AckBy,
    pairs: Vec<[usize; 2]>,
    /// The pairs that each user is to create, last first.
    tasks: Vec<Vec<usize>>,
    current: Vec<Option<usize>>,
    created: Vec<Option<Box<str>>>,
    missing: usize,
    refusal: Option<String>,
}

impl Founder {
    fn new(accounts: &[Account], pairs: Vec<[usize; 2]>, ack_by: AckBy) -> Self {
        let mut tasks = vec![Vec::new(); accounts.len()];
        for (index, [creator, _]) in pairs.iter().enumerate().rev() {
            if let Some(list) = tasks.get_mut(*creator) {
                list.push(index);
            }
        }
        Self {
            users: accounts.iter().map(|account| account.user.to_string()).collect(),
            ack_by,
            tasks,
            current: vec![None; accounts.len()],
            created: vec![None; pairs.len()],
            missing: pairs.len(),
            pairs,
            refusal: None,
        }
    }

    fn ask_next(&mut self, id: u32, outlet: &mut Outlet<'_>) {
        let user = id as usize;
        let next = self.tasks.get_mut(user).and_then(Vec::pop);
        if let Some(current) = self.current.get_mut(user) {
            *current = next;
        }
        let Some(pair) = next else { return };
        let invited = self.pairs.get(pair).and_then(|[_, invited]| self.users.get(*invited));
        let request = json!(["create_conversation", { "participantId": invited }]);
        let ack = match self.ack_by {
            AckBy::Packet => pair.to_string(),
            AckBy::Event => String::new(),
        };
        outlet.send(id, format!("42{ack}{request}").as_bytes());
    }

    /// Whether the conversation in `body` is client `id`'s own, and not one it was invited to.
    fn is_creator(&self, id: u32, body: &[u8]) -> bool {
        let creator = text_at(body, "/1/createdBy/userId");
        creator.is_none_or(|user| self.users.get(id as usize).is_some_and(|own| **own == *user))
    }

    fn answered(&mut self, id: u32, found: Option<Box<str>>, said: &[u8]) {
        let current = self.current.get(id as usize).copied().flatten();
        let place = current.and_then(|pair| self.created.get_mut(pair));
        match (found, place) {
            (Some(conversation), Some(place)) => {
                *place = Some(conversation);
                self.missing -= 1;
            }
            (None, _) => self.refuse(said),
            // An answer to nothing.
            (Some(_), None) => {}
        }
    }

    fn refuse(&mut self, said: &[u8]) {
        let text = String::from_utf8_lossy(said).chars().take(200).collect();
        self.refusal.get_or_insert(text);
    }

    fn finish(self) -> Result<Vec<Conversation>> {
        let pair_up =
            |(members, id): ([usize; 2], Option<Box<str>>)| Some(Conversation { members, id: id? });
        let all: Option<Vec<_>> = self.pairs.into_iter().zip(self.created).map(pair_up).collect();
        all.context("a conversation is missing")
    }
}

impl Script for Founder {
    fn live(&mut self, _: Instant, id: u32, outlet: &mut Outlet<'_>) {
        self.ask_next(id, outlet);
    }

    fn heard(&mut self, _: Instant, id: u32, heard: Heard<'_>, outlet: &mut Outlet<'_>) {
        match (heard, self.ack_by) {
            (Heard::Ack { body, .. }, AckBy::Packet) => {
                let found = text_at(body, "/0/data/conversation/_id");
                self.answered(id, found, body);
                self.ask_next(id, outlet);
            }
            (Heard::Event { name: b"conversation_created", body }, AckBy::Event)
                if self.is_creator(id, body) =>
            {
                self.answered(id, text_at(body, "/1/conversation/_id"), body);
                self.ask_next(id, outlet);
            }
            (Heard::Event { name: b"conversation_error", body }, AckBy::Event) => self.refuse(body),
            (Heard::Event { .. }, AckBy::Packet | AckBy::Event)
            | (Heard::Ack { .. }, AckBy::Event) => {}
        }
    }

    fn gone(&mut self, _: u32) {}

    fn tick(&mut self, _: Instant, _: &mut Outlet<'_>) -> Option<Instant> {
        None
    }
}

fn text_at(body: &[u8], place: &str) -> Option<Box<str>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.pointer(place).and_then(Value::as_str).map(Into::into)
}

/// The longest that creating all conversations may take.
const TIME_MAX: Duration = Duration::from_mins(5);
/// Users that connect at once.
const CONNECTING_MAX: u32 = 64;
const TURN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::text_at;

    #[test]
    fn the_id_is_read_where_each_manner_of_answering_has_it() {
        let ack = br#"[{"success":true,"data":{"conversation":{"_id":"c1"}}}]"#;
        assert_eq!(text_at(ack, "/0/data/conversation/_id").as_deref(), Some("c1"));
        let event = br#"["conversation_created",{"conversation":{"_id":"c2"}}]"#;
        assert_eq!(text_at(event, "/1/conversation/_id").as_deref(), Some("c2"));
        let refusal = br#"[{"success":false,"error":{"code":"BUSY"}}]"#;
        assert_eq!(text_at(refusal, "/0/data/conversation/_id"), None);
    }
}
