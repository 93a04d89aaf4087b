//! What an acknowledgement brings. Source: contract 1.5.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::{Shape, append_json};
use crate::rest::reply::Code;

/// What the acknowledgement of a request that succeeded brings.
#[derive(Debug, Clone, Copy)]
pub enum Brings {
    /// That it is done; of a mere sign to others, for which nobody waits.
    Sign,
    /// That it is done.
    Nothing,
    /// This in `data`.
    Data(Shape),
}

impl Brings {
    /// Brings one of these.
    pub const fn data<T: JsonSchema>() -> Self {
        Self::Data(SchemaGenerator::subschema_for::<T>)
    }
}

/// Appends the arguments of the ACK packet of a request that succeeded:
/// `[{"success":true,"data":…}]`, without `data` if there is none.
pub fn encode_success<T: Serialize>(out: &mut Vec<u8>, data: Option<&T>) {
    append_json(out, &[Success { success: true, data }]);
}

/// Appends the arguments of the ACK packet of a request that failed:
/// `[{"success":false,"error":{"code":…,"message":…}}]`.
pub fn encode_failure(out: &mut Vec<u8>, code: Code, message: &str) {
    append_json(out, &[Failure { success: false, error: Reason { code, message } }]);
}

#[derive(Serialize)]
struct Success<'a, T> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a T>,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: Code,
    message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_one_object() {
        let mut out = Vec::new();
        encode_success(&mut out, Some(&[1, 2]));
        assert_eq!(out, br#"[{"success":true,"data":[1,2]}]"#);
        out.clear();
        encode_success::<()>(&mut out, None);
        assert_eq!(out, br#"[{"success":true}]"#);
        out.clear();
        encode_failure(&mut out, Code::NotFound, "Conversation not found");
        assert_eq!(
            out,
            br#"[{"success":false,"error":{"code":"NOT_FOUND","message":"Conversation not found"}}]"#
        );
    }
}
