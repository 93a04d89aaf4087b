//! The people, conversations and messages that the requests are about.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Subject;
use crate::client::{Client, request};
use crate::server::{ADMIN_EMAIL, PASSWORD};

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) customers: usize,
    /// Of each customer, all given to one agent.
    pub(crate) conversations: usize,
    /// Of each conversation, in turns.
    pub(crate) messages: usize,
}

/// Customers with their conversations; each token works for all requests about its own.
#[derive(Debug)]
pub(crate) struct Chat {
    customers: Vec<Customer>,
}

#[derive(Debug)]
struct Customer {
    token: String,
    conversations: Vec<String>,
}

impl Chat {
    /// Registers and writes everything over REST.
    pub(crate) async fn populate(address: SocketAddr, size: Size) -> io::Result<Self> {
        let mut client = Client::connect(address).await?;
        let login = json!({ "email": ADMIN_EMAIL, "password": PASSWORD });
        let agent = client.ask_json(&request("POST", LOGIN, "", Some(&login))).await?;
        let (agent_id, agent) = (text(&agent, USER)?, text(&agent, TOKEN)?);
        let mut running = JoinSet::new();
        for number in 0..size.customers {
            let (agent, agent_id) = (agent.clone(), agent_id.clone());
            running.spawn(async move {
                let mut client = Client::connect(address).await?;
                Customer::populate(&mut client, number, (&agent, &agent_id), size).await
            });
        }
        let mut customers = Vec::with_capacity(size.customers);
        while let Some(ended) = running.join_next().await {
            customers.push(ended.map_err(io::Error::other)??);
        }
        Ok(Self { customers })
    }

    /// The requests that a connection repeats.
    pub(crate) fn requests(&self, subject: Subject, connection: usize) -> Vec<Box<[u8]>> {
        let customer = &self.customers[connection % self.customers.len()];
        let token = customer.token.as_str();
        // Connections of one customer do not go through its conversations in step.
        let start = connection / self.customers.len();
        let count = customer.conversations.len();
        let turn = || (start..start + count).map(|place| &customer.conversations[place % count]);
        match subject {
            Subject::Health => vec![request("GET", "/healthz", "", None)],
            Subject::Conversations => vec![request("GET", CONVERSATIONS, token, None)],
            Subject::Messages => turn()
                .map(|id| request("GET", &format!("{MESSAGES}/conversation/{id}"), token, None))
                .collect(),
            Subject::Send => turn().map(|id| send(token, id)).collect(),
        }
    }
}

impl Customer {
    async fn populate(
        client: &mut Client,
        number: usize,
        (agent, agent_id): (&str, &str),
        size: Size,
    ) -> io::Result<Self> {
        let email = format!("customer{number}@example.com");
        let account = json!({ "name": "Customer", "email": email, "password": PASSWORD });
        let account = client.ask_json(&request("POST", REGISTER, "", Some(&account))).await?;
        let token = text(&account, TOKEN)?;
        let mut conversations = Vec::with_capacity(size.conversations);
        for number in 0..size.conversations {
            let wish = json!({ "subject": format!("Parcel {number}") });
            let made =
                client.ask_json(&request("POST", CONVERSATIONS, &token, Some(&wish))).await?;
            let id = text(&made, "/data/conversation/_id")?;
            let assign = format!("{CONVERSATIONS}/{id}/assign");
            let wish = json!({ "agentId": agent_id });
            client.ask(&request("POST", &assign, agent, Some(&wish))).await?;
            for turn in 0..size.messages {
                let sender = if turn % 2 == 0 { &token } else { agent };
                client.ask(&send(sender, &id)).await?;
            }
            conversations.push(id);
        }
        Ok(Self { token, conversations })
    }
}

fn send(token: &str, conversation: &str) -> Box<[u8]> {
    let message = json!({ "conversationId": conversation, "content": "x".repeat(120) });
    request("POST", MESSAGES, token, Some(&message))
}

fn text(answer: &Value, pointer: &str) -> io::Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no {pointer} in {answer}")))
}

const LOGIN: &str = "/api/v1/auth/login";
const REGISTER: &str = "/api/v1/auth/register";
const CONVERSATIONS: &str = "/api/v1/conversations";
const MESSAGES: &str = "/api/v1/messages";
const USER: &str = "/data/user/_id";
const TOKEN: &str = "/data/tokens/accessToken";
