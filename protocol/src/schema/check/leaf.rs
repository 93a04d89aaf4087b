//! What is said about a value that holds no others.

use std::borrow::Cow;

use super::read::{boolean, integer, moment, number};
use crate::schema::json::Value;
use crate::schema::{Form, Rule, email, text};

/// What is wrong, behind the quoted key; of several things the first.
type Verdict = Result<(), Cow<'static, str>>;

/// Judges a value; rules about arrays and objects are not judged here.
pub(super) fn check(rule: &Rule, value: Value<'_>) -> Verdict {
    match rule {
        Rule::Text { min, max, form } => check_text(value, *min, *max, *form),
        Rule::Email => check_string(value, email::is_email, "must be a valid email"),
        Rule::Id => check_string(value, is_id, "must be a valid id"),
        Rule::Room => check_string(value, is_room, "must name the room of a conversation"),
        Rule::Date => ensure(moment(value).is_some(), "must be a valid date"),
        Rule::Boolean => ensure(boolean(value).is_some(), "must be a boolean"),
        Rule::OneOf(words) => match value.as_text() {
            Some(text) if words.contains(&text) => Ok(()),
            Some(_) | None => Err(format!("must be one of [{}]", words.join(", ")).into()),
        },
        Rule::Integer { min, max } => check_integer(value, *min, *max),
        Rule::Size => match number(value) {
            None => Err("must be a number".into()),
            Some(number) => ensure(number >= 0.0, "must be greater than or equal to 0"),
        },
        Rule::Any { bytes_max } if is_within(value, *bytes_max) => Ok(()),
        Rule::Any { bytes_max } => Err(format!("must be at most {bytes_max} bytes of JSON").into()),
        Rule::Array { .. } | Rule::OneOrMore { .. } | Rule::Object(_) | Rule::ById { .. } => Ok(()),
    }
}

fn check_text(value: Value<'_>, min: usize, max: usize, form: Form) -> Verdict {
    let whole = value.as_text().ok_or("must be a string")?;
    ensure(!whole.is_empty() || min == 0, EMPTY_TEXT)?;
    let counted = match form {
        Form::Trimmed | Form::NotBlank if text::trim(&text::clean(whole)).is_empty() => {
            return Err(EMPTY_TEXT.into());
        }
        Form::Trimmed => text::trim(whole),
        Form::Plain | Form::NotBlank | Form::Http | Form::Secret { .. } => whole,
    };
    if min > 1 && text::fits(counted, min.saturating_sub(1)) {
        return Err(format!("length must be at least {min} characters long").into());
    }
    if !text::fits(counted, max) {
        return Err(format!("length must be less than or equal to {max} characters long").into());
    }
    match form {
        Form::Http => ensure(is_http(whole), HTTP_TEXT),
        Form::Secret { bytes_max } if whole.len() > bytes_max => {
            Err(format!("must not be longer than {bytes_max} bytes").into())
        }
        Form::Plain | Form::NotBlank | Form::Trimmed | Form::Secret { .. } => Ok(()),
    }
}

fn check_string(value: Value<'_>, holds: fn(&str) -> bool, otherwise: &'static str) -> Verdict {
    let text = value.as_text().ok_or("must be a string")?;
    ensure(!text.is_empty(), EMPTY_TEXT)?;
    ensure(holds(text), otherwise)
}

fn check_integer(value: Value<'_>, min: i64, max: i64) -> Verdict {
    match (integer(value), number(value)) {
        (Some(number), _) if number < min => {
            Err(format!("must be greater than or equal to {min}").into())
        }
        (Some(number), _) if number > max => {
            Err(format!("must be less than or equal to {max}").into())
        }
        (Some(_), _) => Ok(()),
        (None, Some(number)) if number.fract() == 0.0 => Err("must be a safe number".into()),
        (None, Some(_)) => Err("must be an integer".into()),
        (None, None) => Err("must be a number".into()),
    }
}

fn ensure(holds: bool, otherwise: &'static str) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

pub(super) fn is_id(text: &str) -> bool {
    text.parse::<crate::id::ObjectId>().is_ok()
}

fn is_room(name: &str) -> bool {
    name.strip_prefix("conversation:").is_some_and(is_id)
}

/// Whether this is an address of the web: `http://` or `https://`, a host, no blanks.
fn is_http(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && !text.contains(|c: char| text::is_blank(c) || c.is_control())
}

/// Whether the value's JSON is no longer than this.
fn is_within(value: Value<'_>, bytes_max: usize) -> bool {
    serde_json::to_writer(Remaining(bytes_max), &value).is_ok()
}

/// A writer that counts what it may still take, and refuses more.
struct Remaining(usize);

impl std::io::Write for Remaining {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const EMPTY_TEXT: &str = "is not allowed to be empty";

const HTTP_TEXT: &str = "must be a valid uri with a scheme matching the http|https pattern";
