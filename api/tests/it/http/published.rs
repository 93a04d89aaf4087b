//! Holds answers to the document that the server itself publishes.

use http::{Method, StatusCode};
use serde_json::Value;

/// The published document.
pub(super) struct Published(pub(super) Value);

impl Published {
    /// The operation that answers this, if there is one.
    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let path = path.to_ascii_lowercase();
        let path = path.split('?').next().unwrap_or_default();
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        let given: Vec<&str> = path.split('/').collect();
        let paths = self.0["paths"].as_object().unwrap();
        let fits = |template: &str, exactly: bool| {
            let template: Vec<&str> = template.split('/').collect();
            let same = |(a, b): (&&str, &&str)| a == b || (!exactly && *a == "{id}");
            template.len() == given.len() && template.iter().zip(&given).all(same)
        };
        let (_, operations) = paths
            .iter()
            .find(|(template, _)| fits(template, true))
            .or_else(|| paths.iter().find(|(template, _)| fits(template, false)))?;
        // Names of methods are taken as they are written.
        let is_known = !method.as_str().contains(|letter: char| letter.is_ascii_lowercase());
        operations.get(method.as_str().to_ascii_lowercase()).filter(|_| is_known)
    }

    /// Panics unless the document foresees this answer; `body` where there is one. What is said of no
    /// operation is that there is none: a preflight, another method, a path that does not exist.
    #[track_caller]
    pub(super) fn foresees(
        &self,
        method: &Method,
        path: &str,
        status: StatusCode,
        body: Option<&Value>,
    ) {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let Some(operation) = self.operation(method, path) else {
            assert!(!status.is_success() || method == Method::OPTIONS, "{method} {path}");
            return;
        };
        let response = &operation["responses"][status.as_str()];
        assert!(response.is_object(), "{method} {path} does not say that it may answer {status}");
        let schema = &response["content"]["application/json"]["schema"];
        if let Some(body) = body.filter(|_| schema.is_object()) {
            self.holds(schema, body, &format!("{method} {path} {status}"));
        }
    }

    /// Panics unless `value` is what `schema` says; of the keywords those that the document uses.
    #[track_caller]
    fn holds(&self, schema: &Value, value: &Value, place: &str) {
        if let Err(fault) = self.judge(schema, value, place) {
            panic!("{fault}\n{value}");
        }
    }

    fn judge(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let Value::Object(keywords) = schema else { return Ok(()) };
        for (keyword, rule) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let pointer = rule.as_str().unwrap().trim_start_matches('#');
                    self.judge(self.0.pointer(pointer).unwrap(), value, place)?;
                }
                "type" => {
                    let is_one = |name: &Value| is_type(name.as_str().unwrap(), value);
                    let fits =
                        rule.as_array().map_or_else(|| is_one(rule), |all| all.iter().any(is_one));
                    ensure(fits, || format!("{place}: not {rule}"))?;
                }
                "const" => ensure(rule == value, || format!("{place}: not {rule}"))?,
                "enum" => {
                    let words = rule.as_array().unwrap();
                    ensure(words.contains(value), || format!("{place}: none of {rule}"))?;
                }
                "anyOf" | "oneOf" => {
                    let fits = |one: &Value| self.judge(one, value, place).is_ok();
                    ensure(rule.as_array().unwrap().iter().any(fits), || {
                        format!("{place}: {rule}")
                    })?;
                }
                "required" => {
                    for name in rule.as_array().unwrap() {
                        let is_there = value.get(name.as_str().unwrap()).is_some();
                        ensure(is_there, || format!("{place}: {name} is missing"))?;
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.judge(rule, item, &format!("{place}[{index}]"))?;
                    }
                }
                "properties" => {
                    // Nothing unforeseen, whether the schema forbids it or only leaves it out.
                    for (key, inner) in value.as_object().into_iter().flatten() {
                        let inner_rule =
                            rule.get(key).ok_or(format!("{place}: {key} is unforeseen"))?;
                        self.judge(inner_rule, inner, &format!("{place}.{key}"))?;
                    }
                }
                "additionalProperties"
                | "description"
                | "format"
                | "minimum"
                | "maximum"
                | "pattern"
                | "title" => {}
                other => panic!("teach this judge the keyword {other}"),
            }
        }
        Ok(())
    }
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("{other} is no type"),
    }
}

fn ensure(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}
