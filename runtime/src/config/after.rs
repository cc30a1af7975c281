//! `after`: the job whose ends make another one due, `"extract"` or
//! `{ job = "extract", on = "failure" }`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use cronlet_core::{
    after::{self, After, On},
    name::JobName,
};
use toml::de::DeValue;

use super::{
    problem::Problem,
    suggest::{all_of, closest},
    table::{Field, Kind, Table, Walk, shorten},
};

const AFTER: Kind = Kind::quoted("the name of a job", "\"extract\"");
const ON: Kind = Kind::quoted("a word", "\"failure\"");

/// The words of `on`.
pub(super) const ONS: [(&str, On); 3] = [
    (On::Success.as_str(), On::Success),
    (On::Failure.as_str(), On::Failure),
    (On::End.as_str(), On::End),
];

/// The jobs of a file, and which of them are after which.
#[derive(Clone, Debug, Default)]
pub(super) struct Upstreams {
    /// Every name that has a table, whatever is in it.
    names: BTreeSet<String>,
    /// How many names were held against one that is wrong.
    compared: usize,
    /// Of each job that has one, and where it says so.
    edges: BTreeMap<JobName, (JobName, Range<usize>)>,
}

/// So many names are held against wrong ones; then nobody is told any more which job he may have meant.
const COMPARISONS: usize = 1_000_000;

impl Upstreams {
    /// Those of a file with these tables in `[jobs]`.
    pub(super) fn of(jobs: &[Field<'_>]) -> Self {
        Self {
            names: jobs.iter().map(|field| field.key.to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The job that somebody meant who wrote `wrong` in the job called `job`.
    fn meant(&mut self, wrong: &str, job: &str) -> Option<&str> {
        self.compared = self.compared.saturating_add(self.names.len());
        if self.compared > COMPARISONS {
            return None;
        }
        let names = self.names.iter().map(String::as_str);
        closest(wrong, names.filter(|name| *name != job))
    }
}

/// Reads the key `after` of the job called `job`.
pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>, job: &str) -> Option<After> {
    match field.value {
        DeValue::Table(table) => {
            let mut table = Table::new("`after`", "after.", table);
            let (upstream, on) = (table.take("job"), table.take("on"));
            if upstream.is_none() {
                walk.push(no_job(field));
            }
            let upstream = upstream.map(|field| name(walk, &field, job));
            let on = on.map(|field| walk.choice(&field, &ON, &ONS));
            table.finish(walk, |_| None);
            Some(After {
                job: upstream??,
                on: on.unwrap_or(Some(On::default()))?,
            })
        }
        DeValue::Array(list) => {
            let names = list.iter().map(|it| it.get_ref().as_str());
            let names = names.collect::<Option<Vec<_>>>().unwrap_or_default();
            walk.push(several(field, &names));
            None
        }
        _ => Some(After {
            job: name(walk, field, job)?,
            on: On::default(),
        }),
    }
}

/// Reports the jobs that wait for one another, when all of them are read.
pub(super) fn circles(walk: &mut Walk<'_>) {
    let upstreams = &walk.upstreams.edges;
    let pairs = upstreams.iter().map(|(job, (upstream, _))| (job, upstream));
    let circles = after::circles(&pairs.collect());
    // A job alone was told already.
    let circles = circles.iter().filter(|circle| circle.len() > 1);
    let problems: Vec<_> = circles
        .filter_map(|circle| {
            let span = |job| upstreams.get(job).map(|(_, span)| span.clone());
            let (first, second) = (*circle.first()?, *circle.get(1)?);
            let names: Vec<_> = circle.iter().map(|job| job.as_str()).collect();
            let ways = names.iter().chain(names.first());
            let ways: Vec<_> = ways.map(|job| format!("`{job}`")).collect();
            let message = format!("jobs wait for one another: {}", ways.join(" → "));
            let problem = Problem::error("schedule::after", message)
                .at(span(first)?)
                .label(format!("`{first}` is after `{}`", circle.last()?))
                .related(span(second)?, format!("`{second}` is after `{first}`"))
                .help(format!(
                    "leave `after` out of one of {}, so that something else makes it due",
                    all_of(&names)
                ));
            Some(problem)
        })
        .collect();
    walk.problems.extend(problems);
}

/// The name of the upstream, which must be another job of the file.
fn name<'a>(walk: &mut Walk<'a>, field: &Field<'a>, job: &str) -> Option<JobName> {
    let text = walk.string(field, &AFTER)?;
    let written = shorten(text.value);
    let (message, label, help) = if text.value == job {
        (
            format!("job `{written}` is after itself"),
            "expected another job",
            Some("write the name of another job, or `overlap = \"queue-one\"` if its runs must not overlap".to_owned()),
        )
    } else if walk.upstreams.names.contains(text.value) {
        // A name that is wrong was told where it is a header.
        let upstream = JobName::new(text.value).ok()?;
        if let Ok(job) = JobName::new(job) {
            let edge = (upstream.clone(), field.span.clone());
            walk.upstreams.edges.insert(job, edge);
        }
        return Some(upstream);
    } else {
        let meant = walk.upstreams.meant(text.value, job);
        let meant = meant.map(|name| format!("did you mean `{name}`?"));
        (
            format!("there is no job `{written}`"),
            "no such job in this file",
            meant.or_else(|| {
                JobName::new(text.value).ok().map(|name| {
                    format!("write `[jobs.{name}]` with a `plugin`, or leave `after` out")
                })
            }),
        )
    };
    let problem = Problem::error("schedule::after", message)
        .at(text.span.clone())
        .label(label)
        .maybe_help(help);
    walk.push(problem);
    None
}

fn no_job(field: &Field<'_>) -> Problem {
    Problem::error("config::missing-key", "`after` has no `job`")
        .at(field.span.clone())
        .label("after which job?")
        .help("write `after = { job = \"extract\" }`")
}

fn several(field: &Field<'_>, names: &[&str]) -> Problem {
    let problem = Problem::error("schedule::after", "a job is after one other job")
        .at(field.span.clone())
        .label("found a list");
    match names {
        [] => problem.help(format!("write `after = {}`", AFTER.example)),
        [one] => problem.help(format!("write `after = \"{}\"`", shorten(one))),
        [first, second, ..] => {
            let (first, second) = (shorten(first), shorten(second));
            problem.help(format!(
                "write `after = \"{second}\"`, and `after = \"{first}\"` in `{second}`: then it runs after both"
            ))
        }
    }
}
