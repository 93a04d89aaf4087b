//! The table of everything that REST offers: method, path, who may call, what answers; below that,
//! what it takes and gives, of which the published document is made.
//!
//! Handlers read the request, call one rule of `service/`, and put its outcome into the envelope.
//! Texts and statuses: contract O1.3–O1.6.

mod account;
mod conversation;
mod document;
mod health;
mod message;
mod user;

use http::{Method, StatusCode};
use protocol::rest::reply::body::{
    ConversationBody, ConversationsBody, Health, MessageBody, MessagesBody, ProfileBody, Refreshed,
    Root, SignedIn, UnreadBody, UserBody, UsersBody,
};
use protocol::rest::reply::repair::{Repaired, Synced};
use protocol::rest::request::{
    AssignConversation, ConversationChanges, CreateConversation, EditMessage, ListConversations,
    ListMessages, ListUsers, Login, MarkRead, RefreshToken, Register, SendMessage, Sync,
    UpdateUser,
};

use super::operation::{does, file, gives, is, lists, makes};
use super::router::{Access, Handler, Route};
use crate::auth::permission::Action;

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $module:ident::$handler:ident
       $operation:expr;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            access: routes!(@access $access),
            name: concat!(stringify!($module), "::", stringify!($handler)),
            handler: routes!(@handler $access $module::$handler),
            operation: $operation,
        }),*]
    };
    (@access probe) => { Access::Probe };
    (@access open) => { Access::Open };
    (@access $action:ident) => { Access::Permitted(Action::$action) };
    (@handler probe $module:ident::$handler:ident) => {
        Handler::Open(|call| Box::pin($module::$handler(call)))
    };
    (@handler open $module:ident::$handler:ident) => {
        Handler::Open(|call| Box::pin($module::$handler(call)))
    };
    (@handler $action:ident $module:ident::$handler:ident) => {
        Handler::SignedIn(|call, caller| Box::pin($module::$handler(call, caller)))
    };
}

/// Between path and handler stands who may call: anybody (`open`, and uncounted `probe`), or what
/// the [table of permissions](crate::auth::permission) allows. Paths are in lower case; `{id}` is the
/// one parameter that a path may have.
#[rustfmt::skip]
pub(super) static ROUTES: &[Route] = routes! {
    GET    "/" open health::root
        is::<Root>("What answers here");
    GET    "/healthz" probe health::alive
        does("The process answers");
    GET    "/readyz" probe health::ready
        does("It may be sent requests");
    GET    "/api/v1/health" open health::health
        is::<Health>("The process answers, for clients of the original");

    GET    "/api/v1/openapi.json" open document::openapi
        file("This API, as an OpenAPI document", "application/json");
    GET    "/api/v1/asyncapi.json" open document::asyncapi
        file("The socket events, as an AsyncAPI document", "application/json");
    GET    "/api/v1/events.d.ts" open document::declarations
        file("The socket events, as TypeScript declarations", "text/plain");
    GET    "/api/v1/docs" open document::page
        file("This API, as a page", "text/html");
    GET    "/api/v1/docs/page.js" open document::script
        file("The page's script", "text/javascript");
    GET    "/api/v1/docs/page.css" open document::style
        file("The page's style", "text/css");

    POST   "/api/v1/auth/register" open account::register
        makes::<SignedIn>("Make an account, and sign in").given::<Register>().for_callers_too()
        .or(&[StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::CONFLICT]);
    POST   "/api/v1/auth/login" open account::login
        gives::<SignedIn>("Sign in").given::<Login>().or(&[StatusCode::UNAUTHORIZED]);
    POST   "/api/v1/auth/refresh-token" open account::refresh
        gives::<Refreshed>("Exchange a refresh token for the next pair")
        .given::<RefreshToken>().or(&[StatusCode::UNAUTHORIZED]);
    POST   "/api/v1/auth/logout" UseOwnAccount account::logout
        does("Sign out: the session ends, its sockets are closed");
    GET    "/api/v1/auth/profile" UseOwnAccount account::profile
        gives::<ProfileBody>("The caller's account").or(&[StatusCode::NOT_FOUND]);

    GET    "/api/v1/users" ListPeople user::list
        lists::<UsersBody>("People, in the order of their addresses").asked::<ListUsers>();
    PATCH  "/api/v1/users/{id}" ManagePeople user::update
        gives::<UserBody>("Change a role, or whether somebody may sign in")
        .given::<UpdateUser>().or(&[StatusCode::CONFLICT]);

    POST   "/api/v1/conversations" CreateConversation conversation::create
        makes::<ConversationBody>("Begin a conversation, or find the open one of two people")
        .given::<CreateConversation>();
    GET    "/api/v1/conversations" ListConversations conversation::list
        lists::<ConversationsBody>("Conversations, the lately active first")
        .asked::<ListConversations>().or(&[StatusCode::FORBIDDEN]);
    GET    "/api/v1/conversations/{id}" SeeConversation conversation::get
        gives::<ConversationBody>("A conversation");
    PUT    "/api/v1/conversations/{id}" ChangeStatus conversation::update
        gives::<ConversationBody>("Change state, priority, labels or agent")
        .maybe_given::<ConversationChanges>().or(&[StatusCode::FORBIDDEN, StatusCode::CONFLICT]);
    POST   "/api/v1/conversations/{id}/assign" AssignConversation conversation::assign
        gives::<ConversationBody>("Give a conversation to an agent, or claim it")
        .given::<AssignConversation>().or(&[StatusCode::CONFLICT]);
    POST   "/api/v1/conversations/{id}/close" CloseConversation conversation::close
        gives::<ConversationBody>("Close a conversation");

    POST   "/api/v1/sync" CatchUp conversation::sync
        gives::<Repaired<Synced>>("What changed while the caller was away")
        .maybe_given::<Sync>().or(&[StatusCode::FORBIDDEN]);

    POST   "/api/v1/messages" SendMessage message::send
        makes::<MessageBody>("Send a message")
        .given::<SendMessage>().or(&[StatusCode::FORBIDDEN]);
    GET    "/api/v1/messages/conversation/{id}" SeeConversation message::list
        lists::<MessagesBody>("History, by page or by place").asked::<ListMessages>();
    GET    "/api/v1/messages/conversation/{id}/unread-count" SeeConversation message::unread_count
        gives::<UnreadBody>("How many messages the caller has not read");
    POST   "/api/v1/messages/conversation/{id}/read" MarkRead message::read_up_to
        does("Mark everything up to a place as read").given::<MarkRead>();
    PUT    "/api/v1/messages/{id}" EditMessage message::edit
        gives::<MessageBody>("Replace a message's text").given::<EditMessage>();
    DELETE "/api/v1/messages/{id}" DeleteMessage message::delete
        does("Delete a message");
    POST   "/api/v1/messages/{id}/read" MarkRead message::read
        does("Mark everything up to a message as read");
};
