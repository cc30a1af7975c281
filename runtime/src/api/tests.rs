//! The whole way: a client, a socket, a router, an engine with scripted guests.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use cronlet_core::{
    job::Job,
    report::{Outcome, Verdict},
};
use serde_json::{Value, json};

use super::{
    client::{Answer, Client, ClientError},
    socket::{self, Socket},
    status::Status,
    *,
};
use crate::engine::bench::{Bench, Guest, job, plan};

struct Server {
    client: Client,
    bench: Bench,
    runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
}

/// A daemon with the jobs `a` and `b`, which only run when somebody asks.
fn server() -> Server {
    server_of([job("a", "1", 0), job("b", "1", 0)])
}

fn server_of(jobs: impl IntoIterator<Item = Job>) -> Server {
    serve(Bench::new(&plan(jobs)))
}

fn serve(bench: Bench) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = {
        let _entered = runtime.enter();
        Socket::bind(&path).unwrap()
    };
    let (router, last) = (router(bench.engine.clone()), bench.engine.clone());
    let end = async move {
        last.finished().await;
    };
    runtime.spawn(socket.serve(router, end));
    Server {
        client: Client::new(&path),
        bench,
        runtime,
        dir,
    }
}

impl Server {
    fn get(&self, path: &str) -> Answer {
        self.client.get(path).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.client.post(path, body).unwrap()
    }

    fn guest(&self) -> Guest {
        self.bench.guest()
    }

    fn start(&self, job: &str) -> (u64, Guest) {
        let answer = self.post(&format!("/api/v1/jobs/{job}/runs"), &json!({}));
        assert_eq!(answer.status, 202, "{answer:?}");
        let run = answer.body["run"].as_u64().unwrap();
        (run, self.guest())
    }
}

fn succeeded() -> Verdict {
    Verdict::Succeeded(Outcome {
        summary: "done".to_owned(),
        output: Some("[1]".to_owned()),
        attributes: Vec::new(),
    })
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body["status"], status);
    assert!(answer.body["title"].is_string(), "{answer:?}");
    let said = answer.body["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{said}");
}

#[test]
fn a_daemon_is_alive_ready_and_healthy_until_it_stops() {
    let server = server();
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    let health = server.get("/health").body;
    let well = json!({"status": "healthy", "healthy": true, "reasons": []});
    assert_eq!(health, well);
    let (_, guest) = server.start("a");
    server.bench.engine.shutdown();
    assert_problem(&server.get("/readyz"), 503, "stopping");
    assert_eq!(server.get("/livez").status, 200);
    let answer = server.post("/api/v1/jobs/b/runs", &json!({}));
    assert_problem(&answer, 503, "stopping");
    guest.end(Verdict::Stopped);
}

#[test]
fn who_waits_for_a_reload_hears_when_the_daemon_stops() {
    let server = server();
    let answer = server.post("/api/v1/reload", &json!({}));
    assert_eq!(
        (answer.status, answer.body),
        (202, json!({"status": "reloading"}))
    );
    let answer = server.post("/api/v1/reload?wait=long", &json!({}));
    assert_problem(&answer, 400, "wait");
    let (client, asked) = (server.client.clone(), server.bench.engine.clone());
    let waiting = std::thread::spawn(move || {
        client
            .post("/api/v1/reload?wait=final", &json!({}))
            .unwrap()
    });
    server.bench.until(|_| asked.reloads_asked_for() == 2);
    server.bench.finish();
    assert_problem(&waiting.join().unwrap(), 503, "stopped");
}

#[test]
fn a_run_is_asked_for_waited_for_and_shown() {
    let server = server();
    let body = json!({"params": {"n": 1}, "nominal": "2026-01-01T00:00:00Z"});
    let answer = server.post("/api/v1/jobs/a/runs", &body);
    assert_eq!(
        (answer.status, &answer.body["status"]),
        (202, &json!("queued"))
    );
    let run = answer.body["run"].as_u64().unwrap();
    let guest = server.guest();
    assert_eq!(&*guest.attempt.params, r#"{"n":1}"#);
    let path = format!("/api/v1/runs/{run}");
    assert_eq!(server.get(&path).body["status"], "running");
    let waiting = {
        let (client, path) = (server.client.clone(), format!("{path}?wait=final"));
        std::thread::spawn(move || client.wait(&path).unwrap())
    };
    guest.end(succeeded());
    let row = waiting.join().unwrap().body;
    assert_eq!(row["status"], "succeeded");
    assert_eq!(row["nominal"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(
        (&row["summary"], &row["output"]),
        (&json!("done"), &json!([1]))
    );
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(row["actor"], format!("uid:{uid}"));
}

#[test]
fn a_run_that_the_policy_skips_is_an_answer() {
    let server = server();
    let (_, guest) = server.start("a");
    let answer = server.post("/api/v1/jobs/a/runs", &json!({}));
    assert_eq!(answer.status, 202);
    assert_eq!(
        (&answer.body["status"], &answer.body["reason"]),
        (&json!("skipped"), &json!("overlap"))
    );
    guest.end(succeeded());
}

/// The job `hourly`, which is due every hour.
fn with_hours() -> Server {
    let bench = Bench::new(&plan([job("hourly", "1", 3_600), job("b", "1", 0)]));
    serve(bench)
}

#[test]
fn a_backfill_is_asked_for_followed_and_stopped() {
    let server = with_hours();
    let now = server.bench.status().started_at;
    let hours = |hours: i64| now - jiff::SignedDuration::from_hours(hours);
    let body = json!({"from": hours(4), "to": hours(0), "max_concurrent": 2, "reverse": true});
    let answer = server.post("/api/v1/jobs/hourly/backfills", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body["instants"], 4);
    let path = format!(
        "/api/v1/backfills/{}",
        answer.body["backfill"].as_str().unwrap()
    );
    let (first, second) = (server.guest(), server.guest());
    let under_way = server.get(&path).body;
    assert_eq!(
        (&under_way["made"], &under_way["open"]),
        (&json!(2), &json!(2))
    );
    let status = server.get("/api/v1/status").body;
    assert_eq!(status["backfills"], json!([under_way]));
    first.succeed();
    let third = server.guest();
    let answer = server.post("/api/v1/jobs/hourly/backfills/stop", &json!({}));
    let stopped = |stopped: u32, already: u32| json!({"stopped": stopped, "already": already, "cancelled": 0, "running": 2});
    assert_eq!((answer.status, answer.body), (202, stopped(1, 0)));
    let answer = server.post("/api/v1/jobs/hourly/backfills/stop", &json!({}));
    assert_eq!((answer.status, answer.body), (202, stopped(0, 1)));
    assert_eq!(server.get(&path).body["status"], "stopping");
    second.succeed();
    third.trap();
    server.bench.until(|status| status.backfills.is_empty());
    let over = server.get(&path).body;
    assert_eq!(
        [
            &over["status"],
            &over["made"],
            &over["succeeded"],
            &over["failed"]
        ],
        [&json!("stopped"), &json!(3), &json!(2), &json!(1)]
    );
    let answer = server.post("/api/v1/jobs/hourly/backfills/stop", &json!({}));
    assert_problem(&answer, 409, "no backfill of `hourly` is under way");
    // What ran is not run again, and what is asked for again is the rest.
    let body = json!({"from": hours(4), "to": hours(0)});
    let answer = server.post("/api/v1/jobs/hourly/backfills", &body);
    assert_eq!(
        (&answer.body["instants"], &answer.body["already_run"]),
        (&json!(1), &json!(3))
    );
    server.guest().succeed();
    let answer = server.post("/api/v1/jobs/hourly/backfills", &body);
    assert_eq!(answer.body["backfill"], json!(null), "{answer:?}");
}

#[test]
fn a_backfill_that_makes_no_sense_is_a_problem_document() {
    let server = with_hours();
    let path = "/api/v1/jobs/hourly/backfills";
    let day = json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"});
    let with = |key: &str, value: Value| {
        let mut body = day.clone();
        body[key] = value;
        body
    };
    for (body, detail) in [
        (json!({}), "missing field `from`"),
        (json!(null), "`from` and `to` are missing"),
        (with("from", json!("soon")), "is not what it should be"),
        (
            with("to", json!("2999-01-01T00:00:00Z")),
            "lies in the future",
        ),
        (with("max_concurrent", json!(0)), "from 1 to 1000"),
        (with("max_concurrent", json!(1001)), "from 1 to 1000"),
        (with("reprocess", json!("some")), "unknown choice `some`"),
        (with("hurry", json!(true)), "unknown field `hurry`"),
    ] {
        assert_problem(&server.post(path, &body), 400, detail);
    }
    let answer = server.post(path, &with("from", json!("2026-01-03T00:00:00Z")));
    assert_problem(&answer, 400, "no time lies between");
    assert_eq!(answer.body["help"], "begin with the earlier time");
    let answer = server.post("/api/v1/jobs/b/backfills", &day);
    assert_problem(&answer, 409, "`b` has no schedule");
    for job in ["nobody", "%20"] {
        let path = format!("/api/v1/jobs/{job}/backfills");
        assert_problem(&server.post(&path, &day), 404, "there is no job");
        let answer = server.post(&format!("{path}/stop"), &json!({}));
        assert_problem(&answer, 404, "there is no job");
    }
    for id in ["7", "soon"] {
        let answer = server.get(&format!("/api/v1/backfills/{id}"));
        assert_problem(&answer, 404, "there is no backfill");
    }
}

#[test]
fn a_run_is_cancelled_once() {
    let server = server();
    let (run, guest) = server.start("a");
    let path = format!("/api/v1/runs/{run}/cancel");
    let answer = server.post(&path, &json!({"kill": true}));
    assert_eq!(
        (answer.status, answer.body),
        (202, json!({"status": "cancelling"}))
    );
    assert!(guest.control.stop_requested());
    guest.end(Verdict::Stopped);
    assert_eq!(
        server.get(&format!("/api/v1/runs/{run}?wait=final")).body["status"],
        "cancelled"
    );
    assert_problem(&server.post(&path, &json!({})), 409, "is over: cancelled");
}

#[test]
fn what_makes_no_sense_is_a_problem_document() {
    let server = server();
    for (path, status, detail) in [
        ("/api/v1/runs/9", 404, "there is no run 9"),
        ("/api/v1/runs/9?wait=final", 404, "there is no run 9"),
        ("/api/v1/runs/x", 400, ""),
        ("/api/v1/runs/9?wait=never", 400, ""),
        ("/api/v1/runs/9?wat=final", 400, ""),
        ("/nothing", 404, "`/nothing`"),
        ("/api/v1/jobs/a/runs", 405, ""),
    ] {
        assert_problem(&server.get(path), status, detail);
    }
    for (path, body, status, detail) in [
        ("/api/v1/jobs/c/runs", json!({}), 404, "there is no job `c`"),
        (
            "/api/v1/jobs/A!/runs",
            json!({}),
            404,
            "there is no job `A!`",
        ),
        ("/api/v1/jobs/a/runs", json!({"params": 3}), 400, "body"),
        (
            "/api/v1/jobs/a/runs",
            json!({"nominal": "soon"}),
            400,
            "body",
        ),
        ("/api/v1/jobs/a/runs", json!({"parms": {}}), 400, "parms"),
        ("/api/v1/runs/9/cancel", json!({}), 404, "there is no run 9"),
        ("/api/v1/runs/9/cancel", json!({"kill": 1}), 400, "body"),
    ] {
        assert_problem(&server.post(path, &body), status, detail);
    }
}

#[test]
fn the_status_says_what_runs() {
    let server = server();
    let (run, guest) = server.start("a");
    guest.control.set_progress(crate::sandbox::Progress {
        done: 3,
        total: Some(10),
        message: None,
    });
    let status: Status = server.get("/api/v1/status").ok().unwrap();
    assert_eq!((status.pid, status.jobs), (std::process::id(), 2));
    assert_eq!(
        (status.config.state.as_str(), status.store.status.as_str()),
        ("live", "ok")
    );
    let running = &status.running[0];
    assert_eq!(
        (running.run, running.job.as_str(), running.attempt),
        (run, "a", 1)
    );
    assert_eq!(running.progress.as_ref().unwrap().total, Some(10));
    guest.end(succeeded());
}

#[test]
fn only_the_owner_may_open_the_socket_and_it_goes_with_the_daemon() {
    let server = server();
    let path = server.dir.path().join("s.sock");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(server.dir.path()).unwrap().collect();
    assert_eq!(
        names.len(),
        1,
        "nothing is left of how it was made: {names:?}"
    );
    let waiting = {
        let client = server.client.clone();
        let (run, guest) = server.start("a");
        guest.end(succeeded());
        client.get(&format!("/api/v1/runs/{run}?wait=final"))
    };
    waiting.unwrap();
    assert_eq!(server.bench.finish(), crate::engine::Finish::Clean);
    server
        .runtime
        .shutdown_timeout(std::time::Duration::from_secs(30));
    assert!(!path.exists());
    let gone = server.client.get("/livez").unwrap_err();
    assert!(matches!(gone, ClientError::Unreachable { .. }));
}

#[test]
fn a_daemon_that_says_nothing_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut client = Client::new(&path);
    client.patience = std::time::Duration::ZERO;
    let silent = client.get("/api/v1/status").unwrap_err();
    assert!(matches!(silent, ClientError::Silent { .. }), "{silent}");
}

#[test]
fn a_daemon_whose_store_fails_is_alive_and_not_ready() {
    let server = server();
    let (_, guest) = server.start("a");
    server.bench.faults.set(|fault| fault.fails = true);
    guest.end(succeeded());
    let well = |status: &crate::engine::Status| status.degraded.is_empty();
    server.bench.until(|status| !well(status));
    assert_problem(&server.get("/readyz"), 503, "nothing starts");
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/health").body["status"], "degraded");
    server.bench.faults.set(|fault| fault.fails = false);
    server.bench.until(well);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn a_daemon_whose_critical_job_failed_is_unhealthy_and_ready() {
    let server = server_of([Job {
        critical: true,
        overdue_after: Some(std::time::Duration::from_secs(5)),
        ..job("a", "1", 10)
    }]);
    server.bench.pass(10);
    server.guest().trap();
    server.bench.until(|status| !status.unhealthy.is_empty());
    let health = server.get("/health");
    assert_eq!(health.status, 503);
    let reasons = [
        "critical job `a` failed 0s ago, `cronlet show 1` says how",
        "job `a` is overdue, nothing has succeeded for 10s",
    ];
    let ill = json!({"status": "unhealthy", "healthy": false, "reasons": reasons});
    assert_eq!(health.body, ill);
    for path in ["/livez", "/readyz", "/api/v1/status"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    server.bench.pass(10);
    server.guest().succeed();
    server
        .bench
        .until(|status| status.unhealthy.is_empty() && status.degraded.is_empty());
    assert_eq!(server.get("/health").status, 200);
    server.bench.pass(5);
    server.bench.until(|status| !status.degraded.is_empty());
    let late = server.get("/health");
    assert_eq!(
        (late.status, &late.body["status"]),
        (200, &json!("degraded"))
    );
}

#[test]
fn a_socket_that_a_dead_daemon_left_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let socket = Socket::bind(&path).unwrap();
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    drop(socket);
    assert!(!path.exists());
}

#[test]
fn a_socket_that_is_given_up_leaves_that_of_the_next_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let last = Socket::bind(&path).unwrap();
    let next = Socket::bind(&path).unwrap();
    drop(last);
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
    drop(next);
    assert!(!path.exists());
}

#[test]
fn a_socket_is_beside_its_database_unless_its_name_would_not_fit() {
    let beside = socket::path(Path::new("/data/cronlet.db"), None).unwrap();
    assert_eq!(beside, Path::new("/data/cronlet.db.sock"));
    let deep = format!("/{}/cronlet.db", "d".repeat(90));
    let run = Path::new("/run/user/7");
    let elsewhere = socket::path(Path::new(&deep), Some(run)).unwrap();
    assert_eq!(elsewhere.parent(), Some(Path::new("/run/user/7/cronlet")));
    assert!(elsewhere.as_os_str().len() <= 100);
    let other = socket::path(Path::new(&deep.replace("cronlet.db", "b.db")), Some(run)).unwrap();
    assert_ne!(elsewhere, other);
    let without = socket::path(Path::new(&deep), None).unwrap();
    assert!(without.starts_with(std::env::temp_dir()));
}

#[test]
fn jobs_are_paused_and_resumed_one_by_one_and_all_together() {
    let server = server();
    let turn = |path: &str| {
        let answer = server.post(&format!("/api/v1/jobs/{path}"), &json!({}));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let paused = |jobs, already| json!({"status": "paused", "jobs": jobs, "already": already});
    let resumed = |jobs, already| json!({"status": "resumed", "jobs": jobs, "already": already});
    assert_eq!(turn("a/pause"), paused(1, 0));
    assert_eq!(turn("a/pause"), paused(0, 1));
    let status = server.get("/api/v1/status").body;
    assert_eq!(status["paused"][0]["job"], "a");
    assert!(status["paused"][0]["since"].is_string(), "{status}");
    assert_eq!(status["status"], "healthy", "somebody wanted it");
    assert_eq!(turn("pause"), paused(1, 1));
    assert_eq!(turn("a/resume"), resumed(1, 0));
    assert_eq!(turn("resume"), resumed(1, 1));
    assert_eq!(server.get("/api/v1/status").body["paused"], json!([]));
    let nobody = server.post("/api/v1/jobs/c/pause", &json!({}));
    assert_problem(&nobody, 404, "there is no job `c`");
    let no_name = server.post("/api/v1/jobs/%20/resume", &json!({}));
    assert_problem(&no_name, 404, "there is no job ` `");
    let chatty = server.post("/api/v1/jobs/pause", &json!({"for": "1h"}));
    assert_problem(&chatty, 400, "for");
    let (_, guest) = server.start("a");
    server.bench.engine.shutdown();
    let answer = server.post("/api/v1/jobs/resume", &json!({}));
    assert_problem(&answer, 503, "stopping");
    guest.end(Verdict::Stopped);
}
