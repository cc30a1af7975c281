//! Looks around: what a guest sees that was granted nothing.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cronlet_plugin::prelude::*;
use serde_json::json;

/// Reports its surroundings.
#[job]
fn probe(cx: &Context) -> Result<Outcome, JobError> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let start = Instant::now();
    Ok(Outcome::summary("looked around").output(json!({
        "environment": env::vars().collect::<BTreeMap<_, _>>(),
        "arguments": env::args().collect::<Vec<_>>(),
        "current_dir": said(env::current_dir().map(|dir| dir.display().to_string())),
        "stdin": said(io::read_to_string(io::stdin())),
        "root": said(list("/")),
        "here": said(list(".")),
        "write": said(fs::write("/probe", "was here")),
        "tcp": said(TcpStream::connect("127.0.0.1:7878").map(|_| "connected")),
        "dns": said("localhost:80".to_socket_addrs().map(Iterator::count)),
        "unix_seconds": since_1970.as_secs(),
        "monotonic": start.elapsed() <= Instant::now().duration_since(start),
        "random": RandomState::new().hash_one("probe"),
    })))
}

fn list(path: &str) -> io::Result<Vec<String>> {
    fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().display().to_string()))
        .collect()
}

/// `{"ok": …}` or `{"error": …}`.
fn said<T: Serialize>(result: io::Result<T>) -> serde_json::Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
