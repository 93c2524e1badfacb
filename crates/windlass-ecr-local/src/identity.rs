//! Who calls: `SigV4` credentials, registry tokens, random names.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::errors::ApiError;

/// Returns 32 bytes from the system's source of randomness.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}

/// Returns a random identifier in the form of a UUID.
pub(crate) fn random_uuid() -> String {
    let bytes = random_bytes();
    let text = hex(&bytes[..16]);
    format!(
        "{}-{}-4{}-a{}-{}",
        &text[..8],
        &text[8..12],
        &text[13..16],
        &text[17..20],
        &text[20..32]
    )
}

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Returns the digest of `bytes` in the form `sha256:<hex>`.
pub(crate) fn sha256_digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Returns whether `text` is a digest in the form `sha256:<64 lower-case hex digits>`.
pub(crate) fn is_sha256_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Returns whether `text` is an account: 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns HMAC-SHA-256 (RFC 2104) of `message` under a key that is shorter than a block.
pub(crate) fn signature(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut inner = [0x36; 64];
    let mut outer = [0x5c; 64];
    for (index, byte) in key.iter().enumerate() {
        inner[index] ^= byte;
        outer[index] ^= byte;
    }
    let inside = Sha256::new()
        .chain_update(inner)
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(outer)
        .chain_update(inside)
        .finalize()
        .into()
}

/// Returns whether two signatures are equal, in constant time.
pub(crate) fn same_signature(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Returns the access key id of a `SigV4` `Authorization` header.
pub(crate) fn access_key_id(authorization: Option<&str>) -> Result<&str, ApiError> {
    let Some(header) = authorization else {
        return Err(ApiError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let credential = header
        .strip_prefix("AWS4-")
        .and_then(|rest| rest.split_once("Credential="))
        .and_then(|(_, rest)| rest.split([',', ' ']).next())
        .filter(|credential| credential.split('/').count() >= 5);
    let signed = header.contains("Signature=") && header.contains("SignedHeaders=");
    match credential.and_then(|credential| credential.split('/').next()) {
        Some(key) if signed && !key.is_empty() => Ok(key),
        _ => Err(ApiError::new(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
        )),
    }
}

/// What a registry token says; opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// Account of the principal that asked for it.
    pub(crate) account: String,
    /// Region in which it holds.
    pub(crate) region: String,
    /// When it ends.
    pub(crate) expires: Timestamp,
}

/// Why a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It was not made here, or for another region.
    Invalid,
    /// Its 12 hours are over.
    Expired,
}

impl Token {
    /// Returns the authorization token: base64 of `AWS:<password>`.
    pub(crate) fn sealed(&self, key: &[u8; 32]) -> String {
        let payload =
            serde_json::to_vec(&(self, hex(&random_bytes()[..8]))).expect("a token is JSON");
        let password = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&payload),
            hex(&signature(key, &payload))
        );
        STANDARD.encode(format!("AWS:{password}"))
    }

    /// Reads a token from the credentials of a Basic `Authorization` header.
    pub(crate) fn opened(
        credentials: &str,
        key: &[u8; 32],
        region: &str,
        now: Timestamp,
    ) -> Result<Self, TokenProblem> {
        let token = Self::verified(credentials, key).filter(|token| token.region == region);
        let token = token.ok_or(TokenProblem::Invalid)?;
        if token.expires <= now {
            Err(TokenProblem::Expired)
        } else {
            Ok(token)
        }
    }

    fn verified(credentials: &str, key: &[u8; 32]) -> Option<Self> {
        let plain = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
        let (payload, signed) = plain.strip_prefix("AWS:")?.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let expected = hex(&signature(key, &payload));
        if !same_signature(expected.as_bytes(), signed.as_bytes()) {
            return None;
        }
        let (token, _nonce): (Self, String) = serde_json::from_slice(&payload).ok()?;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_rfc_4231_does() {
        // Test case 2 of RFC 4231: a key shorter than a block is padded with zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            hex(&signature(&key, b"what do ya want for nothing?")),
            expected
        );
    }

    #[test]
    fn a_token_opens_in_its_region_until_it_ends() {
        let key = [7; 32];
        let token = Token {
            account: "1".repeat(12),
            region: "eu-west-1".into(),
            expires: Timestamp(1000),
        };
        let sealed = token.sealed(&key);
        assert_eq!(
            Token::opened(&sealed, &key, "eu-west-1", Timestamp(999)),
            Ok(token)
        );
        assert_eq!(
            Token::opened(&sealed, &key, "eu-west-1", Timestamp(1000)),
            Err(TokenProblem::Expired)
        );
        assert_eq!(
            Token::opened(&sealed, &key, "us-east-1", Timestamp(0)),
            Err(TokenProblem::Invalid)
        );
        assert_eq!(
            Token::opened(&sealed, &[8; 32], "eu-west-1", Timestamp(0)),
            Err(TokenProblem::Invalid)
        );
        assert_eq!(
            Token::opened("nonsense", &key, "eu-west-1", Timestamp(0)),
            Err(TokenProblem::Invalid)
        );
    }

    #[test]
    fn takes_the_access_key_id_out_of_a_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/ecr/aws4_request, \
                      SignedHeaders=host, Signature=00";
        assert_eq!(access_key_id(Some(header)), Ok("123456789012"));
        assert_eq!(
            access_key_id(None).unwrap_err().code,
            "MissingAuthenticationTokenException"
        );
        assert_eq!(
            access_key_id(Some("Bearer x")).unwrap_err().code,
            "IncompleteSignatureException"
        );
    }

    #[test]
    fn makes_uuids_of_the_service_models_form() {
        let form = regex_lite::Regex::new(
            "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        )
        .unwrap();
        assert!(form.is_match(&random_uuid()));
    }
}
