//! The secrets that tokens are signed with: where they come from and which are refused.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Secrets under this many bytes are guessable: a warning, in production a refusal to start.
pub const SECRET_BYTES_MIN: usize = 32;

/// The two secrets. Their text never leaves this type but to the signer.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    access: Box<[u8]>,
    refresh: Box<[u8]>,
}

/// What is wrong with the secrets; a warning where it does not refuse the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// No access secret; there is no built-in one.
    #[error("JWT_SECRET is not set (for example: openssl rand -base64 48)")]
    Missing,
    /// The access secret is short.
    #[error("JWT_SECRET is shorter than {SECRET_BYTES_MIN} bytes")]
    AccessShort,
    /// The refresh secret is short.
    #[error("JWT_REFRESH_SECRET is shorter than {SECRET_BYTES_MIN} bytes")]
    RefreshShort,
    /// Both are the same.
    #[error("JWT_SECRET and JWT_REFRESH_SECRET are the same")]
    Equal,
}

impl Secrets {
    /// The secrets of these settings; an empty text counts as unset. Without a refresh secret one
    /// is derived from the access secret.
    ///
    /// # Errors
    /// The access secret is unset.
    pub fn new(access: &str, refresh: Option<&str>) -> Result<Self, SecretProblem> {
        if access.is_empty() {
            return Err(SecretProblem::Missing);
        }
        let access: Box<[u8]> = access.as_bytes().into();
        let refresh = match refresh.filter(|text| !text.is_empty()) {
            Some(text) => text.as_bytes().into(),
            None => derive(&access, b"voxora refresh token").into(),
        };
        Ok(Self { access, refresh })
    }

    /// What is weak about them: with `NODE_ENV=production` each is a reason not to start.
    pub fn weaknesses(&self) -> Vec<SecretProblem> {
        let mut found = Vec::new();
        if self.access.len() < SECRET_BYTES_MIN {
            found.push(SecretProblem::AccessShort);
        }
        if self.refresh.len() < SECRET_BYTES_MIN {
            found.push(SecretProblem::RefreshShort);
        }
        if self.access == self.refresh {
            found.push(SecretProblem::Equal);
        }
        found
    }

    /// A key of 32 bytes for another purpose, such as requests between nodes; it tells nothing
    /// about the secrets.
    pub fn derived(&self, purpose: &[u8]) -> [u8; 32] {
        derive(&self.access, purpose)
    }

    pub(super) const fn access(&self) -> &[u8] {
        &self.access
    }

    pub(super) const fn refresh(&self) -> &[u8] {
        &self.refresh
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// The secret kept in this file, made at the first start; readable by its owner alone.
///
/// # Errors
/// The file can neither be read nor made, or is empty.
pub fn load_or_create(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the file of the secret is empty"))
        }
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

/// Writes a new secret beside `path` and moves it there whole: a crash leaves none or all of it.
fn create(path: &Path) -> io::Result<String> {
    let mut random = [0; 48];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let secret = URL_SAFE_NO_PAD.encode(random);
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    if let Some(folder) = path.parent() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(secret)
}

/// HKDF with SHA-256. Source: RFC 5869.
fn derive(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"voxora")
        .extract(secret)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("32 bytes are within what HKDF-SHA-256 can give");
    key
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn refresh_secret_is_derived_when_unset() {
        let derived = Secrets::new(LONG, None).unwrap();
        assert_ne!(derived.access(), derived.refresh());
        assert_eq!(derived, Secrets::new(LONG, Some("")).unwrap());
        assert!(derived.weaknesses().is_empty());
        assert_ne!(&derived.derived(b"nodes")[..], derived.refresh());
        assert_eq!(Secrets::new(LONG, Some("r")).unwrap().refresh(), b"r");
    }

    #[test]
    fn weak_secrets_are_named() {
        assert_eq!(Secrets::new("", Some(LONG)), Err(SecretProblem::Missing));
        let weak = Secrets::new("short", Some("short")).unwrap();
        assert_eq!(
            weak.weaknesses(),
            [SecretProblem::AccessShort, SecretProblem::RefreshShort, SecretProblem::Equal]
        );
        let long = Secrets::new(LONG, Some(LONG)).unwrap();
        assert_eq!(long.weaknesses(), [SecretProblem::Equal]);
    }

    #[test]
    fn debug_hides_the_secrets() {
        let shown = format!("{:?}", Secrets::new(LONG, Some("another")).unwrap());
        assert!(!shown.contains(&LONG[..4]) && !shown.contains("another"));
    }

    #[test]
    fn kept_secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        // What a crash between writing and moving leaves behind must not be in the way.
        fs::write(path.with_extension("new"), "half").unwrap();
        let first = load_or_create(&path).unwrap();
        assert!(first.len() >= SECRET_BYTES_MIN);
        assert_eq!(load_or_create(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, " \n").unwrap();
        assert_eq!(load_or_create(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
