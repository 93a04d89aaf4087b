//! The closed sets of words that requests may use.
//!
//! Resources carry these fields as plain text, because an existing database may hold other words;
//! what a client writes is always one of these.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The wire's words, in the order of the contract.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The wire's word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": Self::WORDS })
            }
        }
    )+};
}

words! {
    /// Where a conversation stands.
    ConversationStatus {
        /// Somebody waits for an answer.
        Open = "open",
        /// An agent has it.
        Pending = "pending",
        /// Settled, as its members see it.
        Resolved = "resolved",
        /// Over; the next message opens it again.
        Closed = "closed",
    }
    /// How urgent a conversation is.
    Priority {
        /// When there is time.
        Low = "low",
        /// The usual.
        Medium = "medium",
        /// Before the usual.
        High = "high",
        /// First.
        Urgent = "urgent",
    }
    /// What a message is.
    MessageKind {
        /// Words.
        Text = "text",
        /// A file, described by the metadata.
        File = "file",
        /// A picture, described by the metadata.
        Image = "image",
        /// Said by the server itself; no client may. Source: contract 1.4.
        System = "system",
    }
    /// How reachable somebody says to be.
    Availability {
        /// There.
        Online = "online",
        /// Not at the desk.
        Away = "away",
        /// There, but occupied.
        Busy = "busy",
        /// Gone.
        Offline = "offline",
    }
    /// Which conversations a list shows. Source: contract 1.4.
    Scope {
        /// All; for staff.
        All = "all",
        /// Those without an agent; for staff.
        Unassigned = "unassigned",
        /// Those assigned to the caller.
        Mine = "mine",
    }
}
