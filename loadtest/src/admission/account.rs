//! Users and their access tokens: registered over REST, or read from a file.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::id::UserId;
use serde_json::{Value, json};

use crate::ledger::mark::Mark;
use crate::plan::SignIn;
use crate::progress::Progress;
use crate::rest;
use crate::swarm::Server;

/// A user that can connect.
#[derive(Clone)]
pub struct Account {
    /// Who.
    pub user: UserId,
    token: String,
}

impl Account {
    /// The CONNECT packet that carries the token.
    pub fn hello(&self) -> Arc<[u8]> {
        format!("40{}", json!({ "token": self.token })).into_bytes().into()
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One that nobody lets in.
    #[cfg(test)]
    pub(crate) fn stub() -> Self {
        Self { user: USER_OF_NOBODY.parse().unwrap(), token: String::new() }
    }

    /// The account that `token` is for, by its `userId` claim.
    fn from_token(token: &str) -> Result<Self> {
        let payload = token.split('.').nth(1).context("a token has three parts")?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok().context("a token is base64")?;
        let claims: Value = serde_json::from_slice(&payload).context("a token holds JSON")?;
        let user = claims.get("userId").and_then(Value::as_str).context("a token names a user")?;
        Ok(Self { user: user.parse()?, token: token.to_owned() })
    }
}

impl fmt::Debug for Account {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The users of a run: from `--tokens`, or `--users` of them (`users` if not given) registered.
///
/// # Errors
/// The file is no list of tokens, or the server refused a registration.
pub fn obtain(sign_in: &SignIn, server: &Server, mark: &Mark, users: u32) -> Result<Vec<Account>> {
    if let Some(path) = &sign_in.tokens {
        return read(path);
    }
    let count = sign_in.users.unwrap_or(users);
    let mut progress = Progress::start("users", count.into());
    let mut accounts = Vec::new();
    for number in 0..count {
        progress.set(number.into());
        let accepted = register(server, mark, number);
        accounts.push(accepted.with_context(|| format!("registering user {number} of {count}"))?);
    }
    progress.finish();
    if let Some(path) = &sign_in.save_tokens {
        write(path, &accounts)?;
    }
    Ok(accounts)
}

fn register(server: &Server, mark: &Mark, number: u32) -> Result<Account> {
    let email = format!("load-{}-{number}@example.com", mark.run());
    let name = format!("Load test {number}");
    let password = format!("load-{}-pass-{number}", mark.run());
    let body = json!({ "name": name, "email": email, "password": password });
    let answer = rest::post(server, "/api/v1/auth/register", &body)?;
    let token = answer.pointer("/data/tokens/accessToken").and_then(Value::as_str);
    Account::from_token(token.context("the answer holds no access token")?)
}

fn read(path: &Path) -> Result<Vec<Account>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let tokens = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let accounts: Vec<Account> = tokens
        .map(Account::from_token)
        .collect::<Result<_>>()
        .with_context(|| format!("reading {}", path.display()))?;
    ensure!(!accounts.is_empty(), "{} holds no token", path.display());
    Ok(accounts)
}

/// Writes the tokens so that only their owner can read them.
fn write(path: &Path, accounts: &[Account]) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(|| format!("creating {}", path.display()))?;
    for account in accounts {
        writeln!(file, "{}", account.token)?;
    }
    Ok(())
}

#[cfg(test)]
const USER_OF_NOBODY: &str = "000000000000000000000000";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::Account;

    const USER: &str = "507f1f77bcf86cd799439011";

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_names_its_user_and_rides_in_the_hello() {
        let token = token(&format!(r#"{{"userId":"{USER}"}}"#));
        let account = Account::from_token(&token).unwrap();
        assert_eq!(account.user.to_string(), USER);
        assert_eq!(&*account.hello(), format!(r#"40{{"token":"{token}"}}"#).as_bytes());
        assert!(!format!("{account:?}").contains(&token));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let no_user = token("{}");
        let no_id = token(r#"{"userId":"x"}"#);
        for text in ["", "a.b", "a.%%.c", "e30.bm90IGpzb24.x", no_user.as_str(), no_id.as_str()] {
            assert!(Account::from_token(text).is_err(), "{text}");
        }
    }
}
