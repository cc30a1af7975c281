//! When a job is due: `cron`, `every` with its `offset`, and `at`, of which a job has at most one, or
//! several in the list `triggers`; and the `start` and the `end`.

use std::time::Duration;

use cronlet_core::{
    schedule::{At, Calendar, Every, EveryError, Schedule, Trigger, Triggers, Zone},
    units::{format_duration, parse_duration},
};
use jiff::Timestamp;
use toml::de::DeValue;

use super::{
    aliases, cron,
    instant::{self, Instant},
    problem::Problem,
    table::{Field, Kind, Marked, Table, Walk},
};

const EVERY: Kind = Kind::measure("a duration", "\"30s\"", "s");
const OFFSET: Kind = Kind::measure("a duration", "\"5m\"", "s");
const TRIGGERS: Kind = Kind::tables(
    "a list of triggers",
    "[{ cron = \"0 6 * * *\" }, { every = \"30m\" }]",
);
const TRIGGER: Kind = Kind::table("{ cron = \"0 6 * * *\" }");
const INSTANT: Instant = Instant::new("an instant", "schedule::at");
const AT: Instant = Instant::new("an instant or a list of them", "schedule::at");
const BOUND: Instant = Instant::new("an instant", "schedule::window");

/// What makes a job due, and from when to when.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub(super) triggers: Vec<Marked<Trigger>>,
    pub(super) start: Option<Marked<Timestamp>>,
    pub(super) end: Option<Marked<Timestamp>>,
}

/// The keys of one trigger.
struct Keys<'a> {
    cron: Option<Field<'a>>,
    every: Option<Field<'a>>,
    offset: Option<Field<'a>>,
    at: Option<Field<'a>>,
}

impl Times {
    /// Reads when the job called `job` is due, whose zone is `zone`. Without a trigger only people start
    /// it.
    pub(super) fn read<'a>(
        walk: &mut Walk<'a>,
        table: &mut Table<'a>,
        job: &str,
        zone: &Zone,
    ) -> Self {
        let keys = Keys::take(table);
        let triggers = if let Some(field) = table.take("triggers") {
            if let Some(own) = keys.first() {
                beside(walk, table, own, &field);
            }
            list(walk, &field, job, zone)
        } else {
            if let [first, second, ..] = keys.written()[..] {
                let problem = several(&table.title, first, second);
                walk.push(problem.help(format!(
                    "write `triggers = [{{ {} = … }}, {{ {} = … }}]`, or keep one of them",
                    first.key, second.key
                )));
            }
            keys.read(walk, job, zone).into_iter().collect()
        };
        let (start, end) = (table.take("start"), table.take("end"));
        let bound = |walk: &mut Walk<'a>, field: Option<Field<'a>>| {
            let field = field?;
            let value = instant::read(walk, &field, &BOUND, zone)?;
            let span = field.span;
            Some(Marked { value, span })
        };
        let (start, end) = (bound(walk, start), bound(walk, end));
        if let (Some(start), Some(end)) = (&start, &end)
            && end.value <= start.value
        {
            no_time(walk, start, end);
        }
        Self {
            triggers,
            start,
            end,
        }
    }

    /// It in one, with what else there is about it.
    pub(super) fn schedule(&self, calendar: Calendar, jitter: Duration) -> Schedule {
        let triggers = self.triggers.iter().map(|trigger| trigger.value.clone());
        Schedule {
            // A list of more has been refused.
            triggers: Triggers::new(triggers.collect()).unwrap_or_default(),
            start: self.start.as_ref().map(|start| start.value),
            end: self.end.as_ref().map(|end| end.value),
            calendar,
            jitter,
        }
    }
}

impl<'a> Keys<'a> {
    fn take(table: &mut Table<'a>) -> Self {
        Self {
            cron: table.take("cron"),
            every: table.take("every"),
            offset: table.take("offset"),
            at: table.take("at"),
        }
    }

    /// Those that are triggers, as they are written.
    fn written(&self) -> Vec<&Field<'a>> {
        let mut written: Vec<_> = [&self.cron, &self.every, &self.at]
            .into_iter()
            .flatten()
            .collect();
        written.sort_by_key(|field| field.key_span.start);
        written
    }

    fn first(&self) -> Option<&Field<'a>> {
        self.written().into_iter().next().or(self.offset.as_ref())
    }

    /// The first of them.
    fn read(self, walk: &mut Walk<'a>, job: &str, zone: &Zone) -> Option<Marked<Trigger>> {
        let Self {
            cron,
            every,
            offset,
            at,
        } = self;
        if let (Some(offset), None) = (&offset, &every) {
            lonely_offset(walk, offset);
        }
        let cron = cron.and_then(|field| cron::read(walk, &field, job, zone));
        let every = every.and_then(|field| self::every(walk, &field, offset.as_ref()));
        let at = at.and_then(|field| self::at(walk, &field, zone));
        cron.or(every).or(at)
    }
}

/// The triggers of a list.
fn list<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    job: &str,
    zone: &Zone,
) -> Vec<Marked<Trigger>> {
    let DeValue::Array(items) = field.value else {
        walk.wrong_type::<()>(field, &TRIGGERS);
        return Vec::new();
    };
    if items.is_empty() || items.len() > Triggers::MOST {
        walk.push(wrong_count(field, items.len()));
        return Vec::new();
    }
    let mut triggers = Vec::with_capacity(items.len());
    for item in items {
        let item = field.item(item);
        let Some(tree) = walk.table(&item, &TRIGGER) else {
            continue;
        };
        let mut table = Table::new("an item of `triggers`", "triggers.", tree);
        let keys = Keys::take(&mut table);
        if tree.is_empty() {
            walk.push(no_trigger(&item));
        }
        if let [first, second, ..] = keys.written()[..] {
            let problem = several(&table.title, first, second);
            walk.push(problem.help(format!(
                "write two items: `{{ {} = … }}, {{ {} = … }}`",
                first.key, second.key
            )));
        }
        triggers.extend(keys.read(walk, job, zone));
        table.finish(walk, aliases::of_trigger);
    }
    triggers
}

/// The jobs of `triggers` that has too many items, or none.
fn wrong_count(field: &Field<'_>, count: usize) -> Problem {
    let (code, message, label) = match count {
        0 => (
            "config::value",
            "`triggers` is empty".to_owned(),
            "expected at least one".to_owned(),
        ),
        _ => (
            "config::range",
            format!("`triggers` has {count} entries"),
            format!("expected at most {}", Triggers::MOST),
        ),
    };
    let help = match count {
        0 => "leave it out for a job that runs only when it is asked for",
        _ => "write expressions with lists and ranges, or make it several jobs",
    };
    Problem::error(code, message)
        .at(field.key_span.clone())
        .label(label)
        .help(help)
}

fn no_trigger(item: &Field<'_>) -> Problem {
    Problem::error(
        "config::missing-key",
        format!("{} has no trigger in it", item.title()),
    )
    .at(item.span.clone())
    .label("expected `cron`, `every` or `at`")
    .help(format!("write `{}`", TRIGGER.example))
}

/// Reports a trigger of a job that has a list of them.
fn beside(walk: &mut Walk<'_>, table: &Table<'_>, own: &Field<'_>, triggers: &Field<'_>) {
    let key = own.key;
    let item = match key {
        "offset" => "{ every = …, offset = … }".to_owned(),
        _ => format!("{{ {key} = … }}"),
    };
    let message = format!("{} has `{key}` beside `triggers`", table.title);
    let problem = Problem::error("schedule::several", message)
        .at(own.key_span.clone())
        .label("this one is in no list")
        .related(triggers.key_span.clone(), "the others are in this one")
        .help(format!("write `{item}` in the list"));
    walk.push(problem);
}

fn several(title: &str, first: &Field<'_>, second: &Field<'_>) -> Problem {
    Problem::error("schedule::several", format!("{title} has two triggers"))
        .at(second.key_span.clone())
        .label("the second one")
        .related(first.key_span.clone(), "the first one")
}

fn no_time(walk: &mut Walk<'_>, start: &Marked<Timestamp>, end: &Marked<Timestamp>) {
    let same = start.value == end.value;
    let message = if same {
        "`end` is `start`, so nothing is ever due"
    } else {
        "`end` is before `start`, so nothing is ever due"
    };
    let problem = Problem::error("schedule::window", message)
        .at(end.span.clone())
        .label("expected a later instant: what is due at the end itself is not due any more")
        .related(start.span.clone(), "the start")
        .help("write an `end` after `start`, or leave one of them out");
    walk.push(problem);
}

fn lonely_offset(walk: &mut Walk<'_>, offset: &Field<'_>) {
    let problem = Problem::error("schedule::offset", "`offset` has no `every` to go with")
        .at(offset.key_span.clone())
        .label("only moves the instants of `every`")
        .help("write `every = \"1h\"` beside it, or leave it out");
    walk.push(problem);
}

fn every<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    offset: Option<&Field<'a>>,
) -> Option<Marked<Trigger>> {
    let period = duration(walk, field, &EVERY);
    let after = match offset {
        Some(offset) => {
            if let Some(problem) = period.and_then(|period| backwards(offset, period)) {
                walk.push(problem);
                return None;
            }
            duration(walk, offset, &OFFSET)?
        }
        None => Duration::ZERO,
    };
    let error = match Every::new(period?, after) {
        Ok(every) => return Some(marked(Trigger::Every(every), field)),
        Err(error) => error,
    };
    let problem = Problem::error("schedule::every", error.to_string());
    let problem = match (error, offset) {
        (EveryError::OffsetTooLong { period, .. }, Some(offset)) => problem
            .at(offset.span.clone())
            .label(format!("expected less than {}", format_duration(period)))
            .help(same_instants(remainder(after, period))),
        (EveryError::TooFine { length }, offset) => problem
            .at(match offset {
                Some(offset) if length == after => offset.span.clone(),
                _ => field.span.clone(),
            })
            .label("expected whole microseconds"),
        _ => problem
            .at(field.span.clone())
            .label("expected at least 1s")
            .help("write `every = \"1s\"`"),
    };
    walk.push(problem);
    None
}

/// What is wrong with an offset that has a minus in front: it would name the instants of another one.
fn backwards(offset: &Field<'_>, period: Duration) -> Option<Problem> {
    let DeValue::String(text) = offset.value else {
        return None;
    };
    let back = parse_duration(text.strip_prefix('-')?).ok()?;
    let back = remainder(back, period);
    let problem = Problem::error("schedule::every", format!("offset `{text}` is negative"))
        .at(offset.span.clone())
        .label("expected how much later the instants are");
    Some(problem.help(same_instants(if back.is_zero() {
        back
    } else {
        period.saturating_sub(back)
    })))
}

/// What to write in place of an offset.
fn same_instants(offset: Duration) -> String {
    if offset.is_zero() {
        return "leave it out: the instants are the same".to_owned();
    }
    let offset = format_duration(offset);
    format!("write `offset = \"{offset}\"`, which names the same instants")
}

/// What is left of `length` after whole periods; all of it, if there is no period.
fn remainder(length: Duration, period: Duration) -> Duration {
    let rest = length.as_nanos().checked_rem(period.as_nanos());
    let rest = rest.unwrap_or(length.as_nanos());
    let seconds = u64::try_from(rest / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(rest % 1_000_000_000).unwrap_or(0))
}

fn duration<'a>(walk: &mut Walk<'a>, field: &Field<'a>, kind: &Kind) -> Option<Duration> {
    let text = walk.string(field, kind)?;
    walk.measure(&text, kind, "schedule::every", parse_duration)
}

fn at<'a>(walk: &mut Walk<'a>, field: &Field<'a>, zone: &Zone) -> Option<Marked<Trigger>> {
    let DeValue::Array(list) = field.value else {
        let instant = instant::read(walk, field, &AT, zone)?;
        return Some(marked(Trigger::At(At::new(vec![instant]).ok()?), field));
    };
    let instants: Vec<_> = list
        .iter()
        .map(|value| instant::read(walk, &field.item(value), &INSTANT, zone))
        .collect();
    // Each instant, so that all wrong ones are reported, and only then all or none.
    match At::new(instants.into_iter().collect::<Option<_>>()?) {
        Ok(at) => Some(marked(Trigger::At(at), field)),
        Err(error) => {
            let problem = Problem::error("schedule::at", error.to_string())
                .at(field.span.clone())
                .label("expected at least one")
                .help(format!("write `at = {}`, or leave it out", AT.kind.example));
            walk.push(problem);
            None
        }
    }
}

pub(super) fn marked(trigger: Trigger, field: &Field<'_>) -> Marked<Trigger> {
    Marked {
        value: trigger,
        span: field.span.clone(),
    }
}
