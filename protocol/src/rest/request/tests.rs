use super::*;
use crate::id::{ConversationId, UserId};
use crate::rest::resource::Role;
use crate::rest::word::{ConversationStatus, MessageKind, Priority, Scope};
use crate::schema::Document;
use crate::schema::form::Form;
use crate::schema::json::Limits;
use crate::time::Timestamp;

const ID: &str = "507f1f77bcf86cd799439011";

fn decode<T: Request>(text: &str) -> Result<T, Vec<String>> {
    let mut bytes = text.replace("ID", ID).into_bytes();
    let document = Document::parse(&mut bytes, Limits::REST).unwrap();
    told(T::decode(document.root()))
}

fn query<T: Request>(text: &str) -> Result<T, Vec<String>> {
    let text = text.replace("ID", ID);
    let form = Form::from_query(&text);
    told(T::decode(form.document().root()))
}

fn told<T>(result: Result<T, Vec<Violation>>) -> Result<T, Vec<String>> {
    result.map_err(|violations| violations.into_iter().map(|v| v.message).collect())
}

fn refusal(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[test]
fn register_cleans_the_name_and_lowers_the_address() {
    let text = r#"{"name":" An\u0000n ","email":"Ann@Example.COM","password":"secret"}"#;
    let register: Register = decode(text).unwrap();
    assert_eq!(register.name, "Ann");
    assert_eq!(register.email, "ann@example.com");
    assert_eq!(register.password, "secret");
    assert_eq!(register.role, Role::User);
}

#[test]
fn register_is_refused_with_the_texts_of_the_original() {
    let expected = vec![
        r#""name" length must be at least 2 characters long"#.to_owned(),
        r#""email" is required"#.to_owned(),
        r#""password" length must be at least 6 characters long"#.to_owned(),
        r#""role" must be one of [user, agent, admin]"#.to_owned(),
        r#""isActive" is not allowed"#.to_owned(),
    ];
    let text = r#"{"isActive":true,"role":"root","password":"12345","name":"a"}"#;
    assert_eq!(decode::<Register>(text), Err(expected));
}

#[test]
fn password_over_72_bytes_is_refused_when_new_and_read_at_login() {
    let password = "é".repeat(37);
    let text = format!(r#"{{"name":"Ann","email":"a@b.co","password":"{password}"}}"#);
    let said = r#""password" must not be longer than 72 bytes"#;
    assert_eq!(decode::<Register>(&text), Err(refusal(said)));
    let text = format!(r#"{{"email":"a@b.co","password":"{password}"}}"#);
    assert_eq!(decode::<Login>(&text).unwrap().password, password);
    let text = r#"{"email":"a@b.co","password":""}"#;
    assert_eq!(decode::<Login>(text), Err(refusal(r#""password" is not allowed to be empty"#)));
}

#[test]
fn secrets_are_not_shown() {
    let login: Login = decode(r#"{"email":"a@b.co","password":"hunter2"}"#).unwrap();
    assert_eq!(format!("{login:?}"), "Login { .. }");
}

#[test]
fn refresh_token_of_any_form_is_only_a_wrong_token() {
    for text in ["[]", "null", "{}", r#"{"refreshToken":7}"#, r#"{"token":"a"}"#] {
        assert_eq!(decode::<RefreshToken>(text).unwrap().refresh_token, "", "{text}");
    }
    let refresh: RefreshToken = decode(r#"{"refreshToken":"a.b.c","more":1}"#).unwrap();
    assert_eq!(refresh.refresh_token, "a.b.c");
}

#[test]
fn a_conversation_may_name_nobody() {
    let create: CreateConversation = decode("{}").unwrap();
    assert_eq!(
        create,
        CreateConversation {
            participant_id: None,
            subject: None,
            priority: Priority::Medium,
            tags: Vec::new(),
        }
    );
    let text = r#"{"participantId":"ID","subject":"Help","priority":"urgent","tags":[" a ","a"]}"#;
    let create: CreateConversation = decode(text).unwrap();
    assert_eq!(create.participant_id, Some(ID.parse::<UserId>().unwrap()));
    assert_eq!(create.tags, ["a", "a"]);
    let said = r#""participantId" must be a valid id"#;
    assert_eq!(decode::<CreateConversation>(r#"{"participantId":"x"}"#), Err(refusal(said)));
    let eleven = format!(r#"{{"tags":[{}"x"]}}"#, r#""x","#.repeat(10));
    let said = r#""tags" must contain less than or equal to 10 items"#;
    assert_eq!(decode::<CreateConversation>(&eleven), Err(refusal(said)));
}

#[test]
fn changes_tell_absent_from_null_and_echo_what_was_asked() {
    let changes: ConversationChanges = decode("{}").unwrap();
    assert!(changes.is_empty());
    assert_eq!(serde_json::to_string(&changes).unwrap(), "{}");
    for text in [
        r#"{"assignedTo":null}"#,
        r#"{"status":"resolved","assignedTo":"ID","priority":"low","tags":["a"]}"#,
    ] {
        let changes: ConversationChanges = decode(text).unwrap();
        assert_eq!(serde_json::to_string(&changes).unwrap(), text.replace("ID", ID));
    }
    let changes: ConversationChanges = decode(r#"{"status":"closed"}"#).unwrap();
    assert_eq!(changes.status, Some(ConversationStatus::Closed));
    let said = r#""subject" is not allowed"#;
    assert_eq!(decode::<ConversationChanges>(r#"{"subject":"x"}"#), Err(refusal(said)));
}

#[test]
fn an_assignment_may_lack_its_agent_but_not_misspell_it() {
    assert_eq!(decode("{}"), Ok(AssignConversation { agent_id: None }));
    let said = r#""agentId" must be a valid id"#;
    assert_eq!(decode::<AssignConversation>(r#"{"agentId":"x","y":1}"#), Err(refusal(said)));
}

#[test]
fn a_message_is_read_whole() {
    let text = r#"{"conversationId":"ID","content":"hi","type":"file","clientMessageId":"k1",
        "metadata":{"fileName":"a.png","fileSize":12,"fileUrl":"https://x.y/a","fileType":null,
        "isEdited":true,"readBy":[{"userId":"ID"}],"source":"web"}}"#;
    let send: SendMessage = decode(text).unwrap();
    assert_eq!(send.conversation_id, ID.parse::<ConversationId>().unwrap());
    assert_eq!((send.content.as_str(), send.kind), ("hi", MessageKind::File));
    assert_eq!(send.client_message_id.as_deref(), Some("k1"));
    assert_eq!(
        serde_json::to_string(&send.metadata).unwrap(),
        r#"{"fileName":"a.png","fileSize":12,"fileUrl":"https://x.y/a","source":"web"}"#
    );
}

#[test]
fn a_message_cannot_set_what_the_server_sets() {
    for key in ["senderId", "seq", "readBy", "isEdited", "_id", "createdAt"] {
        let text = format!(r#"{{"conversationId":"ID","content":"hi","{key}":1}}"#);
        let said = format!("\"{key}\" is not allowed");
        assert_eq!(decode::<SendMessage>(&text), Err(vec![said]));
    }
}

#[test]
fn surrounding_blanks_are_stored() {
    let content = |text: &str| {
        let body = serde_json::json!({ "content": text }).to_string();
        decode::<EditMessage>(&body).map(|edit| edit.content)
    };
    assert_eq!(content("  hi\t\n"), Ok("  hi\t\n".to_owned()));
    assert_eq!(content("a\0\u{1b}b"), Ok("ab".to_owned()));
    let full = "é".repeat(5_000);
    assert_eq!(content(&full), Ok(full.clone()));
    // Where the blanks would exceed the limit, they go.
    assert_eq!(content(&format!("  {full} ")), Ok(full));
    for blank in ["", " \n", "\u{feff}\u{a0}", "\0\u{7f}"] {
        let said = r#""content" is not allowed to be empty"#;
        assert_eq!(content(blank), Err(refusal(said)), "{blank:?}");
    }
    let said = r#""content" length must be less than or equal to 5000 characters long"#;
    assert_eq!(content(&"é".repeat(5_001)), Err(refusal(said)));
    assert_eq!(content(&"😀".repeat(2_501)), Err(refusal(said)));
}

#[test]
fn pages_are_bounded() {
    let page = |text: &str| query::<ListConversations>(text).map(|list| list.page);
    let of = |page, limit| Ok(Page { page, limit, cursor: None });
    assert_eq!(page(""), of(1, 20));
    assert_eq!(page("page=3&limit=0"), of(3, 20));
    assert_eq!(page("page=100&limit=100000"), of(100, 100));
    assert_eq!(
        page("page=&limit=99999999999999999999999"),
        Err(refusal(r#""limit" must be a safe number"#))
    );
    for (text, said) in [
        ("page=0", r#""page" must be greater than or equal to 1"#),
        ("page=-1", r#""page" must be greater than or equal to 1"#),
        ("page=101", r#""page" must be less than or equal to 100"#),
        ("page=x", r#""page" must be a number"#),
        ("page=1.5", r#""page" must be an integer"#),
        ("page=1&page=2", r#""page" must be a number"#),
        ("limit=-1", r#""limit" must be greater than or equal to 0"#),
        ("limit=ten", r#""limit" must be a number"#),
    ] {
        assert_eq!(page(text), Err(refusal(said)), "{text}");
    }
    assert_eq!(query::<ListMessages>("").unwrap().page.limit, 50);
}

#[test]
fn filters_are_read_from_the_query() {
    let text = "status=open&status=odd&priority=high&assignedTo=ID&tag=a%20b&scope=mine&utm=1";
    let list: ListConversations = query(text).unwrap();
    assert_eq!(list.status, ["open", "odd"]);
    assert_eq!(list.priority, Some(Priority::High));
    assert_eq!(list.assigned_to, Some(ID.parse().unwrap()));
    assert_eq!((list.tag.as_deref(), list.scope), (Some("a b"), Some(Scope::Mine)));
    let said = r#""assignedTo" must be a valid id"#;
    assert_eq!(query::<ListConversations>("assignedTo=x"), Err(refusal(said)));
}

#[test]
fn history_is_read_by_date_or_place() {
    let list: ListMessages = query("before=2000-02-29T00:00:00Z&afterSeq=7").unwrap();
    assert_eq!(list.before, Some(Timestamp(951_782_400_000)));
    assert_eq!((list.after_seq, list.before_seq), (Some(7), None));
    let said = r#""before" must be a valid date"#;
    assert_eq!(query::<ListMessages>("before=soon"), Err(refusal(said)));
}

#[test]
fn people_are_listed_and_changed_by_known_words() {
    let list: ListUsers = query("role=agent&status=online&q=ann").unwrap();
    assert_eq!(list.role, Some(Role::Agent));
    assert_eq!(list.query.as_deref(), Some("ann"));
    let update: UpdateUser = decode(r#"{"role":"admin","isActive":false}"#).unwrap();
    assert_eq!(update, UpdateUser { role: Some(Role::Admin), is_active: Some(false) });
    let said = r#""password" is not allowed"#;
    assert_eq!(decode::<UpdateUser>(r#"{"password":"x"}"#), Err(refusal(said)));
}

#[test]
fn sync_names_conversations_by_id() {
    assert!(decode::<Sync>("{}").unwrap().conversations.is_empty());
    let sync: Sync = decode(r#"{"cursor":null,"scope":"all","conversations":{"ID":7}}"#).unwrap();
    assert_eq!(sync.conversations, [(ID.parse().unwrap(), 7)]);
    assert_eq!((sync.cursor, sync.scope), (None, Some(Scope::All)));
    let said = r#""conversations.x" is not allowed"#;
    assert_eq!(decode::<Sync>(r#"{"conversations":{"x":1}}"#), Err(refusal(said)));
    assert_eq!(decode::<MarkRead>(r#"{"seq":3}"#), Ok(MarkRead { seq: 3 }));
}

#[test]
fn tables_and_types_agree_on_the_least_body() {
    assert!(decode::<Register>(r#"{"name":"ab","email":"a@b.co","password":"123456"}"#).is_ok());
    assert!(decode::<SendMessage>(r#"{"conversationId":"ID","content":"a"}"#).is_ok());
    assert!(query::<ListUsers>("").is_ok());
    assert!(decode::<UpdateUser>("{}").is_ok());
}
