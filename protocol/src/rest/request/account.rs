//! Accounts and sign-in. Source: contract O1.3, 1.3.

use super::{CURSOR, LIMIT, LIMIT_DEFAULT, PAGE, Page, Request, TOKEN_UNITS_MAX};
use crate::rest::resource::Role;
use crate::schema::{Checked, Field, Form, Rule, Schema, Unknown, Value, Violation, text};

/// `POST /auth/register`
#[derive(Clone, PartialEq, Eq)]
pub struct Register {
    /// Without surrounding blanks and control characters.
    pub name: String,
    /// In lower case.
    pub email: String,
    /// As written.
    pub password: String,
    /// `user` unless asked for more, which needs an admin's token.
    pub role: Role,
}

impl Request for Register {
    const SCHEMA: &'static Schema = &Schema {
        name: "Register",
        fields: &[
            Field::required("name", NAME, "Display name."),
            Field::required("email", Rule::Email, "Address; unique, whatever its case."),
            Field::required("password", NEW_PASSWORD, "At least 6 characters, at most 72 bytes."),
            Field::optional("role", ROLE, "More than `user` needs an admin's token."),
        ],
        unknown: Unknown::Refused,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            name: text::trim(&text::clean(checked.text("name")?)).to_owned(),
            email: checked.text("email")?.to_lowercase(),
            password: checked.text("password")?.to_owned(),
            role: checked.text("role").map_or(Some(Role::User), Role::from_word)?,
        })
    }
}

/// `POST /auth/login`
///
/// COMPAT: the original cut a new password at 72 bytes without a word, so a longer one may still
/// be the right one here.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// In lower case.
    pub email: String,
    /// As written.
    pub password: String,
}

impl Request for Login {
    const SCHEMA: &'static Schema = &Schema {
        name: "Login",
        fields: &[
            Field::required("email", Rule::Email, "Address, whatever its case."),
            Field::required("password", Rule::text(1, PASSWORD_UNITS_MAX), "Password."),
        ],
        unknown: Unknown::Refused,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            email: checked.text("email")?.to_lowercase(),
            password: checked.text("password")?.to_owned(),
        })
    }
}

/// `POST /auth/refresh-token`
///
/// COMPAT: never refused for its form. What is not a body with a token reads as the empty token,
/// which belongs to no session, so that every mistake is the same 401.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The refresh token.
    pub refresh_token: String,
}

impl Request for RefreshToken {
    const SCHEMA: &'static Schema = &Schema {
        name: "RefreshToken",
        fields: &[Field::required("refreshToken", TOKEN, "The refresh token of the last answer.")],
        unknown: Unknown::Dropped,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self { refresh_token: checked.text("refreshToken")?.to_owned() })
    }

    fn decode(value: Value<'_>) -> Result<Self, Vec<Violation>> {
        let token = value.get("refreshToken").and_then(Value::as_text);
        let token = token.filter(|token| text::fits(token, TOKEN_UNITS_MAX));
        Ok(Self { refresh_token: token.unwrap_or_default().to_owned() })
    }
}

/// `PATCH /users/:id`, for admins
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateUser {
    /// What the account may do from now on.
    pub role: Option<Role>,
    /// False closes all its sessions.
    pub is_active: Option<bool>,
}

impl Request for UpdateUser {
    const SCHEMA: &'static Schema = &Schema {
        name: "UpdateUser",
        fields: &[
            Field::optional("role", ROLE, "What the account may do."),
            Field::optional("isActive", Rule::Boolean, "False signs it out everywhere."),
        ],
        unknown: Unknown::Refused,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            role: checked.text("role").and_then(Role::from_word),
            is_active: checked.boolean("isActive"),
        })
    }
}

/// `GET /users`, for staff
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUsers {
    /// Which page.
    pub page: Page,
    /// Only these.
    pub role: Option<Role>,
    /// Only those with this presence, exactly.
    pub status: Option<String>,
    /// Only those whose name or address contains this.
    pub query: Option<String>,
}

impl Request for ListUsers {
    const SCHEMA: &'static Schema = &Schema {
        name: "ListUsers",
        fields: &[
            PAGE,
            LIMIT,
            CURSOR,
            Field::optional("role", ROLE, "Only accounts of this role."),
            Field::optional("status", Rule::text(1, 50), "Only accounts with this presence."),
            Field::optional("q", Rule::text(1, 100), "Part of a name or address."),
        ],
        unknown: Unknown::Dropped,
    };

    fn read(checked: &Checked<'_>) -> Option<Self> {
        Some(Self {
            page: Page::read(checked, LIMIT_DEFAULT),
            role: checked.text("role").and_then(Role::from_word),
            status: checked.text("status").map(str::to_owned),
            query: checked.text("q").map(str::to_owned),
        })
    }
}

macro_rules! without_secrets {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

without_secrets! { Register Login RefreshToken }

/// What bcrypt reads of a password; a longer new one is refused.
pub const PASSWORD_BYTES_MAX: usize = 72;

/// The longest password that is read at sign-in; a longer one is refused.
pub const PASSWORD_UNITS_MAX: usize = 1_000;

const NAME: Rule = Rule::Text { min: 2, max: 50, form: Form::NotBlank };

const NEW_PASSWORD: Rule = Rule::Text {
    min: 6,
    max: PASSWORD_UNITS_MAX,
    form: Form::Secret { bytes_max: PASSWORD_BYTES_MAX },
};

const ROLE: Rule = Rule::OneOf(&["user", "agent", "admin"]);

const TOKEN: Rule = Rule::text(1, TOKEN_UNITS_MAX);
