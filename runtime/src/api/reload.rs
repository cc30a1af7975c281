//! Having the schedules file read again, and hearing what became of it.

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    problem::Problem,
    request::{QueryResult, Wait},
    status,
};
use crate::{
    config::{self, Problems, Severity, Source},
    engine::{Handle, reload::Outcome},
};

/// The file is being read, and nobody waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloading {
    /// `reloading`.
    pub status: String,
}

/// What became of the text that was on disk when somebody asked, or of a newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// `live`, `unchanged` or `refused`.
    pub status: String,
    /// Of the text of the plan; none if the file is refused.
    pub sha256: Option<String>,
    /// What has changed, in a line, for people.
    pub summary: Option<String>,
    /// What is wrong with the file, or not as it should be.
    pub report: Option<Report>,
}

/// What is to be said about a schedules file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// As it was named.
    pub file: String,
    /// What was in it.
    pub text: String,
    pub problems: Vec<Finding>,
}

/// One thing that is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: String,
    pub code: String,
    pub message: String,
    /// From 1; none when the fault is not in the text.
    pub line: Option<usize>,
    /// In characters, from 1.
    pub column: Option<usize>,
    /// The bytes of the text: the first one, and the one behind the last.
    pub span: Option<(usize, usize)>,
    pub label: Option<String>,
    pub related: Option<Related>,
    pub help: Option<String>,
}

/// Another place that has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    pub span: (usize, usize),
    pub label: String,
}

pub(super) async fn reload(
    State(engine): State<Handle>,
    wait: QueryResult<Wait>,
) -> Result<Response, Problem> {
    let Query(wait) = wait?;
    if status::ask(&engine).await?.stopping {
        return Err(Problem::unavailable("the daemon is stopping"));
    }
    if wait.wait.is_none() {
        engine.reload();
        let status = "reloading".to_owned();
        return Ok((StatusCode::ACCEPTED, Json(Reloading { status })).into_response());
    }
    let Some(outcome) = engine.reload_and_wait().await else {
        status::ask(&engine).await?;
        let detail = "the schedules file is not followed any more, restart cronlet";
        return Err(Problem::unavailable(detail));
    };
    Ok(Json(Reloaded::from(&outcome)).into_response())
}

impl From<&Outcome> for Reloaded {
    fn from(outcome: &Outcome) -> Self {
        let (status, digest, summary, problems) = match outcome {
            Outcome::Live {
                digest,
                summary,
                warnings,
            } => ("live", Some(digest), Some(summary), warnings.as_ref()),
            Outcome::Unchanged { digest, warnings } => {
                ("unchanged", Some(digest), None, warnings.as_ref())
            }
            Outcome::Refused(problems) => ("refused", None, None, Some(problems)),
        };
        Self {
            status: status.to_owned(),
            sha256: digest.map(ToString::to_string),
            summary: summary.cloned(),
            report: problems.map(Report::from),
        }
    }
}

impl From<&Problems> for Report {
    fn from(problems: &Problems) -> Self {
        let finding = |problem: &config::Problem| {
            let start = problems.place(problem).map(|(start, _)| start);
            Finding {
                severity: problem.severity.as_str().to_owned(),
                code: problem.code.to_string(),
                message: problem.message.clone(),
                line: start.map(|start| start.line),
                column: start.map(|start| start.column),
                span: problem.span.as_ref().map(|span| (span.start, span.end)),
                label: problem.label.clone(),
                related: problem.related.as_ref().map(|mark| Related {
                    span: (mark.span.start, mark.span.end),
                    label: mark.label.clone(),
                }),
                help: problem.help.clone(),
            }
        };
        Self {
            file: problems.source().name().to_owned(),
            text: problems.source().text().to_owned(),
            problems: problems.iter().map(finding).collect(),
        }
    }
}

impl Report {
    /// The problems as they were; none if there are none.
    pub fn problems(self) -> Option<Problems> {
        let source = Source::new(&self.file, &self.text);
        let problem = |finding: Finding| {
            let error = finding.severity == Severity::Error.as_str();
            config::Problem {
                severity: if error {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                code: finding.code.into(),
                message: finding.message,
                span: finding.span.map(|(start, end)| start..end),
                label: finding.label,
                related: finding.related.map(|related| config::Mark {
                    span: related.span.0..related.span.1,
                    label: related.label,
                }),
                help: finding.help,
            }
        };
        let list = self.problems.into_iter().map(problem);
        Problems::new(&source, list.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_arrive_as_they_were() {
        let source = Source::new("s.toml", "é = 1\n[jobs.a]\n[jobs.a]\n");
        let list = vec![
            config::Problem::error("toml::duplicate", "there are two")
                .at(16..24)
                .label("again")
                .related(7..15, "the first one")
                .help("drop one"),
            config::Problem::warning("config::none", "there is nothing"),
        ];
        let problems = Problems::new(&source, list).unwrap();
        let report = Report::from(&problems);
        assert_eq!(
            (report.problems[1].line, report.problems[1].column),
            (Some(3), Some(1))
        );
        let text = serde_json::to_string(&report).unwrap();
        let report: Report = serde_json::from_str(&text).unwrap();
        assert_eq!(report.problems(), Some(problems));
    }
}
