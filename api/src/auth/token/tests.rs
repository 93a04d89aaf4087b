use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::id::IdError;
use ring::hmac;
use serde_json::{Value, json};

use super::*;

const ACCESS_SECRET: &str = "an access secret of forty-two characters..";
const REFRESH_SECRET: &str = "a refresh secret of forty-two characters..";
const NOW: Timestamp = Timestamp(1_767_225_600_123);
const JTI: TokenId = TokenId::from_bytes([7; 16]);

fn tokens() -> Tokens {
    let secrets = Secrets::new(ACCESS_SECRET, Some(REFRESH_SECRET)).unwrap();
    Tokens::new(&secrets, Lifetime::ACCESS_DEFAULT, Lifetime::REFRESH_DEFAULT)
}

fn subject() -> Subject<'static> {
    Subject {
        user_id: "507f1f77bcf86cd799439011".parse().unwrap(),
        email: "ada@example.com",
        role: Role::Agent,
        session_id: "507f1f77bcf86cd799439012".parse().unwrap(),
    }
}

fn pair() -> TokenPair {
    tokens().sign_pair(&subject(), JTI, NOW)
}

fn access() -> String {
    pair().access
}

fn refresh() -> String {
    pair().refresh
}

/// A token with any header and claims, signed as a holder of `secret` would.
fn forge(header: &str, claims: &str, secret: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())))
}

fn good_claims() -> Value {
    json!({
        "userId": "507f1f77bcf86cd799439011", "email": "ada@example.com", "role": "agent",
        "type": "access", "sid": "507f1f77bcf86cd799439012", "jti": JTI.to_string(),
        "iss": "voxora", "iat": 1_767_225_600, "exp": 1_767_830_400,
    })
}

const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn verify(token: &str) -> Result<AccessClaims, TokenError> {
    tokens().verify_access(token, NOW)
}

#[test]
fn claims_are_the_originals_with_sid_jti_and_iss() {
    let access = access();
    let payload = access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims, good_claims());
}

#[test]
fn signed_pair_verifies_and_says_what_went_in() {
    let claims = verify(&access()).unwrap();
    assert_eq!(claims.user_id.to_string(), "507f1f77bcf86cd799439011");
    assert_eq!(claims.session_id.to_string(), "507f1f77bcf86cd799439012");
    assert_eq!(claims.issued_at, Timestamp(1_767_225_600_000));
    assert_eq!(claims.expires_at, Timestamp(1_767_830_400_000));
    let refresh = tokens().verify_refresh(&refresh(), NOW).unwrap();
    assert_eq!(refresh.token_id, JTI);
    assert_eq!(refresh.expires_at, Timestamp(1_769_817_600_000));
}

#[test]
fn same_moment_and_jti_sign_the_same_tokens() {
    assert_eq!(access(), access());
    assert_eq!(refresh(), refresh());
    assert_ne!(access(), refresh());
}

#[test]
fn token_ends_at_its_exp_without_leeway() {
    let tokens = tokens();
    let access = access();
    let exp = verify(&access).unwrap().expires_at;
    assert!(tokens.verify_access(&access, Timestamp(exp.0 - 1)).is_ok());
    assert_eq!(tokens.verify_access(&access, exp), Err(TokenError::Expired));
}

#[test]
fn expired_forgery_is_invalid_and_not_expired() {
    let mut claims = good_claims();
    claims["exp"] = 1.into();
    assert_eq!(verify(&forge(HS256, &claims.to_string(), "guess")), Err(TokenError::Invalid));
    assert_eq!(verify(&forge(HS256, &claims.to_string(), ACCESS_SECRET)), Err(TokenError::Expired));
}

#[test]
fn other_algorithms_are_refused() {
    let claims = good_claims().to_string();
    assert!(verify(&forge(HS256, &claims, ACCESS_SECRET)).is_ok());
    for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "", "hs256"] {
        let header = format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#);
        let signed = forge(&header, &claims, ACCESS_SECRET);
        assert_eq!(verify(&signed), Err(TokenError::Invalid), "{alg}");
        let bare = &signed[..=signed.rfind('.').unwrap()];
        assert_eq!(verify(bare), Err(TokenError::Invalid), "{alg} unsigned");
    }
    for header in ["{}", "[]", "null", r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, "\u{0}"] {
        assert_eq!(verify(&forge(header, &claims, ACCESS_SECRET)), Err(TokenError::Invalid));
    }
}

#[test]
fn signature_must_be_there_and_right() {
    let access = access();
    let (message, signature) = access.rsplit_once('.').unwrap();
    for bad in [
        message.to_owned(),
        format!("{message}."),
        format!("{message}.{}", &signature[1..]),
        format!("{message}.{signature}A"),
        format!("{message}.{signature}="),
        format!("{access}.{signature}"),
        format!(" {access}"),
        format!("{}.{signature}", message.replace('.', "..")),
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        "ÿ.ÿ.ÿ".into(),
        "A".repeat(1_000_000),
    ] {
        assert_eq!(verify(&bad), Err(TokenError::Invalid));
    }
}

#[test]
fn mistyped_missing_and_absurd_claims_are_refused() {
    let text = good_claims().to_string();
    for exp in [
        "-1",
        "1e400",
        "-1e400",
        "1.5",
        "1767830400.5",
        "null",
        "true",
        "\"1767830400\"",
        "[]",
        "{}",
        "18446744073709551616",
        "99999999999999",
    ] {
        let claims = text.replace("1767830400", exp);
        assert_eq!(
            verify(&forge(HS256, &claims, ACCESS_SECRET)),
            Err(TokenError::Invalid),
            "{exp}"
        );
    }
    for claim in ["userId", "type", "sid", "jti", "iss", "iat", "exp"] {
        for value in [None, Some(Value::Null), Some(json!("x")), Some(json!(7.5)), Some(json!([]))]
        {
            let mut claims = good_claims();
            match value {
                Some(value) => claims[claim] = value,
                None => drop(claims.as_object_mut().unwrap().remove(claim)),
            }
            let forged = forge(HS256, &claims.to_string(), ACCESS_SECRET);
            assert_eq!(verify(&forged), Err(TokenError::Invalid), "{claims}");
        }
    }
    for claims in ["", "[]", "null", "7", "{", "\u{0}", &"[".repeat(2_000)] {
        assert_eq!(verify(&forge(HS256, claims, ACCESS_SECRET)), Err(TokenError::Invalid));
    }
}

#[test]
fn refresh_token_is_no_access_token_and_the_other_way_round() {
    assert_eq!(verify(&refresh()), Err(TokenError::Invalid));
    assert_eq!(tokens().verify_refresh(&access(), NOW), Err(TokenError::Invalid));
    // Nor when both secrets are the same.
    let secrets = Secrets::new(ACCESS_SECRET, Some(ACCESS_SECRET)).unwrap();
    let equal = Tokens::new(&secrets, Lifetime::ACCESS_DEFAULT, Lifetime::REFRESH_DEFAULT);
    assert_eq!(equal.verify_refresh(&access(), NOW), Err(TokenError::Invalid));
}

#[test]
fn token_opens_nothing_before_its_nbf_and_nbf_is_a_number_of_seconds() {
    let with = |nbf: &str| {
        let claims = good_claims().to_string().replacen('{', &format!("{{\"nbf\":{nbf},"), 1);
        forge(HS256, &claims, ACCESS_SECRET)
    };
    let token = with("1767225700");
    let nbf = Timestamp(1_767_225_700_000);
    assert_eq!(tokens().verify_access(&token, Timestamp(nbf.0 - 1)), Err(TokenError::Invalid));
    assert!(tokens().verify_access(&token, nbf).is_ok());
    for nbf in
        ["4102444800", "\"x\"", "\"1\"", "-1", "[]", "{}", "null", "true", "1.5", "1e308", "1e400"]
    {
        assert_eq!(verify(&with(nbf)), Err(TokenError::Invalid), "{nbf}");
    }
}

#[test]
fn header_that_names_something_critical_is_refused() {
    for crit in [r#"["x"]"#, r#"["b64"]"#, r#"["exp"]"#, "[]", "7", "\"x\""] {
        let header = format!(r#"{{"typ":"JWT","alg":"HS256","x":1,"b64":true,"crit":{crit}}}"#);
        let forged = forge(&header, &good_claims().to_string(), ACCESS_SECRET);
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{crit}");
    }
}

#[test]
fn token_of_another_issuer_is_refused() {
    for iss in [json!("someone"), json!(["voxora"]), json!("Voxora"), json!("")] {
        let mut claims = good_claims();
        claims["iss"] = iss;
        let forged = forge(HS256, &claims.to_string(), ACCESS_SECRET);
        assert_eq!(verify(&forged), Err(TokenError::Invalid));
    }
}

#[test]
fn tokens_of_the_original_are_honoured_only_where_that_is_switched_on() {
    let legacy = |kind: &str| {
        json!({
            "userId": "507f1f77bcf86cd799439011", "email": "ada@example.com", "role": "admin",
            "type": kind, "iat": 1_767_225_600, "exp": 1_767_830_400,
        })
    };
    let access = forge(HS256, &legacy("access").to_string(), ACCESS_SECRET);
    assert_eq!(verify(&access), Err(TokenError::Invalid));
    let lenient = tokens().accepting_legacy(true);
    let claims = lenient.verify_access(&access, NOW).unwrap();
    assert_eq!(claims.session_id, LEGACY_SESSION);
    assert_eq!(
        lenient.verify_access(&access, Timestamp(1_767_830_400_000)),
        Err(TokenError::Expired)
    );
    for (kind, secret) in
        [("access", "guess"), ("access", REFRESH_SECRET), ("refresh", ACCESS_SECRET)]
    {
        let forged = forge(HS256, &legacy(kind).to_string(), secret);
        assert_eq!(lenient.verify_access(&forged, NOW), Err(TokenError::Invalid), "{kind}");
    }
    // Its refresh tokens were never worth anything, and a token of ours stays bound to its session.
    let refresh = forge(HS256, &legacy("refresh").to_string(), REFRESH_SECRET);
    assert_eq!(lenient.verify_refresh(&refresh, NOW), Err(TokenError::Invalid));
    for claim in ["sid", "jti", "iss"] {
        let mut claims = good_claims();
        drop(claims.as_object_mut().unwrap().remove(claim));
        let forged = forge(HS256, &claims.to_string(), ACCESS_SECRET);
        assert_eq!(lenient.verify_access(&forged, NOW), Err(TokenError::Invalid), "{claim}");
    }
}

#[test]
fn debug_hides_the_tokens() {
    assert!(!format!("{:?} {:?}", pair(), tokens()).contains(&access()[..8]));
}

#[test]
fn token_id_round_trips_and_refuses_others() {
    assert_eq!(JTI.to_string().parse(), Ok(JTI));
    for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA=", "A A"] {
        assert_eq!(bad.parse::<TokenId>(), Err(IdError));
    }
}
