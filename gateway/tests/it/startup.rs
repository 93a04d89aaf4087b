//! How the product starts, and how it says that it cannot.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::mongod::Mongod;
use crate::process::{self, Process};
use crate::rest;
use crate::server::{self, Server};

#[test]
fn banner_says_where_everything_is_and_how_to_begin() {
    let server = Server::start();
    let address = format!("listening on http://{}", server.address());
    let data = server.data().display().to_string();
    let is_whole = |said: &str| {
        let found =
            [address.as_str(), &data, "socket.io-client"].iter().all(|it| said.contains(it));
        (found && said.matches("curl ").count() >= 3).then_some(())
    };
    assert!(server.said().find(is_whole).is_some(), "{}", server.said().text());
    let (status, answer) = rest::request(server.address(), "GET", "/api/v1/health", None, None);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["message"], "API is healthy");
}

#[test]
fn port_that_is_taken_is_said_plainly() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("a bound port").port();
    let data = tempfile::tempdir().expect("a folder");
    let said = refusal(server::command(data.path(), port));
    assert!(said.contains(&port.to_string()) && said.contains("in use"), "{said}");
}

#[test]
fn port_of_another_server_is_not_shared_with_it() {
    let first = Server::start();
    let data = tempfile::tempdir().expect("a folder");
    let port = first.address().port();
    let said = refusal(server::command(data.path(), port));
    assert!(said.contains(&port.to_string()) && said.contains("in use"), "{said}");
}

#[test]
fn data_folder_has_one_owner() {
    let first = Server::start();
    let said = refusal(server::command(first.data(), 0));
    assert!(said.contains(&first.data().display().to_string()), "{said}");
    assert!(said.contains("in use") || said.contains("another process"), "{said}");
}

#[test]
fn data_folder_that_cannot_be_written_is_said_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "in the way").expect("the folder is writable");
    // Even root cannot write below a file, nor into a file system made by the kernel.
    for place in [file.as_path(), &file.join("data"), Path::new("/proc/voxora")] {
        let mut command = server::command(folder.path(), 0);
        command.env("DATA_DIR", place);
        let said = refusal(command);
        assert!(said.contains(&place.display().to_string()), "{said}");
    }
}

#[test]
fn data_folder_is_made_where_it_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("a/b");
    let mut command = server::command(folder.path(), 0);
    command.env("DATA_DIR", &place);
    let _server = Process::start(command);
    assert!(place.is_dir());
}

#[test]
fn problems_of_the_configuration_are_told_all_at_once() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = server::command(data.path(), 0);
    let wrong = [
        ("PORT", "seventy"),
        ("HOST", "nowhere"),
        ("DRAIN_SECONDS", "-1"),
        ("JWT_EXPIRES_IN", "soon"),
        ("LOG_FORMAT", "poem"),
    ];
    command.envs(wrong);
    let output = run(command);
    let said = text_of(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for (name, _) in wrong {
        assert!(said.contains(name), "{name} is not named in:\n{said}");
    }
    assert_plain(&said);
}

/// As in an `.env` whose lines are left empty.
#[test]
fn variable_that_is_set_to_nothing_counts_as_unset() {
    let help = text_of(&run(voxora(&["--help"])));
    let names: Vec<&str> =
        help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next()).collect();
    assert!(names.len() > 15, "{names:?}");
    let folder = tempfile::tempdir().expect("a folder");
    // So that the default port is taken, whoever takes it.
    let _taken = TcpListener::bind(("127.0.0.1", 3001));
    for blank in ["", " "] {
        let mut command = process::command(server::VOXORA);
        command.current_dir(folder.path()).envs(names.iter().map(|name| (name, blank)));
        let said = refusal(command);
        assert!(said.contains("cannot listen on 127.0.0.1:3001"), "{said}");
        assert!(folder.path().join("data").is_dir());
    }
}

/// The names and values that a deployment of the original was told to begin with.
#[test]
fn scripts_of_the_client_are_served_from_the_folder_that_the_configuration_names() {
    let folder = tempfile::tempdir().expect("the system's folder for temporary files works");
    fs::write(folder.path().join("socket.io.min.js"), "{}").expect("the folder is ours");
    let folder = folder.path().to_str().expect("its name is text");
    let get = |server: &Server, file: &str| {
        rest::request(server.address(), "GET", &format!("/socket.io/{file}"), None, None)
    };
    let server = Server::start_with(&[("CLIENT_BUNDLE", folder)]);
    assert_eq!(get(&server, "socket.io.min.js"), (200, serde_json::json!({})));
    let (status, answer) = get(&server, "socket.io.js");
    assert_eq!((status, &answer["code"]), (404, &serde_json::json!("NOT_FOUND")));
    let (status, answer) = get(&Server::start(), "socket.io.min.js");
    assert_eq!((status, &answer["code"]), (404, &serde_json::json!("NOT_FOUND")));
}

#[test]
fn environment_of_the_original_starts_the_product() {
    let mongod = Mongod::start();
    let folder = tempfile::tempdir().expect("a folder");
    let lines = format!(
        "PORT=0\nNODE_ENV=development\nAPI_URL=http://localhost:3001\n\
         CLIENT_URL=http://localhost:3000\nMONGODB_URI={}\nDB_NAME=voxora-chat\n\
         REDIS_HOST=localhost\nREDIS_PORT=6379\nREDIS_PASSWORD=\n\
         JWT_SECRET=your-super-secret-jwt-key\nJWT_REFRESH_SECRET=your-refresh-secret-key\n\
         JWT_EXPIRES_IN=7d\nJWT_REFRESH_EXPIRES_IN=30d\nRATE_LIMIT_WINDOW_MS=900000\n\
         RATE_LIMIT_MAX_REQUESTS=100\nMAX_FILE_SIZE=10485760\nUPLOAD_PATH=uploads/\n\
         ALLOWED_ORIGINS=http://localhost:3000, http://localhost:5173\n",
        mongod.address()
    );
    fs::write(folder.path().join(".env"), lines).expect("the folder is ours");
    let mut command = process::command(server::VOXORA);
    command.current_dir(folder.path());
    let server = Process::start(command);
    rest::register(server.address(), "Ada");
    let warned = |said: &str| said.contains("JWT_SECRET").then_some(());
    assert!(server.said().find(warned).is_some(), "{}", server.said().text());
}

#[test]
fn secrets_are_made_once_and_kept_for_their_owner_alone() {
    let mut server = Server::start_to_restart();
    let person = rest::register(server.address(), "Carol");
    let secrets = secret_files(server.data());
    assert!(!secrets.is_empty(), "no file with a secret in {}", server.data().display());
    let read = |secrets: &[PathBuf]| {
        secrets.iter().map(|path| fs::read(path).expect("ours")).collect::<Vec<_>>()
    };
    let before = read(&secrets);
    server.kill_and_restart();
    assert_eq!(read(&secrets), before);
    for path in &secrets {
        let mode = fs::metadata(path).expect("ours").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    let (status, answer) =
        rest::request(server.address(), "GET", "/api/v1/auth/profile", Some(&person.token), None);
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn help_and_version_are_for_people() {
    let help = run(voxora(&["--help"]));
    let said = text_of(&help);
    assert!(help.status.success(), "{said}");
    for word in ["serve", "--port", "--data-dir", "PORT", "DATA_DIR"] {
        assert!(said.contains(word), "{word} is not in:\n{said}");
    }
    let version = run(voxora(&["--version"]));
    assert!(version.status.success());
    assert_eq!(text_of(&version).trim(), concat!("voxora ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn flag_that_does_not_exist_is_a_configuration_problem() {
    let output = run(voxora(&["serve", "--prot", "1"]));
    assert_eq!(output.status.code(), Some(64), "{}", text_of(&output));
    assert!(text_of(&output).contains("--prot"));
}

/// What a server says that refuses to start: at most a few lines, and no backtrace.
fn refusal(command: Command) -> String {
    let output = run(command);
    let said = text_of(&output);
    assert!(!output.status.success(), "{said}");
    assert_ne!(output.status.code(), None, "ended by a signal: {said}");
    assert_plain(&said);
    said
}

fn assert_plain(said: &str) {
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
    assert!(said.lines().count() <= 12, "{said}");
}

fn voxora(arguments: &[&str]) -> Command {
    let mut command = process::command(server::VOXORA);
    command.args(arguments);
    command
}

/// Runs a command that ends by itself; one that does not is ended by the test runner's limit.
fn run(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.and_then(std::process::Child::wait_with_output).expect("the product was built")
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn secret_files(folder: &Path) -> Vec<PathBuf> {
    let files =
        fs::read_dir(folder).expect("the data folder").map(|file| file.expect("ours").path());
    files.filter(|path| path.to_string_lossy().contains("secret")).collect()
}
