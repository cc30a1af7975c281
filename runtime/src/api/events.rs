//! A run as it goes, as server-sent events: how it stands, what it says, how far it has come.
//!
//! The client who reads slowly is waited for, and nothing piles up for it.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cronlet_core::run::RunId;
use hyper::body::Frame;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;

use super::{
    problem::Problem,
    request::{PathResult, no_such_run},
    status::Progress,
    view::{self, Line},
};
use crate::engine::{
    Handle,
    follow::{self, Step},
};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `run`: the run, at the beginning and whenever it has changed. If it is final it is the last.
    Run(Box<view::Run>),
    /// `line`: of its log.
    Line(Line),
    /// `progress`: how far its guest says it has come.
    Progress(Progress),
}

impl Event {
    /// As text: its name, its data, and an empty line.
    fn encode(&self, text: &mut String) {
        let (name, data) = match self {
            Self::Run(run) => ("run", json(run)),
            Self::Line(line) => ("line", json(line)),
            Self::Progress(progress) => ("progress", json(progress)),
        };
        text.extend(["event: ", name, "\ndata: ", &data, "\n\n"]);
    }

    /// The reverse, without the empty line. None if it is none of these, but of a later version.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let (mut name, mut data) = ("", "");
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("event", value)) => name = value,
                Some(("data", value)) => data = value,
                _ => {}
            }
        }
        match name {
            "run" => parse(data).map(Self::Run),
            "line" => parse(data).map(Self::Line),
            "progress" => parse(data).map(Self::Progress),
            _ => None,
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers have a JSON form")
}

fn parse<T: DeserializeOwned>(data: &str) -> Option<T> {
    serde_json::from_str(data).ok()
}

/// What one step comes to.
fn events(step: Step) -> Vec<Event> {
    match step {
        Step::Run(row) => vec![Event::Run(Box::new(view::Run::from(row.as_ref())))],
        Step::Log { attempt, lines } => lines
            .iter()
            .map(|line| Event::Line(Line::new(attempt, line)))
            .collect(),
        Step::Progress { progress, .. } => vec![Event::Progress(Progress::from(&progress))],
    }
}

/// The body of the answer.
struct Stream(mpsc::Receiver<Step>);

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|step| {
            let mut text = String::new();
            for event in events(step?) {
                event.encode(&mut text);
            }
            Some(Ok(Frame::data(text.into())))
        })
    }
}

pub(super) async fn follow(
    State(engine): State<Handle>,
    run: PathResult<u64>,
) -> Result<Response, Problem> {
    let Path(run) = run?;
    let steps = follow::follow(&engine, RunId(run)).await?;
    let steps = steps.ok_or_else(|| no_such_run(run))?;
    let kind = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((kind, Body::new(Stream(steps))).into_response())
}

pub(super) async fn log(
    State(engine): State<Handle>,
    run: PathResult<u64>,
) -> Result<Json<Vec<Line>>, Problem> {
    let Path(run) = run?;
    if engine.run(RunId(run)).await?.is_none() {
        return Err(no_such_run(run));
    }
    let steps = follow::log(&engine, RunId(run)).await?;
    let lines = steps.into_iter().flat_map(events);
    Ok(Json(
        lines
            .filter_map(|event| match event {
                Event::Line(line) => Some(line),
                _ => None,
            })
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_name_and_one_line_of_data() {
        let progress = Event::Progress(Progress {
            done: 3,
            total: Some(12),
            message: Some("two\nlines".to_owned()),
        });
        let mut text = String::new();
        progress.encode(&mut text);
        assert_eq!(
            text,
            "event: progress\ndata: {\"done\":3,\"total\":12,\"message\":\"two\\nlines\"}\n\n"
        );
        assert_eq!(Event::decode(text.trim_end()), Some(progress));
        assert_eq!(Event::decode("event: weather\ndata: {}"), None);
        assert_eq!(Event::decode(": nothing"), None);
    }
}
