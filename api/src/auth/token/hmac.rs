//! HS256 for the token library, by `ring`; every other algorithm is refused here as well.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::hmac;

struct Hs256(hmac::Key);

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(signer(*algorithm, key)?)),
    verifier_factory: |algorithm, key| Ok(Box::new(verifier(*algorithm, key)?)),
    // Only JSON Web Keys need them, and none is ever read.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the process's provider; without one the token library panics.
pub(super) fn install() {
    // Refused when one is installed already, which on any but the first call is this one.
    let _ = PROVIDER.install_default();
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Hs256> {
    hs256(algorithm, key.family(), key.as_bytes())
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Hs256> {
    hs256(algorithm, key.family(), key.try_get_as_bytes()?)
}

fn hs256(algorithm: Algorithm, family: AlgorithmFamily, secret: &[u8]) -> Result<Hs256> {
    if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
        return Err(new_error(ErrorKind::UnsupportedAlgorithm));
    }
    Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)))
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Compares in constant time.
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
