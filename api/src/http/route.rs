//! The table of everything that REST offers: method, path, who may call, and what answers.
//!
//! Handlers read the request, call one rule of `service/`, and put its outcome into the envelope.
//! Texts and statuses: contract O1.3–O1.6.

mod account;
mod conversation;
mod health;
mod message;
mod user;

use http::Method;

use super::router::{Access, Handler, Route};
use crate::auth::permission::Action;

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $module:ident::$handler:ident;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            access: routes!(@access $access),
            handler: routes!(@handler $access $module::$handler),
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
    GET    "/"                                            open      health::root;
    GET    "/healthz"                                     probe     health::alive;
    GET    "/readyz"                                      probe     health::ready;
    GET    "/api/v1/health"                               open      health::health;

    POST   "/api/v1/auth/register"                        open      account::register;
    POST   "/api/v1/auth/login"                           open      account::login;
    POST   "/api/v1/auth/refresh-token"                   open      account::refresh;
    POST   "/api/v1/auth/logout"                          UseOwnAccount      account::logout;
    GET    "/api/v1/auth/profile"                         UseOwnAccount      account::profile;

    GET    "/api/v1/users"                                ListPeople         user::list;
    PATCH  "/api/v1/users/{id}"                           ManagePeople       user::update;

    POST   "/api/v1/conversations"                        CreateConversation conversation::create;
    GET    "/api/v1/conversations"                        ListConversations  conversation::list;
    GET    "/api/v1/conversations/{id}"                   SeeConversation    conversation::get;
    PUT    "/api/v1/conversations/{id}"                   ChangeStatus       conversation::update;
    POST   "/api/v1/conversations/{id}/assign"            AssignConversation conversation::assign;
    POST   "/api/v1/conversations/{id}/close"             CloseConversation  conversation::close;

    POST   "/api/v1/messages"                             SendMessage        message::send;
    GET    "/api/v1/messages/conversation/{id}"           SeeConversation    message::list;
    GET    "/api/v1/messages/conversation/{id}/unread-count" SeeConversation    message::unread_count;
    POST   "/api/v1/messages/conversation/{id}/read"      MarkRead           message::read_up_to;
    PUT    "/api/v1/messages/{id}"                        EditMessage        message::edit;
    DELETE "/api/v1/messages/{id}"                        DeleteMessage      message::delete;
    POST   "/api/v1/messages/{id}/read"                   MarkRead           message::read;
};
