//! The tables that decode requests, as JSON Schema.
//!
//! Lengths are UTF-16 units here and code points there, which is the same but for what lies beyond
//! the basic plane.

use protocol::schema::{Field, Form, Presence, Rule, Schema, Unknown};
use serde_json::{Map, Value, json};

/// Schemas by name: what the document lists under `components`.
pub(in crate::http) type Components = Map<String, Value>;

/// A reference to the schema of this table, which is added where it is missing.
pub(in crate::http) fn reference(table: &'static Schema, components: &mut Components) -> Value {
    if !components.contains_key(table.name) {
        // Its name is taken first, so that a table which names itself would end.
        components.insert(table.name.to_owned(), Value::Null);
        let object = object(table, components);
        components.insert(table.name.to_owned(), object);
    }
    json!({ "$ref": format!("#/components/schemas/{}", table.name) })
}

/// The schemas of what is read and of what is written, which have no name in common.
pub(in crate::http) fn join(mut tables: Components, types: Components) -> Components {
    for (name, schema) in types {
        let earlier = tables.insert(name, schema);
        debug_assert!(earlier.is_none(), "one name for two schemas: {earlier:?}");
    }
    tables
}

fn object(table: &'static Schema, components: &mut Components) -> Value {
    let mut properties = Map::new();
    for field in table.fields {
        properties.insert(field.name.to_owned(), self::field(field, components));
    }
    let required: Vec<&str> = table
        .fields
        .iter()
        .filter(|field| field.presence == Presence::Required)
        .map(|field| field.name)
        .collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    match table.unknown {
        Unknown::Refused => object["additionalProperties"] = json!(false),
        Unknown::Dropped => {}
    }
    object
}

/// What may stand under a key, with its sentence.
pub(in crate::http) fn field(field: &'static Field, components: &mut Components) -> Value {
    let value = rule(&field.rule, components);
    let mut value = match field.presence {
        Presence::Required | Presence::Optional => value,
        Presence::Nullable | Presence::Lenient => json!({ "anyOf": [value, { "type": "null" }] }),
    };
    value["description"] = json!(field.doc);
    value
}

fn rule(rule: &'static Rule, components: &mut Components) -> Value {
    match rule {
        Rule::Text { min, max, form } => text(*min, *max, *form),
        Rule::Email => json!({ "type": "string", "format": "email", "maxLength": 254 }),
        Rule::Id => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{24}$" }),
        Rule::Room => json!({ "type": "string", "pattern": "^conversation:[0-9a-fA-F]{24}$" }),
        Rule::OneOf(words) => json!({ "type": "string", "enum": words }),
        Rule::Integer { min, max } => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": "^[0-9]{1,18}$" },
        ] }),
        Rule::Size => json!({ "anyOf": [
            { "type": "number", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]{1,15}([.][0-9]{1,15})?$" },
        ] }),
        Rule::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        Rule::Date => json!({ "anyOf": [
            { "type": "string", "format": "date-time" },
            { "type": "integer", "minimum": -MS_MAX, "maximum": MS_MAX },
        ] }),
        Rule::Array { item, max } => {
            json!({ "type": "array", "items": self::rule(item, components), "maxItems": max })
        }
        Rule::OneOrMore { item, max } => {
            let item = self::rule(item, components);
            json!({ "anyOf": [item, { "type": "array", "items": item, "maxItems": max }] })
        }
        Rule::Object(table) => reference(table, components),
        Rule::ById { item, max } => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[0-9a-fA-F]{24}$" },
            "additionalProperties": self::rule(item, components),
            "maxProperties": max,
        }),
        Rule::Any { bytes_max } => {
            json!({ "description": format!("Anything, up to {bytes_max} bytes of JSON.") })
        }
    }
}

fn text(min: usize, max: usize, form: Form) -> Value {
    let mut text = json!({ "type": "string", "minLength": min, "maxLength": max });
    match form {
        Form::Plain => {}
        Form::NotBlank | Form::Trimmed => text["pattern"] = json!("\\S"),
        Form::Http => text["pattern"] = json!("^[hH][tT][tT][pP][sS]?://[^\\s/?#]+"),
        Form::Secret { bytes_max } => {
            // In bytes, which no schema can say; right for ASCII.
            text["maxLength"] = json!(bytes_max.min(max));
            text["format"] = json!("password");
        }
    }
    text
}

/// JavaScript's last date, in milliseconds.
const MS_MAX: i64 = 8_640_000_000_000_000;
