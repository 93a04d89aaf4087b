//! Query strings and form bodies, read into the same untyped value as JSON.
//!
//! So a list's filters and a posted form are checked by the same tables as a JSON body.

use std::borrow::Cow;

use simd_json::{Node, StaticNode};

use super::json::Document;

/// How many `key=value` pairs are read; the rest is ignored.
pub const PAIRS_MAX: usize = 100;

/// Decoded `key=value` pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Reads the query of an address, without its `?`. Empty values count as absent, as in
    /// `?status=&page=2`.
    pub fn from_query(text: &'a str) -> Self {
        let mut form = Self::from_body(text);
        form.pairs.retain(|(_, value)| !value.is_empty());
        form
    }

    /// Reads an `application/x-www-form-urlencoded` body.
    ///
    /// Source: WHATWG URL, "application/x-www-form-urlencoded parsing"; ill-formed UTF-8 becomes
    /// replacement characters, an ill-formed escape stays as it is.
    pub fn from_body(text: &'a str) -> Self {
        let pieces = text.split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.take(PAIRS_MAX).map(|piece| {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(key), decode(value))
        });
        Self { pairs: pairs.collect() }
    }

    /// The pairs as an object of texts; a key that repeats, or ends in `[]`, holds an array, and
    /// `outer[inner]` an object.
    pub fn document(&self) -> Document<'_> {
        let mut nodes = vec![Node::Static(StaticNode::Null)];
        let mut len = 0_usize;
        for (index, (key, _)) in self.pairs.iter().enumerate() {
            let name = name_of(key);
            let earlier = self.pairs.iter().take(index);
            if earlier.map(|(key, _)| name_of(key)).any(|seen| seen == name) {
                continue;
            }
            len = len.saturating_add(1);
            nodes.push(Node::String(name));
            self.push_value(name, &mut nodes);
        }
        let count = nodes.len().saturating_sub(1);
        if let Some(head) = nodes.first_mut() {
            *head = Node::Object { len, count };
        }
        Document::from_nodes(nodes)
    }

    /// Appends everything that was given for this name, as one value.
    fn push_value<'n>(&'n self, name: &str, nodes: &mut Vec<Node<'n>>) {
        let given = || self.pairs.iter().filter(|(key, _)| name_of(key) == name);
        let len = given().count();
        let members = given().filter_map(|(key, value)| Some((inner_of(key)?, value)));
        if members.clone().next().is_some() {
            let len = members.clone().count();
            nodes.push(Node::Object { len, count: len.saturating_mul(2) });
            nodes.extend(members.flat_map(|(key, value)| [Node::String(key), Node::String(value)]));
            return;
        }
        if len > 1 || given().any(|(key, _)| key.ends_with("[]")) {
            nodes.push(Node::Array { len, count: len });
        }
        nodes.extend(given().map(|(_, value)| Node::String(value)));
    }
}

/// The key without its brackets.
fn name_of(key: &str) -> &str {
    match key.split_once('[') {
        Some((name, inner)) if !name.is_empty() && inner.ends_with(']') => name,
        Some(_) | None => key,
    }
}

/// What stands in the brackets of `outer[inner]`.
fn inner_of(key: &str) -> Option<&str> {
    let (name, inner) = key.split_once('[')?;
    let inner = inner.strip_suffix(']')?;
    (!name.is_empty() && !inner.is_empty()).then_some(inner)
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) => match hex(*high).zip(hex(*low)) {
                Some((high, low)) => {
                    bytes.push((high << 4) | low);
                    rest = behind;
                }
                None => bytes.push(byte),
            },
            (_, _) => bytes.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::Form;

    fn as_json(form: &Form<'_>) -> String {
        serde_json::to_string(&form.document().root()).unwrap()
    }

    #[test]
    fn a_query_becomes_an_object_of_texts() {
        for (query, json) in [
            ("", "{}"),
            ("page=2&limit=20", r#"{"page":"2","limit":"20"}"#),
            ("status=open&page=1&status=closed", r#"{"status":["open","closed"],"page":"1"}"#),
            ("status[]=open", r#"{"status":["open"]}"#),
            ("status=&page=1", r#"{"page":"1"}"#),
            ("q=a%20b+c%2B%e2%82%ac", r#"{"q":"a b c+€"}"#),
            ("q=100%&r=%zz&s=%4", r#"{"q":"100%","r":"%zz","s":"%4"}"#),
            ("&&a&=b&", r#"{"":"b"}"#),
        ] {
            assert_eq!(as_json(&Form::from_query(query)), json, "{query}");
        }
    }

    #[test]
    fn a_form_may_nest_one_level() {
        let form =
            Form::from_body("content=hi&metadata[fileName]=a.png&metadata%5Bsource%5D=web&e=");
        assert_eq!(
            as_json(&form),
            r#"{"content":"hi","metadata":{"fileName":"a.png","source":"web"},"e":""}"#
        );
    }

    #[test]
    fn pairs_are_bounded() {
        let text = "a=1&".repeat(1_000);
        let form = Form::from_body(&text);
        assert_eq!(form.document().root().get("a").unwrap().items().count(), super::PAIRS_MAX);
    }
}
