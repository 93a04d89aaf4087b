//! Where a request comes from: the peer of the connection, or what a trusted proxy says of it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use http::HeaderMap;

/// How many entries of `X-Forwarded-For` are looked at, from the right; a longer chain of trusted
/// proxies counts as one client.
pub const FORWARDED_HOPS_MAX: usize = 16;

/// A client as the limiters know it: an IPv4 address, or the /64 of an IPv6 one, which is what one
/// subscriber is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// An address.
    V4([u8; 4]),
    /// The first half of an address.
    V6([u16; 4]),
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// IPv4 as mapped into IPv6, so that one comparison serves both.
    base: u128,
    mask: u128,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a range such as 10.0.0.0/8")]
pub struct NetworkError;

impl Network {
    /// Whether the address lies in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.base
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len.parse::<u32>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = width - len.unwrap_or(width).min(width);
        if len.is_some_and(|len| len > width) {
            return Err(NetworkError);
        }
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Ok(Self { base: bits(address) & mask, mask })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv6Addr::from_bits(self.base), self.mask.leading_ones())
    }
}

/// The client's address. `X-Forwarded-For` is believed as far as trusted proxies wrote it: the
/// rightmost entry that is not itself a trusted proxy is the client.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").into_iter().rev();
    let entries = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut nearest = peer;
    for entry in entries.take(FORWARDED_HOPS_MAX) {
        // What a proxy did not write as an address says nothing, and nothing beyond it either.
        let Some(address) = forwarded(entry) else { break };
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    nearest
}

/// An entry of `X-Forwarded-For`; some proxies add a port.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare =
        entry.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    bare.unwrap_or(entry)
        .parse()
        .ok()
        .or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client_of(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", (*line).parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(ip(peer), &headers, &trusted)
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("10.1.2.3/8", "10.9.9.9", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("0.0.0.0/0", "8.8.8.8", "2001:db8::1"),
            ("::/0", "2001:db8::1", ""),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(ip(inside)), "{network} {inside}");
            assert!(outside.is_empty() || !network.contains(ip(outside)), "{network} {outside}");
        }
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "10.0.0.0/-1", "a/8"] {
            assert_eq!(bad.parse::<Network>(), Err(NetworkError), "{bad}");
        }
    }

    #[test]
    fn forwarded_for_is_believed_only_from_a_trusted_proxy() {
        assert_eq!(client_of("1.2.3.4", &["9.9.9.9"], &[]), ip("1.2.3.4"));
        assert_eq!(client_of("1.2.3.4", &["9.9.9.9"], &["10.0.0.0/8"]), ip("1.2.3.4"));
        assert_eq!(client_of("10.0.0.1", &["9.9.9.9"], &["10.0.0.0/8"]), ip("9.9.9.9"));
    }

    #[test]
    fn client_is_the_rightmost_untrusted_entry() {
        let trusted = ["10.0.0.0/8"];
        for (lines, found) in [
            (&["6.6.6.6, 9.9.9.9, 10.0.0.2"][..], "9.9.9.9"),
            (&["6.6.6.6", "9.9.9.9", "10.0.0.2"], "9.9.9.9"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["9.9.9.9, rubbish, 10.0.0.2"], "10.0.0.2"),
            (&["rubbish"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
            (&["9.9.9.9:1234"], "9.9.9.9"),
            (&["[2001:db8::1]:80"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
        ] {
            assert_eq!(client_of("10.0.0.1", lines, &trusted), ip(found), "{lines:?}");
        }
    }

    #[test]
    fn one_subscriber_is_one_client() {
        let client = |text| Client::from(ip(text));
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:1.2.3.4"), client("1.2.3.4"));
        assert_ne!(client("1.2.3.4"), client("1.2.3.5"));
    }
}
