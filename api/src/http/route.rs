//! The table of everything that REST offers: method, path, who may call, and what answers.
//!
//! Handlers read the request, call one rule of `service/`, and put its outcome into the envelope.
//! Texts and statuses: contract O1.3–O1.6.

mod account;
mod conversation;
mod health;
mod message;

use http::Method;

use super::router::{Handler, Route};

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $module:ident::$handler:ident;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            handler: routes!(@ $access $module::$handler),
        }),*]
    };
    (@ probe $module:ident::$handler:ident) => {
        Handler::Probe(|call| Box::pin($module::$handler(call)))
    };
    (@ open $module:ident::$handler:ident) => {
        Handler::Open(|call| Box::pin($module::$handler(call)))
    };
    (@ signed_in $module:ident::$handler:ident) => {
        Handler::SignedIn(|call, caller| Box::pin($module::$handler(call, caller)))
    };
}

/// Paths are in lower case; `{id}` is the one parameter that a path may have.
#[rustfmt::skip]
pub(super) static ROUTES: &[Route] = routes! {
    GET    "/"                                            open      health::root;
    GET    "/healthz"                                     probe     health::alive;
    GET    "/readyz"                                      probe     health::ready;
    GET    "/api/v1/health"                               open      health::health;

    POST   "/api/v1/auth/register"                        open      account::register;
    POST   "/api/v1/auth/login"                           open      account::login;
    POST   "/api/v1/auth/refresh-token"                   open      account::refresh;
    POST   "/api/v1/auth/logout"                          signed_in account::logout;
    GET    "/api/v1/auth/profile"                         signed_in account::profile;

    POST   "/api/v1/conversations"                        signed_in conversation::create;
    GET    "/api/v1/conversations"                        signed_in conversation::list;
    GET    "/api/v1/conversations/{id}"                   signed_in conversation::get;
    PUT    "/api/v1/conversations/{id}"                   signed_in conversation::update;
    POST   "/api/v1/conversations/{id}/assign"            signed_in conversation::assign;
    POST   "/api/v1/conversations/{id}/close"             signed_in conversation::close;

    POST   "/api/v1/messages"                             signed_in message::send;
    GET    "/api/v1/messages/conversation/{id}"           signed_in message::list;
    GET    "/api/v1/messages/conversation/{id}/unread-count" signed_in message::unread_count;
    POST   "/api/v1/messages/conversation/{id}/read"      signed_in message::read_up_to;
    PUT    "/api/v1/messages/{id}"                        signed_in message::edit;
    DELETE "/api/v1/messages/{id}"                        signed_in message::delete;
    POST   "/api/v1/messages/{id}/read"                   signed_in message::read;
};
