//! Paths to routes. Paths are taken in any case and with or without a slash at their end.

use std::fmt;
use std::pin::Pin;

use http::{HeaderValue, Method};

use super::call::Call;
use super::operation::Operation;
use super::reply::{Refusal, Reply};
use crate::auth::Caller;
use crate::auth::permission::Action;
use crate::error::Error;

/// A line of the table: a method, a path, and what answers it.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// Module and function of the handler.
    pub(super) name: &'static str,
    pub(super) handler: Handler,
    pub(super) operation: Operation,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, and uncounted: probes come every second.
    Probe,
    /// Anybody.
    Open,
    /// Whoever shows a valid access token and may do this. What the role alone refuses ends before
    /// the request is read; the rest is for the rules.
    Permitted(Action),
}

/// What comes out of a handler.
pub(super) type Outcome = Result<Reply, Refusal>;

type Answer<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// What is called.
pub(super) enum Handler {
    /// Without knowing by whom.
    Open(for<'a> fn(Call<'a>) -> Answer<'a>),
    /// By somebody who is signed in.
    SignedIn(for<'a> fn(Call<'a>, Caller) -> Answer<'a>),
}

/// The routes, by path.
pub(super) struct Router {
    paths: matchit::Router<Resource>,
}

/// The routes of one path.
struct Resource {
    routes: Vec<&'static Route>,
    /// The value of `Allow`.
    allow: HeaderValue,
}

/// What a request asks for.
pub(super) enum Target<'t> {
    /// A route, with the id in its path.
    Route { route: &'static Route, id: Option<String> },
    /// A path that has other methods.
    OtherMethod { allow: &'t HeaderValue },
    /// Nothing that exists; where `is_guarded`, only those who are signed in learn that.
    Nothing { is_guarded: bool },
}

impl Route {
    pub(super) const fn is_probe(&self) -> bool {
        matches!(self.access, Access::Probe)
    }

    /// Has it answered; `caller` counts only where somebody signed in is called for.
    pub(super) async fn run(&self, call: Call<'_>, caller: Result<Caller, Error>) -> Outcome {
        match self.handler {
            Handler::Open(answer) => answer(call).await,
            Handler::SignedIn(answer) => {
                let caller = caller?;
                match self.access {
                    Access::Probe | Access::Open => {}
                    Access::Permitted(action) => caller.require(action)?,
                }
                answer(call, caller).await
            }
        }
    }
}

impl Target<'_> {
    /// Whether only those who are signed in get their answer.
    pub(super) const fn is_guarded(&self) -> bool {
        match self {
            Self::Route { route, .. } => matches!(route.handler, Handler::SignedIn(_)),
            Self::OtherMethod { .. } => false,
            Self::Nothing { is_guarded } => *is_guarded,
        }
    }
}

impl Router {
    /// A router over this table.
    pub(super) fn new(table: &'static [Route]) -> Self {
        let mut paths: Vec<&'static str> = table.iter().map(|route| route.path).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut router = matchit::Router::new();
        for path in paths {
            let routes = table.iter().filter(|route| route.path == path).collect();
            router
                .insert(path, Resource::new(routes))
                .expect("paths of the table are distinct, well formed and name their id alike");
        }
        Self { paths: router }
    }

    /// What `method` and `path` ask for. `HEAD` finds what `GET` does.
    pub(super) fn find(&self, method: &Method, path: &str) -> Target<'_> {
        let path = path.to_ascii_lowercase();
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty() && !bare.ends_with('/'));
        let path = bare.unwrap_or(&path);
        let Ok(found) = self.paths.at(path) else {
            return Target::Nothing { is_guarded: path.starts_with(GUARDED) };
        };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        match found.value.routes.iter().find(|route| route.method == *method) {
            Some(route) => {
                Target::Route { route, id: found.params.get("id").map(ToOwned::to_owned) }
            }
            None => Target::OtherMethod { allow: &found.value.allow },
        }
    }
}

/// COMPAT: the original asks for a token before it says that a path under this one does not exist;
/// pinned by `unknown_path_under_auth_asks_for_a_token_first`.
const GUARDED: &str = "/api/v1/auth/";

impl Resource {
    fn new(routes: Vec<&'static Route>) -> Self {
        let mut allow: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
        if allow.contains(&"GET") {
            allow.push("HEAD");
        }
        allow.push("OPTIONS");
        let allow = HeaderValue::from_str(&allow.join(", ")).expect("methods are header text");
        Self { routes, allow }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::route;

    #[track_caller]
    fn found(method: &Method, path: &str) -> (&'static str, Option<String>) {
        match Router::new(route::ROUTES).find(method, path) {
            Target::Route { route, id } => (route.path, id),
            Target::OtherMethod { .. } | Target::Nothing { .. } => panic!("{method} {path}"),
        }
    }

    #[test]
    fn case_and_a_last_slash_do_not_matter() {
        for path in ["/api/v1/auth/login", "/API/V1/Auth/Login", "/api/v1/auth/login/"] {
            assert_eq!(found(&Method::POST, path).0, "/api/v1/auth/login");
        }
        assert_eq!(found(&Method::GET, "/").0, "/");
        let id = "507F1F77BCF86CD799439011";
        let (path, found_id) = found(&Method::GET, &format!("/api/v1/Conversations/{id}/"));
        assert_eq!(path, "/api/v1/conversations/{id}");
        assert_eq!(found_id.unwrap(), id.to_ascii_lowercase());
    }

    #[test]
    fn head_finds_what_get_does() {
        assert_eq!(found(&Method::HEAD, "/api/v1/health").0, "/api/v1/health");
    }

    #[test]
    fn other_methods_learn_which_there_are() {
        let router = Router::new(route::ROUTES);
        for (method, path, methods) in [
            (Method::GET, "/api/v1/auth/login", "POST, OPTIONS"),
            (Method::HEAD, "/api/v1/auth/login", "POST, OPTIONS"),
            (Method::TRACE, "/api/v1/conversations", "POST, GET, HEAD, OPTIONS"),
            (Method::PATCH, "/api/v1/health", "GET, HEAD, OPTIONS"),
        ] {
            let Target::OtherMethod { allow } = router.find(&method, path) else {
                panic!("{method} {path}")
            };
            assert_eq!(allow, methods);
        }
    }

    #[test]
    fn other_paths_are_nothing() {
        let router = Router::new(route::ROUTES);
        for (path, guarded) in [
            ("", false),
            ("//", false),
            ("*", false),
            ("/api", false),
            ("/api/v1/conversations//", false),
            ("/api/v1/auth/nothing", true),
            ("/API/v1/auth/login/x", true),
            ("/api/v1/auth/login//", true),
            ("/{id}", false),
        ] {
            match router.find(&Method::GET, path) {
                Target::Nothing { is_guarded } => assert_eq!(is_guarded, guarded, "{path}"),
                Target::Route { .. } | Target::OtherMethod { .. } => panic!("{path}"),
            }
        }
    }
}
