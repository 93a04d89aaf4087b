//! The published document: OpenAPI 3.1, made from the table of routes, the tables that decode
//! requests, the types of the answers and the table of permissions. Nothing in it is written twice.
//!
//! Source: OpenAPI 3.1.1, whose schemas are JSON Schema 2020-12.

pub(super) mod polish;
pub(super) mod rule;

use http::StatusCode;
use protocol::rest::reply::Failure;
use protocol::rest::resource::{Pagination, Role};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::rule::Components;
use super::operation::{Answer, Operation, Shape};
use super::router::{Access, Route};
use super::{host, reply};
use crate::auth::permission::{self, Action, Relation, Verdict};

/// The document of these routes.
pub(super) fn document(routes: &'static [Route]) -> Value {
    let mut writer = Writer::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operation = writer.operation(route);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let components = writer.components();
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Voxora Chat Support API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

const INTRODUCTION: &str = "Bodies may also be written as `application/x-www-form-urlencoded`. \
    `HEAD` works wherever `GET` does, paths are taken in any case, and a `GET` whose `If-None-Match` \
    is still right answers 304. Every answer carries `X-Request-Id`, echoed where the request brought \
    one.";

/// Writes the schemas of what the server writes.
pub(super) fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// Collects schemas while it writes operations.
struct Writer {
    tables: Components,
    types: SchemaGenerator,
}

impl Writer {
    fn new() -> Self {
        Self { tables: Components::new(), types: generator() }
    }

    /// Every schema that was named.
    fn components(mut self) -> Components {
        let mut types = self.types.take_definitions(true);
        polish::polish(&mut types);
        rule::join(self.tables, types)
    }

    fn operation(&mut self, route: &Route) -> Value {
        let operation = &route.operation;
        let mut out = json!({
            "operationId": route.name.replace("::", "_"),
            "tags": [route.name.split("::").next()],
            "summary": operation.summary,
            "parameters": self.parameters(route),
            "responses": self.responses(route),
        });
        if let Some(table) = operation.body {
            let schema = rule::reference(table, &mut self.tables);
            out["requestBody"] = json!({
                "required": operation.is_body_required,
                "content": { "application/json": { "schema": schema } },
            });
        }
        match route.access {
            Access::Probe | Access::Open if operation.knows_callers => {
                out["security"] = json!([{}, { "bearer": [] }]);
            }
            Access::Probe | Access::Open => {}
            Access::Permitted(action) => {
                out["security"] = json!([{ "bearer": [] }]);
                out["x-permission"] = permission(action);
            }
        }
        out
    }

    fn parameters(&mut self, route: &Route) -> Vec<Value> {
        let mut parameters = Vec::new();
        if route.path.contains("{id}") {
            let schema = json!({ "type": "string", "pattern": "^[0-9a-fA-F]{24}$" });
            parameters
                .push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
        }
        for field in route.operation.query.map_or(&[][..], |table| table.fields) {
            let mut schema = rule::field(field, &mut self.tables);
            // In a query an empty value counts as none.
            if schema.get("minLength").is_some() {
                schema["minLength"] = json!(0);
            }
            let doc = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            parameters.push(json!({
                "name": field.name,
                "in": "query",
                "allowEmptyValue": true,
                "required": field.presence == protocol::schema::Presence::Required,
                "description": doc,
                "schema": schema,
            }));
        }
        parameters
    }

    fn responses(&mut self, route: &Route) -> Value {
        let (status, content) = self.success(&route.operation);
        let mut responses = json!({ status.as_str(): content });
        if route.method == http::Method::GET {
            responses["304"] = json!({ "description": "The client's copy is still right" });
        }
        let failure = self.types.subschema_for::<Failure<'static>>();
        for status in refusals(route) {
            responses[status.as_str()] = json!({
                "description": status.canonical_reason(),
                "content": { "application/json": { "schema": failure } },
            });
        }
        responses
    }

    fn success(&mut self, operation: &Operation) -> (StatusCode, Value) {
        let (status, media_type, schema) = match operation.answer {
            Answer::Data(status, shape) => (status, JSON, self.envelope(Some(shape), false)),
            Answer::Page(shape) => (StatusCode::OK, JSON, self.envelope(Some(shape), true)),
            Answer::Bare => (StatusCode::OK, JSON, self.envelope(None, false)),
            Answer::Whole(shape) => (StatusCode::OK, JSON, shape(&mut self.types).into()),
            Answer::File(JSON) => (StatusCode::OK, JSON, json!({ "type": "object" })),
            Answer::File(media_type) => (StatusCode::OK, media_type, json!({ "type": "string" })),
        };
        let content = json!({ media_type: { "schema": schema } });
        (status, json!({ "description": operation.summary, "content": content }))
    }

    fn envelope(&mut self, data: Option<Shape>, is_page: bool) -> Value {
        let mut properties =
            json!({ "success": { "const": true }, "message": { "type": "string" } });
        let mut required = vec!["success", "message"];
        if let Some(shape) = data {
            properties["data"] = shape(&mut self.types).into();
            required.push("data");
        }
        if is_page {
            properties["pagination"] = self.types.subschema_for::<Pagination>().into();
            required.push("pagination");
        }
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }
}

const JSON: &str = "application/json";

/// The statuses of a route's refusals: what its form, its permission and its operation lead to.
fn refusals(route: &Route) -> Vec<StatusCode> {
    let operation = &route.operation;
    let mut out = operation.refusals.to_vec();
    // Whatever is asked for, its host may refuse it before the route is looked at. Unavailable and
    // faulty a rule may be as well, and what a handler reads may be malformed: the same statuses.
    out.extend(host::refusals().map(reply::status_of));
    if route.path.contains("{id}") {
        out.push(StatusCode::NOT_FOUND);
    }
    if operation.body.is_some() {
        out.push(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    match route.access {
        Access::Probe => {}
        Access::Open => out.push(StatusCode::TOO_MANY_REQUESTS),
        Access::Permitted(action) => {
            out.extend([StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS]);
            for (verdict, status) in [
                (Verdict::Forbidden, StatusCode::FORBIDDEN),
                (Verdict::Hidden, StatusCode::NOT_FOUND),
            ] {
                if cells(action).any(|(_, _, cell)| cell == verdict) {
                    out.push(status);
                }
            }
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// An action's line of the table, for people and programs.
fn permission(action: Action) -> Value {
    let mut out = json!({ "action": format!("{action:?}") });
    for (role, relation, verdict) in cells(action) {
        out[role.as_str()][format!("{relation:?}").to_lowercase()] = match verdict {
            Verdict::Allowed => json!("allowed"),
            Verdict::Forbidden => json!(403),
            Verdict::Hidden => json!(404),
        };
    }
    out
}

fn cells(action: Action) -> impl Iterator<Item = (Role, Relation, Verdict)> {
    [Role::User, Role::Agent, Role::Admin].into_iter().flat_map(move |role| {
        Relation::ALL.map(|relation| (role, relation, permission::verdict(role, relation, action)))
    })
}

#[cfg(test)]
mod tests;
