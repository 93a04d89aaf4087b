//! The private id of a session: whoever shows it, and signs in as the same user, goes on with it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The secret name of a session: 2 bytes node, 1 byte shard, 18 random bytes; 28 characters of
/// url-safe base64. The first three say where the session began, and so where to look first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pid([u8; BYTES]);

const BYTES: usize = 21;

/// Not a private id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Pid {
    /// The id of a session that begins on `shard` of `node`.
    pub(crate) fn new(node: u16, shard: u8, random: [u8; 18]) -> Self {
        let mut bytes = [0; BYTES];
        let (head, tail) = bytes.split_at_mut(3);
        head[..2].copy_from_slice(&node.to_be_bytes());
        head[2] = shard;
        tail.copy_from_slice(&random);
        Self(bytes)
    }

    /// The node where the session began.
    pub(crate) const fn node(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// The shard, within its node, where the session began.
    pub(crate) const fn shard(&self) -> u8 {
        self.0[2]
    }
}

impl FromStr for Pid {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let mut bytes = [0; BYTES];
        if text.len() != 28 {
            return Err(Unknown);
        }
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(BYTES) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(Unknown),
        }
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Pid {
    /// Never shows the secret part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid(node {}, shard {}, …)", self.node(), self.shard())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_its_owner_and_hides_its_secret() {
        let pid = Pid::new(0x1234, 7, [0xab; 18]);
        let text = pid.to_string();
        assert_eq!(text.parse(), Ok(pid));
        assert_eq!((text.len(), pid.node(), pid.shard()), (28, 0x1234, 7));
        assert!(!format!("{pid:?}").contains(&text[4..]));
        for bad in ["", "foo", &text[1..], &format!("{text}A"), &"é".repeat(14), &"=".repeat(28)] {
            assert_eq!(bad.parse::<Pid>(), Err(Unknown), "{bad}");
        }
    }
}
