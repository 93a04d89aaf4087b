//! Bytes to an untyped value: a flat tape that borrows from the text it was read from.
//!
//! Parsing rewrites the text in place (that is how strings lose their escapes without being
//! copied). Depth and number of values are bounded before the parser sees a byte, so no peer
//! decides how deep anything here goes or how much it allocates.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use simd_json::{Buffers, Node, StaticNode, Tape};

use super::scan::scan;

/// How deep a REST body may nest; a deeper one is refused. Source: contract 1.9.
pub const REST_DEPTH_MAX: usize = 64;

/// How deep a socket's payload may nest; a deeper one is refused. Source: contract 1.9.
pub const SOCKET_DEPTH_MAX: usize = 128;

/// How many values (keys counted) a text may hold; more are refused.
///
/// A tape takes 24 bytes a value, so this bounds it to 1.5 MiB; a megabyte of `[0,0,…` would
/// otherwise take 12.
pub const VALUES_MAX: usize = 65_536;

/// Bounds on a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep arrays and objects may stand in each other.
    pub depth: usize,
    /// How many values there may be, keys counted.
    pub values: usize,
}

impl Limits {
    /// For REST bodies.
    pub const REST: Self = Self { depth: REST_DEPTH_MAX, values: VALUES_MAX };
    /// For socket payloads.
    pub const SOCKET: Self = Self { depth: SOCKET_DEPTH_MAX, values: VALUES_MAX };
}

/// Why a text could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("malformed JSON")]
    Malformed,
    /// It nests deeper than this.
    #[error("JSON nested deeper than {0} levels")]
    TooDeep(usize),
    /// It holds more values than this.
    #[error("JSON of more than {0} values")]
    TooMany(usize),
}

/// A parsed text.
#[derive(Debug)]
pub struct Document<'text> {
    tape: Tape<'text>,
}

impl<'text> Document<'text> {
    /// Parses `text`, which is rewritten.
    ///
    /// # Errors
    /// When it is not JSON or over `limits`.
    ///
    /// # Cost
    /// Five allocations, none beyond the bounds of [`Limits`] and the length of the text.
    pub fn parse(text: &'text mut [u8], limits: Limits) -> Result<Self, JsonError> {
        let mut tape = Tape(Vec::new());
        fill(text, limits, &mut Buffers::new(0), &mut tape)?;
        Ok(Self { tape })
    }

    /// The document made of these nodes, which must be a well-formed tape.
    pub(super) const fn from_nodes(nodes: Vec<Node<'text>>) -> Self {
        Self { tape: Tape(nodes) }
    }

    /// The tape: each value behind the last, a container before what it holds.
    pub(crate) fn nodes(&self) -> &[Node<'text>] {
        &self.tape.0
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value(&self.tape.0)
    }
}

/// A parser that keeps its buffers from one text to the next; one per thread.
pub struct Parser {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Parser {
    /// A parser without buffers; they grow with the first texts.
    pub fn new() -> Self {
        Self { buffers: Buffers::new(0), tape: Tape(Vec::new()) }
    }

    /// Parses `text`, which is rewritten, and returns what `read` makes of it.
    ///
    /// # Errors
    /// When it is not JSON or over `limits`.
    ///
    /// # Cost
    /// No allocation once the buffers fit; what a text of more than [`KEPT_BYTES_MAX`] needed is
    /// given back.
    pub fn parse<T>(
        &mut self,
        text: &mut [u8],
        limits: Limits,
        read: impl FnOnce(Value<'_>) -> T,
    ) -> Result<T, JsonError> {
        let is_large = text.len() > KEPT_BYTES_MAX;
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let result = fill(text, limits, &mut self.buffers, &mut tape);
        let result = result.map(|()| read(Value(&tape.0)));
        if is_large {
            *self = Self::new();
        } else {
            self.tape = tape.reset();
        }
        result
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parser").finish_non_exhaustive()
    }
}

fn fill<'text>(
    text: &'text mut [u8],
    limits: Limits,
    buffers: &mut Buffers,
    tape: &mut Tape<'text>,
) -> Result<(), JsonError> {
    scan(text, limits)?;
    simd_json::fill_tape(text, buffers, tape).map_err(|_| JsonError::Malformed)
}

/// The longest text whose buffers a [`Parser`] keeps.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;

/// A value inside a [`Document`]; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Value<'t>(&'t [Node<'t>]);

impl<'t> Value<'t> {
    /// `null`.
    pub const NULL: Self = Self(&[]);

    /// `{}`, for requests whose body may be absent.
    pub const EMPTY_OBJECT: Self = Self(&[Node::Object { len: 0, count: 0 }]);

    /// What it is.
    pub fn shape(self) -> Shape<'t> {
        match self.0.first() {
            None | Some(Node::Static(StaticNode::Null)) => Shape::Null,
            Some(Node::Static(StaticNode::Bool(value))) => Shape::Boolean(*value),
            Some(Node::Static(StaticNode::I64(value))) => Shape::Integer(*value),
            Some(Node::Static(StaticNode::U64(value))) => {
                i64::try_from(*value).map_or(Shape::Float(to_float(*value)), Shape::Integer)
            }
            Some(Node::Static(StaticNode::F64(value))) => Shape::Float(*value),
            Some(Node::String(text)) => Shape::Text(text),
            Some(Node::Array { .. }) => Shape::Array(Items(self.behind_head())),
            Some(Node::Object { .. }) => Shape::Object(Entries(Items(self.behind_head()))),
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        matches!(self.shape(), Shape::Null)
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        matches!(self.shape(), Shape::Array(_))
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        matches!(self.shape(), Shape::Object(_))
    }

    /// Its text, if it is a string.
    pub fn as_text(self) -> Option<&'t str> {
        if let Some(Node::String(text)) = self.0.first() { Some(text) } else { None }
    }

    /// Its items; none if it is not an array.
    pub fn items(self) -> Items<'t> {
        if let Shape::Array(items) = self.shape() { items } else { Items(&[]) }
    }

    /// Its entries; none if it is not an object.
    pub fn entries(self) -> Entries<'t> {
        if let Shape::Object(entries) = self.shape() { entries } else { Entries(Items(&[])) }
    }

    /// The value under this key; of equal keys the last, as in JavaScript.
    pub fn get(self, key: &str) -> Option<Self> {
        self.entries().get(key)
    }

    fn behind_head(self) -> &'t [Node<'t>] {
        self.0.get(1..).unwrap_or_default()
    }
}

impl Serialize for Value<'_> {
    /// Recurses as deep as the text nests, which [`Limits`] bounds.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.shape() {
            Shape::Null => serializer.serialize_unit(),
            Shape::Boolean(value) => serializer.serialize_bool(value),
            Shape::Integer(value) => serializer.serialize_i64(value),
            Shape::Float(value) => serializer.serialize_f64(value),
            Shape::Text(text) => serializer.serialize_str(text),
            Shape::Array(items) => {
                let mut sequence = serializer.serialize_seq(None)?;
                for item in items {
                    sequence.serialize_element(&item)?;
                }
                sequence.end()
            }
            Shape::Object(entries) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in entries {
                    map.serialize_entry(key, &value)?;
                }
                map.end()
            }
        }
    }
}

/// What a [`Value`] is.
#[derive(Debug, Clone)]
pub enum Shape<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number that fits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(&'t str),
    /// An array.
    Array(Items<'t>),
    /// An object.
    Object(Entries<'t>),
}

/// The items of an array, in order.
#[derive(Debug, Clone)]
pub struct Items<'t>(&'t [Node<'t>]);

impl<'t> Iterator for Items<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        let len = match self.0.first()? {
            Node::Static(_) | Node::String(_) => 1,
            Node::Array { count, .. } | Node::Object { count, .. } => count.saturating_add(1),
        };
        let (value, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(Value(value))
    }
}

/// The entries of an object in the order of the text, equal keys included.
#[derive(Debug, Clone)]
pub struct Entries<'t>(Items<'t>);

impl<'t> Entries<'t> {
    /// The entries that these nodes, the inside of an object, hold.
    pub(crate) const fn of(inside: &'t [Node<'t>]) -> Self {
        Self(Items(inside))
    }

    /// The value under this key; of equal keys the last, as in JavaScript.
    pub(crate) fn get(self, key: &str) -> Option<Value<'t>> {
        self.filter(|(name, _)| *name == key).map(|(_, value)| value).last()
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = (&'t str, Value<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?.as_text()?;
        Some((key, self.0.next()?))
    }
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript's numbers lose it too")]
const fn to_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
