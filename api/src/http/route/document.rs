//! The published documents and a page that shows the first of them. The page's files are part of the program, and
//! it fetches nothing from elsewhere.

use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;

use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::http::router::Outcome;

/// `GET /openapi.json`
pub(super) async fn openapi(call: Call<'_>) -> Outcome {
    Ok(Reply::file(JSON, call.documents().openapi.clone()))
}

/// `GET /asyncapi.json`
pub(super) async fn asyncapi(call: Call<'_>) -> Outcome {
    Ok(Reply::file(JSON, call.documents().asyncapi.clone()))
}

/// `GET /events.d.ts`
pub(super) async fn declarations(call: Call<'_>) -> Outcome {
    Ok(Reply::file(TEXT, call.documents().declarations.clone()))
}

/// `GET /docs`
///
/// Its policy is stricter than the common one, and does not make browsers fetch the page's own
/// script by HTTPS where there is none.
pub(super) async fn page(_: Call<'_>) -> Outcome {
    let mut reply = asset(HTML, include_str!("document/page.html"));
    let policy = HeaderValue::from_static(
        "default-src 'none';base-uri 'none';connect-src 'self';form-action 'none';\
         frame-ancestors 'self';img-src 'self' data:;script-src 'self';style-src 'self'",
    );
    reply.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(reply)
}

/// `GET /docs/page.js`
pub(super) async fn script(_: Call<'_>) -> Outcome {
    Ok(asset(SCRIPT, include_str!("document/page.js")))
}

/// `GET /docs/page.css`
pub(super) async fn style(_: Call<'_>) -> Outcome {
    Ok(asset(STYLE, include_str!("document/page.css")))
}

fn asset(media_type: &'static str, text: &'static str) -> Reply {
    Reply::file(media_type, text.into())
}

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
