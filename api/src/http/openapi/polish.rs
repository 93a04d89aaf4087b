//! What is taken out of derived schemas before they are published.

use serde_json::Value;

use super::rule::Components;

/// Marks a key that may be absent and may be `null` as well.
const NULLABLE: &str = "x-nullable";

/// Polishes the schemas of what the server writes.
pub(in crate::http) fn polish(schemas: &mut Components) {
    for schema in schemas.values_mut() {
        walk(schema);
    }
}

fn walk(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            leave_out_source(object);
            leave_out_null(object);
            object.values_mut().for_each(walk);
        }
        Value::Array(items) => items.iter_mut().for_each(walk),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Descriptions come from the sources' comments, where a reference to the contract may follow.
fn leave_out_source(object: &mut Components) {
    if let Some(Value::String(text)) = object.get_mut("description")
        && let Some(end) = text.find("Source:")
    {
        text.truncate(text.get(..end).unwrap_or_default().trim_end().len());
    }
}

/// A key that is left out when there is nothing to say is never `null`.
fn leave_out_null(object: &mut Components) {
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    for (name, property) in properties {
        let Value::Object(property) = property else { continue };
        let is_nullable = property.remove(NULLABLE).is_some();
        if is_nullable || required.iter().any(|it| it == name.as_str()) {
            continue;
        }
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|it| it != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".into(), only);
            }
        }
        if let Some(Value::Array(words)) = property.get_mut("enum") {
            words.retain(|it| !it.is_null());
        }
        if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
            choices.retain(|it| it["type"] != "null");
            if let [Value::Object(only)] = choices.as_mut_slice() {
                let only = std::mem::take(only);
                property.remove("anyOf");
                // The key's own description says more than its type's.
                for (keyword, rule) in only {
                    property.entry(keyword).or_insert(rule);
                }
            }
        }
    }
}
