//! Every collection and every index, declared once: MongoDB's start-up turns the table into
//! `createIndexes`, the embedded engine into key extractors.

/// A collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// Accounts. Of the original.
    Users,
    /// Conversations. Of the original.
    Conversations,
    /// Messages. Of the original.
    Messages,
    /// Sign-ins, by `sid`.
    Sessions,
    /// One document a pair of people with an open conversation: its uniqueness.
    Pairs,
    /// One document a fact about this store: its epoch, the version of its layout.
    Facts,
}

/// A declared index.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name in MongoDB.
    pub name: &'static str,
    /// Where.
    pub collection: Collection,
    /// Dotted paths and direction, most significant first. A scan may walk it both ways. A path
    /// that leads to an array indexes each item (at most one such path an index).
    pub fields: &'static [(&'static str, Order)],
    /// At most one document a key.
    pub unique: bool,
    /// Only documents that have all its fields. Source: architecture.md, "Store".
    pub partial: bool,
}

/// The declared direction of a field; MongoDB needs it for mixed sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}
