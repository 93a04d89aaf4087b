//! JSON text and attachments to a msgpack packet.

use bytes::Bytes;
use simd_json::{Node, StaticNode};

use super::write;
use crate::schema::json::{Document, Entries, JsonError, Limits};
use crate::socket::{Outgoing, attachment};

/// Appends the packet.
///
/// # Errors
/// When the data is not JSON or nests or holds more than [`Limits::SOCKET`].
///
/// # Cost
/// A copy and a parse of the data, once for all recipients.
pub fn encode(out: &mut Vec<u8>, packet: &Outgoing<'_>) -> Result<(), JsonError> {
    let Outgoing { kind, namespace, id, data, attachments } = *packet;
    let members = [data.is_some(), id.is_some()].into_iter().filter(|is_there| *is_there).count();
    write::map(out, members.saturating_add(2));
    write::text(out, "type");
    write::unsigned(out, kind.number().into());
    if let Some(data) = data {
        let mut copy = data.to_vec();
        let document = Document::parse(&mut copy, Limits::SOCKET)?;
        write::text(out, "data");
        transcode(out, document.nodes(), attachments);
    }
    if let Some(id) = id {
        write::text(out, "id");
        write::unsigned(out, id);
    }
    write::text(out, "nsp");
    write::text(out, namespace);
    Ok(())
}

/// Writes a tape in its order, which is that of msgpack too.
fn transcode(out: &mut Vec<u8>, nodes: &[Node<'_>], attachments: &[Bytes]) {
    let mut unnamed: Vec<Option<&Bytes>> = attachments.iter().map(Some).collect();
    let mut rest = nodes;
    while let Some((node, behind)) = rest.split_first() {
        let mut next = behind;
        match node {
            Node::Static(StaticNode::Null) => write::nil(out),
            Node::Static(StaticNode::Bool(value)) => write::boolean(out, *value),
            Node::Static(StaticNode::I64(number)) => write::signed(out, *number),
            Node::Static(StaticNode::U64(number)) => write::unsigned(out, *number),
            Node::Static(StaticNode::F64(number)) => write::float(out, *number),
            Node::String(text) => write::text(out, text),
            Node::Array { len, .. } => write::array(out, *len),
            Node::Object { len, count } => {
                let (inside, after) = behind.split_at_checked(*count).unwrap_or((behind, &[]));
                if let Some(bytes) = attached(inside, &mut unnamed) {
                    write::binary(out, bytes);
                    next = after;
                } else {
                    write::map(out, *len);
                }
            }
        }
        rest = next;
    }
}

/// What the object with these nodes stands for, if it is a placeholder.
fn attached<'a>(inside: &[Node<'_>], unnamed: &mut [Option<&'a Bytes>]) -> Option<&'a Bytes> {
    if unnamed.is_empty() {
        return None;
    }
    let index = attachment::placeholder(Entries::of(inside), unnamed.len()).ok().flatten()?;
    unnamed.get_mut(index)?.take()
}
