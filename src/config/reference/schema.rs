//! The JSON Schema of mox.toml (draft 7, which the TOML extensions of editors know). It sees types,
//! unknown and missing keys, and bounds of numbers; what must fit together is beyond it.

use serde_json::{Map, Value, json};

use super::super::document::{self, Data, Node};
use super::super::keys::{Key, Kind, Presence, ROOT};
use super::kind_text;

/// The schema.
pub fn schema() -> Value {
    let mut schema = table(ROOT);
    let head = [
        ("$schema", json!("http://json-schema.org/draft-07/schema#")),
        ("title", json!("mox.toml")),
        (
            "description",
            json!("The configuration of the mail server mox"),
        ),
    ];
    if let Value::Object(fields) = &mut schema {
        fields.extend(head.map(|(name, value)| (name.to_owned(), value)));
    }
    schema
}

fn table(keys: &[Key]) -> Value {
    let read = || keys.iter().filter(|key| key.is_read());
    let properties: Map<String, Value> = read()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = read()
        .filter(|key| matches!(key.presence, Presence::Required(_)))
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = values(&key.kind);
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), json!(key.text()));
        if let Presence::Default(text) = key.presence
            && let Some(value) = read(text)
        {
            fields.insert("default".to_owned(), value);
        }
    }
    schema
}

fn values(kind: &Kind) -> Value {
    match kind {
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Number { least, most } => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Kind::Size { least } => json!({"anyOf": [
            {"type": "integer", "minimum": least},
            {"type": "string", "pattern": r"^\s*[0-9]+\s*([bB]|[kKmMgGtT]([iI]?[bB])?)?\s*$"},
        ]}),
        Kind::Duration { zero } => json!({"anyOf": [
            {"type": "integer", "minimum": if *zero { 0 } else { 1 }},
            {"type": "string", "pattern": r"^\s*([0-9]+(ms|s|m|h|d)\s*)+$"},
        ]}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::Text(form) if form.pattern.is_empty() => json!({"type": "string"}),
        Kind::Text(form) => json!({"type": "string", "pattern": form.pattern}),
        Kind::List { of, least, most } => {
            let mut list = json!({"type": "array", "items": values(of), "minItems": least});
            if let (Value::Object(fields), true) = (&mut list, *most < usize::MAX) {
                fields.insert("maxItems".to_owned(), json!(most));
            }
            list
        }
        Kind::Table(keys) => table(keys),
        Kind::Named { least, of, .. } | Kind::Map { least, of } => json!({
            "type": "object",
            "additionalProperties": values(of),
            "minProperties": least,
        }),
        Kind::Tables(of) => json!({"type": "array", "items": values(of)}),
        Kind::Reserved => json!({"not": {}, "description": kind_text(kind)}),
    }
}

/// A value as the file has it.
fn read(text: &str) -> Option<Value> {
    let line = format!("x = {text}\n");
    let (root, errors) = document::parse(&line);
    match errors.is_empty() {
        true => root.get("x").map(plain),
        false => None,
    }
}

fn plain(node: &Node<'_>) -> Value {
    match &node.data {
        Data::String(text) => json!(text),
        Data::Integer(number) => json!(number),
        Data::Boolean(value) => json!(value),
        Data::Array(array) => Value::Array(array.items.iter().map(plain).collect()),
        Data::Table(table) => {
            let entries = table.entries.iter();
            Value::Object(
                entries
                    .map(|entry| (entry.key.clone().into_owned(), plain(&entry.node)))
                    .collect(),
            )
        }
        Data::Float | Data::Datetime => Value::Null,
    }
}
