//! What becomes of a socket whose token ends, whose session is revoked, whose person changes.

use protocol::time::Timestamp;
use serde_json::{Value, json};

use crate::chat::Chat;
use crate::rest::{self, Person};
use crate::server::{ADMIN, Server, UNLIMITED};

#[test]
fn socket_ends_with_its_token_and_is_told() {
    let server = Server::start_with_admin(&[("JWT_EXPIRES_IN", "15s")]);
    let ada = rest::register(server.address(), "Ada");
    let mut chat = Chat::connect(server.address(), &ada.token);
    let event = chat.hear_event("session_expired");
    let keys: Vec<_> = event.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["timestamp"]);
    assert!(is_behind(&event, expiry(&ada)), "not before the token: {event}");
    assert_eq!(chat.hear_end(), Vec::<String>::new());
}

#[test]
fn renewed_socket_outlives_its_first_token_and_ends_with_the_second() {
    let server = Server::start_with_admin(&[("JWT_EXPIRES_IN", "20s")]);
    let address = server.address();
    // Whose time runs comes last.
    let bob = rest::register(address, "Bob");
    let ada = rest::register(address, "Ada");
    let mut chat = Chat::connect(address, &ada.token);
    let code = |answer: Value| answer["error"]["code"].clone();
    assert_eq!(code(chat.ask("refresh_auth", &[json!({ "token": bob.token })])), "FORBIDDEN");
    assert_eq!(code(chat.ask("refresh_auth", &[json!("forged")])), "UNAUTHENTICATED");
    assert_eq!(code(chat.ask("refresh_auth", &[json!({})])), "VALIDATION_FAILED");
    let renewed = loop {
        let again = rest::sign_in(address, &rest::email("Ada"));
        if expiry(&again) > expiry(&ada) {
            break again;
        }
    };
    let answer = chat.ask("refresh_auth", &[json!({ "token": renewed.token })]);
    assert_eq!(answer, json!({ "success": true }));
    let event = chat.hear_event("session_expired");
    assert!(is_behind(&event, expiry(&renewed)), "not before the newer token: {event}");
    assert_eq!(chat.hear_end(), Vec::<String>::new());
}

#[test]
fn renewed_socket_belongs_to_the_session_of_its_newer_token() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let first = rest::register(address, "Ada");
    let second = rest::sign_in(address, &rest::email("Ada"));
    let mut chat = Chat::connect(address, &first.token);
    let answer = chat.ask("refresh_auth", &[json!({ "token": second.token })]);
    assert_eq!(answer, json!({ "success": true }));
    sign_out(&server, &first);
    assert_eq!(chat.ask("ping", &[])["success"], true);
    sign_out(&server, &second);
    chat.hear_end();
}

#[test]
fn sockets_of_a_revoked_session_and_of_a_deactivated_account_are_put_out() {
    let server = Server::start_with_admin(&[]);
    let address = server.address();
    let admin = rest::sign_in(address, ADMIN);
    let phone = rest::register(address, "Ada");
    let desk = rest::sign_in(address, &rest::email("Ada"));
    let [mut on_phone, mut on_desk] =
        [&phone, &desk].map(|person| Chat::connect(address, &person.token));
    sign_out(&server, &phone);
    on_phone.hear_end();
    assert_eq!(on_desk.ask("ping", &[])["success"], true, "another session goes on");
    change(&server, &admin, &desk, &json!({ "isActive": false }));
    on_desk.hear_end();
}

#[test]
fn deposed_agent_leaves_what_customers_may_not_hear_and_keeps_the_rest() {
    // However often it takes to see the change.
    let server = Server::start_with_admin(&UNLIMITED);
    let address = server.address();
    let admin = rest::sign_in(address, ADMIN);
    let agent = rest::appoint(address, &admin, "Agent", "agent");
    let (ada, bob) = (rest::register(address, "Ada"), rest::register(address, "Bob"));
    let foreign = rest::open_conversation(address, &ada, &bob);
    let own = rest::open_conversation(address, &ada, &agent);
    let mut customer = Chat::connect(address, &ada.token);
    let mut devices = [(); 2].map(|()| Chat::connect(address, &agent.token));
    for chat in &mut devices {
        for id in [&foreign, &own] {
            assert_eq!(chat.ask("join_conversation", &[json!(id)])["success"], true);
        }
    }
    assert_eq!(heard_after(&mut customer, &mut devices, &foreign, &own), [3, 3]);
    change(&server, &admin, &agent, &json!({ "role": "user" }));
    // The answer comes when it is stored; the sockets follow at once, but not before.
    while heard_after(&mut customer, &mut devices, &foreign, &own) != [1, 1] {}
    for chat in &mut devices {
        let answer = chat.ask("join_conversation", &[json!(foreign)]);
        assert_eq!(answer["error"]["code"], "NOT_FOUND", "{answer}");
    }
    change(&server, &admin, &agent, &json!({ "role": "agent" }));
    // Back in the staff's room, on the same connection; conversations are joined by who wants to.
    while heard_after(&mut customer, &mut devices, &foreign, &own) != [2, 2] {}
}

/// How much each device hears of a message in either conversation and of a new one in the queue.
fn heard_after(
    customer: &mut Chat,
    devices: &mut [Chat; 2],
    foreign: &str,
    own: &str,
) -> [usize; 2] {
    for id in [foreign, own] {
        let message = json!({ "conversationId": id, "content": "hello" });
        assert_eq!(customer.ask("send_message", &[message])["success"], true);
    }
    assert_eq!(customer.ask("create_conversation", &[json!({})])["success"], true);
    devices.each_mut().map(|chat| chat.heard().len())
}

fn sign_out(server: &Server, person: &Person) {
    let token = Some(person.token.as_str());
    rest::succeed(server.address(), "POST", "/api/v1/auth/logout", token, None);
}

fn change(server: &Server, admin: &Person, person: &Person, body: &Value) {
    let path = format!("/api/v1/users/{}", person.id);
    let token = Some(admin.token.as_str());
    rest::succeed(server.address(), "PATCH", &path, token, Some(body));
}

/// Whether an event happened at this second since 1970, or later.
fn is_behind(event: &Value, second: i64) -> bool {
    // The dates of the wire are in order as texts.
    event["timestamp"].as_str().is_some_and(|at| at >= &*Timestamp(second * 1_000).to_string())
}

/// When a person's token ends, in seconds since 1970.
fn expiry(person: &Person) -> i64 {
    let claims = person.token.split('.').nth(1).expect("a token has three parts");
    let claims: Value =
        serde_json::from_slice(&base64(claims)).expect("claims are an object of ours");
    claims["exp"].as_i64().expect("every token ends")
}

/// The bytes of base64 in the alphabet for addresses, without padding.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut out, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.chars() {
        let value = ALPHABET.find(letter).expect("a letter of the alphabet");
        bits = ((bits << 6) | u32::try_from(value).expect("below 64")) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).expect("eight bits"));
        }
    }
    out
}
