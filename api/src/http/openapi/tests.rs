use super::*;
use crate::http::route::ROUTES;

fn published() -> Value {
    document(ROUTES)
}

/// Calls `visit` with every value in the document.
fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(object) => object.values().for_each(|value| walk(value, visit)),
        Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_route_is_published_once_under_a_name_of_its_own() {
    let document = published();
    let mut names: Vec<&str> = Vec::new();
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert!(operation["summary"].is_string(), "{method} {}", route.path);
        names.extend(operation["operationId"].as_str());
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), count), (ROUTES.len(), ROUTES.len()));
}

#[test]
fn every_reference_leads_somewhere() {
    let document = published();
    let mut count = 0;
    walk(&document, &mut |value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(Value::is_object), "{target}");
            count += 1;
        }
    });
    assert!(count > 50, "{count}");
}

#[test]
fn nothing_of_the_sources_own_words_is_published() {
    let text = published().to_string();
    for word in ["Source:", "contract", "COMPAT", "password\":\"$", "crate::"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn guarded_operations_ask_for_a_token_and_say_who_may() {
    let document = published();
    let edit = &document["paths"]["/api/v1/messages/{id}"]["put"];
    assert_eq!(edit["security"], json!([{ "bearer": [] }]));
    assert_eq!(edit["x-permission"]["action"], "EditMessage");
    assert_eq!(
        edit["x-permission"]["user"],
        json!({ "stranger": 404, "member": 403, "sender": "allowed" })
    );
    let statuses: Vec<&String> = edit["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "404", "413", "415", "429", "500", "503"]);
    assert!(document["paths"]["/api/v1/auth/login"]["post"]["security"].is_null());
    // The page sends its token wherever one is named: so an admin appoints staff.
    let register = &document["paths"]["/api/v1/auth/register"]["post"];
    assert_eq!(register["security"], json!([{}, { "bearer": [] }]));
}

#[test]
fn what_any_request_may_meet_is_said_of_every_route() {
    let document = published();
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        let responses = &document["paths"][route.path][&method]["responses"];
        for status in ["400", "413", "500", "503"] {
            let schema = &responses[status]["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{method} {} {status}", route.path);
        }
        assert_eq!(responses["429"].is_object(), !route.is_probe(), "{method} {}", route.path);
    }
}

#[test]
fn bodies_are_required_where_none_is_refused() {
    let paths = &published()["paths"];
    assert_eq!(paths["/api/v1/messages"]["post"]["requestBody"]["required"], true);
    assert_eq!(paths["/api/v1/sync"]["post"]["requestBody"]["required"], false);
}

#[test]
fn bodies_are_the_tables_that_decode_them() {
    let document = published();
    let register = &document["components"]["schemas"]["Register"];
    assert_eq!(register["required"], json!(["name", "email", "password"]));
    assert_eq!(register["additionalProperties"], false);
    assert_eq!(register["properties"]["role"]["enum"], json!(["user", "agent", "admin"]));
    assert_eq!(register["properties"]["name"]["minLength"], 2);
    let update = &document["components"]["schemas"]["UpdateConversation"]["properties"];
    assert_eq!(update["assignedTo"]["anyOf"][1]["type"], "null");
}
