use super::*;

const LONG: &str = "0123456789abcdef0123456789abcdef";

fn production() -> Arguments {
    Arguments { node_env: "production".to_owned(), ..Arguments::default() }
}

#[track_caller]
fn problems(arguments: Arguments) -> Vec<String> {
    arguments.settle().unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_set_is_a_start() {
    let settings = Arguments::default().settle().unwrap();
    assert_eq!(settings.secrets, None);
    assert_eq!(settings.access_lifetime, Lifetime::ACCESS_DEFAULT);
    assert_eq!(settings.refresh_lifetime, Lifetime::REFRESH_DEFAULT);
    assert_eq!(settings.http.origins, ["http://localhost:3000"]);
    assert_eq!(settings.http.requests, Policy { hits_max: 1_000, window_ms: 900_000 });
    assert!(settings.http.trusted_proxies.is_empty());
    assert!(settings.admin.is_none() && settings.warnings.is_empty());
}

#[test]
fn example_of_the_original_is_a_start() {
    let settings = Arguments {
        node_env: "development".into(),
        jwt_secret: Some("your-super-secret-jwt-key".into()),
        jwt_refresh_secret: Some("your-super-secret-refresh-key".into()),
        jwt_expires_in: Some("7d".into()),
        jwt_refresh_expires_in: Some("30d".into()),
        allowed_origins: Some("http://localhost:3000, https://a.example/ ,".into()),
        rate_limit_window_ms: Some("900000".into()),
        rate_limit_max_requests: Some("100".into()),
        ..Arguments::default()
    }
    .settle()
    .unwrap();
    assert_eq!(settings.warnings.len(), 2);
    assert_eq!(settings.http.origins, ["http://localhost:3000", "https://a.example"]);
    assert_eq!(settings.http.requests.hits_max, 100);
}

#[test]
fn tokens_of_the_original_are_a_switch() {
    let settle = |text: &str| {
        Arguments { accept_legacy_tokens: Some(text.into()), ..Arguments::default() }.settle()
    };
    for (text, on) in [("on", true), ("off", false), ("", false)] {
        assert_eq!(settle(text).unwrap().accept_legacy_tokens, on, "{text}");
    }
    assert_eq!(settle("yes").unwrap_err().len(), 1);
}

#[test]
fn production_refuses_missing_short_and_equal_secrets() {
    assert!(problems(production())[0].starts_with("JWT_SECRET is not set"));
    let empty = Arguments { jwt_secret: Some(" ".into()), ..production() };
    assert!(problems(empty)[0].starts_with("JWT_SECRET is not set"));
    let short = Arguments { jwt_secret: Some("short".into()), ..production() };
    assert_eq!(problems(short), ["JWT_SECRET is shorter than 32 bytes"]);
    let equal = Arguments {
        jwt_secret: Some(LONG.into()),
        jwt_refresh_secret: Some(LONG.into()),
        ..production()
    };
    assert_eq!(problems(equal), ["JWT_SECRET and JWT_REFRESH_SECRET are the same"]);
    let good = Arguments { jwt_secret: Some(LONG.into()), ..production() };
    assert!(good.settle().unwrap().secrets.is_some());
}

#[test]
fn everything_wrong_is_named_at_once() {
    let all = Arguments {
        jwt_refresh_secret: Some(LONG.into()),
        jwt_expires_in: Some("soon".into()),
        jwt_refresh_expires_in: Some("30".into()),
        allowed_origins: Some("https://ok.example,example.com,http://a/b,*".into()),
        trusted_proxies: Some("10.0.0.0/8,proxy".into()),
        rate_limit_window_ms: Some("10".into()),
        rate_limit_max_requests: Some("many".into()),
        admin_email: Some("root".into()),
        admin_password: Some("short".into()),
        ..Arguments::default()
    };
    let problems = problems(all);
    for key in [
        "JWT_REFRESH_SECRET",
        "JWT_EXPIRES_IN",
        "JWT_REFRESH_EXPIRES_IN",
        "ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
        "RATE_LIMIT_WINDOW_MS",
        "RATE_LIMIT_MAX_REQUESTS",
        "ADMIN_EMAIL",
        "ADMIN_PASSWORD",
    ] {
        assert!(problems.iter().any(|problem| problem.starts_with(key)), "{key}: {problems:?}");
    }
    assert!(!problems.join(" ").contains(LONG));
}

#[test]
fn first_admin_needs_both_halves() {
    let half = Arguments { admin_email: Some("root@example.com".into()), ..Arguments::default() };
    assert_eq!(problems(half), ["ADMIN_EMAIL and ADMIN_PASSWORD must be set together"]);
    let whole = Arguments {
        admin_email: Some(" Root@Example.com".into()),
        admin_password: Some("correct horse".into()),
        ..Arguments::default()
    };
    let admin = whole.settle().unwrap().admin.unwrap();
    assert_eq!(admin.email, "root@example.com");
    assert!(!format!("{admin:?}").contains("horse"));
}

#[test]
fn kept_secrets_are_the_same_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = kept_secrets(folder.path()).unwrap();
    assert_eq!(kept_secrets(folder.path()).unwrap(), first);
    assert!(first.weaknesses().is_empty());
}

#[test]
fn keys_are_flags_of_the_binary_that_flattens_them() {
    /// About the binary.
    #[derive(clap::Parser)]
    struct Binary {
        #[command(flatten)]
        arguments: Arguments,
    }

    use clap::{CommandFactory as _, Parser as _};
    let binary = Binary::parse_from(["binary", "--jwt-expires-in", "2h", "--node-env=test"]);
    assert_eq!(binary.arguments.jwt_expires_in.as_deref(), Some("2h"));
    assert_eq!(binary.arguments.node_env, "test");
    let help = Binary::command().render_long_help().to_string();
    assert!(help.starts_with("About the binary"), "{help}");
    assert!(help.contains("[env: JWT_SECRET]"), "{help}");
}
