//! The client's scripts, as pages load them from the server. Source: A8, "Served client files".

use std::fs;

use tempfile::TempDir;

use crate::example;
use crate::process::Process;
use crate::web::{self, Answer, Web};

#[test]
fn script_is_served_with_its_type_and_a_tag() {
    let (server, _folder) = serving();
    for (name, content_type) in [
        ("socket.io.js", "text/javascript; charset=utf-8"),
        ("socket.io.min.js", "text/javascript; charset=utf-8"),
        ("socket.io.esm.min.js", "text/javascript; charset=utf-8"),
        ("socket.io.msgpack.min.js", "text/javascript; charset=utf-8"),
        ("socket.io.js.map", "application/json; charset=utf-8"),
    ] {
        let answer = get(&server, &format!("/socket.io/{name}?v=1"), "");
        assert_eq!((answer.status, answer.text()), (200, text_of(name).as_str()), "{name}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{name}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
        assert!(answer.header("etag").is_some(), "{name}");
    }
}

#[test]
fn script_that_the_page_has_is_not_sent_again() {
    let (server, _folder) = serving();
    let first = get(&server, SCRIPT, "");
    let tag = first.header("etag").expect("a tag").to_owned();
    let strong = tag.trim_start_matches("W/").to_owned();
    for tags in [tag.as_str(), strong.as_str(), "*", &format!("\"x\", {tag}")] {
        let answer = get(&server, SCRIPT, &format!("If-None-Match: {tags}\r\n"));
        assert_eq!((answer.status, answer.text()), (304, ""), "{tags}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
    }
    for tags in ["\"x\"", "W/\"0\"", "", &tag[..tag.len() - 1]] {
        let answer = get(&server, SCRIPT, &format!("If-None-Match: {tags}\r\n"));
        assert_eq!(answer.status, 200, "{tags}");
    }
    let other = get(&server, "/socket.io/socket.io.min.js", "");
    assert_ne!(other.header("etag"), Some(tag.as_str()), "another file has another tag");
}

#[test]
fn script_is_compressed_for_whoever_takes_it() {
    use std::io::Read as _;

    let (server, _folder) = serving();
    let answer = get(&server, SCRIPT, "Accept-Encoding: gzip, br\r\n");
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, text_of("socket.io.js"));
    assert_eq!(get(&server, SCRIPT, "Accept-Encoding: br\r\n").header("content-encoding"), None);
}

#[test]
fn path_leads_nowhere_but_to_the_scripts_that_are_there() {
    let (server, folder) = serving();
    fs::write(folder.path().join("secret.js"), "secret").unwrap();
    for target in [
        "/socket.io/secret.js",
        "/socket.io/../secret.js",
        "/socket.io/..%2fsecret.js",
        "/socket.io/%2e%2e/secret.js",
        "/socket.io/./socket.io.js",
        "/socket.io//socket.io.js",
        "/socket.io/socket.io.js/",
        "/socket.io/socket.io.js%00",
        "/socket.io/socket.io.js/../secret.js",
        "/socket.io/..\\secret.js",
        "/socket.io/socket.io.esm.js",
        "/engine.io/socket.io.js",
        "/socket.io.js",
    ] {
        let answer = get(&server, target, "");
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
        assert!(!answer.text().contains("secret"), "{target}");
    }
}

#[test]
fn script_is_read_and_nothing_else_done_to_it() {
    let (server, _folder) = serving();
    let mut web = Web::connect(server.address());
    let head = web.ask("HEAD", SCRIPT, "", b"");
    assert_eq!((head.status, head.text()), (200, ""));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = web.ask(method, SCRIPT, "", b"x");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(web.ask("GET", SCRIPT, "", b"").status, 200);
}

#[test]
fn script_may_be_fetched_by_the_pages_that_may_call() {
    let (server, _folder) = serving();
    let answer = get(&server, SCRIPT, "Origin: http://page.test\r\n");
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://page.test"));
}

#[test]
fn browsers_are_sent_elsewhere_for_the_scripts_where_that_is_asked_for() {
    let server = example::start_with(&["--client-bundle", "https://cdn.test/4.8.1/"]);
    for name in ["socket.io.js", "socket.io.esm.min.js"] {
        let answer = get(&server, &format!("/socket.io/{name}?x"), "");
        let expected = format!("https://cdn.test/4.8.1/{name}");
        assert_eq!((answer.status, answer.header("location")), (302, Some(expected.as_str())));
    }
    let door = get(&server, "/socket.io/?EIO=4&transport=polling", "");
    assert_eq!(door.status, 200, "the door beside them is open as ever");
}

#[test]
fn script_is_not_found_unless_it_is_asked_for() {
    let server = example::start();
    assert_eq!(get(&server, SCRIPT, "").status, 404);
}

/// A server of some scripts, and their folder.
fn serving() -> (Process, TempDir) {
    let outer = tempfile::tempdir().expect("the system's folder for temporary files works");
    for name in [
        "socket.io.js",
        "socket.io.js.map",
        "socket.io.min.js",
        "socket.io.esm.min.js",
        "socket.io.msgpack.min.js",
    ] {
        fs::write(outer.path().join(name), text_of(name)).expect("the folder is ours");
    }
    let folder = outer.path().to_str().expect("its name is text").to_owned();
    (example::start_with(&["--client-bundle", &folder]), outer)
}

fn text_of(name: &str) -> String {
    format!("/* {name} */ {}", "var io = io || {}; ".repeat(500))
}

fn get(server: &Process, target: &str, headers: &str) -> Answer {
    web::ask(server.address(), "GET", target, headers, b"")
}

const SCRIPT: &str = "/socket.io/socket.io.js";
