//! Query strings and form bodies, read into the same untyped value as JSON.
//!
//! So a list's filters and a posted form are checked by the same tables as a JSON body.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
    ///
    /// # Cost
    /// Each key is looked at a few times, however many share its beginning.
    pub fn document(&self) -> Document<'_> {
        let groups = self.groups();
        let mut nodes = vec![Node::Static(StaticNode::Null)];
        for (name, given) in &groups {
            nodes.push(Node::String(name));
            push_value(given, &mut nodes);
        }
        let count = nodes.len().saturating_sub(1);
        if let Some(head) = nodes.first_mut() {
            *head = Node::Object { len: groups.len(), count };
        }
        Document::from_nodes(nodes)
    }

    /// What was given for each name, in the order in which names first stand in the text.
    fn groups(&self) -> Vec<(&str, Vec<Given<'_>>)> {
        let mut groups: Vec<(&str, Vec<Given<'_>>)> = Vec::new();
        let mut places = BTreeMap::new();
        for (key, value) in &self.pairs {
            let (name, inner) = split(key);
            let place = *places.entry(name).or_insert(groups.len());
            match groups.get_mut(place) {
                Some((_, given)) => given.push(Given { inner, value }),
                None => groups.push((name, vec![Given { inner, value }])),
            }
        }
        groups
    }
}

/// One value, and what stood in the brackets behind its name, if there were any.
#[derive(Debug, Clone, Copy)]
struct Given<'f> {
    inner: Option<&'f str>,
    value: &'f str,
}

/// Appends everything that was given for one name, as one value.
fn push_value<'f>(given: &[Given<'f>], nodes: &mut Vec<Node<'f>>) {
    let members = given.iter().filter_map(|it| Some((it.inner.filter(|key| !key.is_empty())?, it)));
    let len = members.clone().count();
    if len > 0 {
        nodes.push(Node::Object { len, count: len.saturating_mul(2) });
        nodes.extend(members.flat_map(|(key, it)| [Node::String(key), Node::String(it.value)]));
        return;
    }
    let len = given.len();
    if len > 1 || given.iter().any(|it| it.inner.is_some()) {
        nodes.push(Node::Array { len, count: len });
    }
    nodes.extend(given.iter().map(|it| Node::String(it.value)));
}

/// A key's name, and what stands in the brackets behind it.
fn split(key: &str) -> (&str, Option<&str>) {
    match key.split_once('[') {
        Some((name, inner)) if !name.is_empty() => match inner.strip_suffix(']') {
            Some(inner) => (name, Some(inner)),
            None => (key, None),
        },
        Some(_) | None => (key, None),
    }
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
    fn brackets_that_do_not_fit_are_part_of_the_key() {
        for (query, json) in [
            ("[a]=1&b[=2&c]=3", r#"{"[a]":"1","b[":"2","c]":"3"}"#),
            ("a=1&a[b]=2&a[]=3", r#"{"a":{"b":"2"}}"#),
            ("[]=1", r#"{"[]":"1"}"#),
        ] {
            assert_eq!(as_json(&Form::from_query(query)), json, "{query}");
        }
    }

    #[test]
    fn pairs_are_bounded() {
        let text = "a=1&".repeat(1_000);
        let form = Form::from_body(&text);
        assert_eq!(form.document().root().get("a").unwrap().items().count(), super::PAIRS_MAX);
    }
}
