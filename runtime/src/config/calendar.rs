//! `active_hours`, `blackout` and `jitter`: which due instants do not run, and how far the others are put
//! off. `[defaults]` and a job share them.

use std::{ops::Range, ops::RangeInclusive, str::FromStr, time::Duration};

use cronlet_core::schedule::{ActiveHours, Blackout, Calendar, CalendarError, Zone};
use toml::{Spanned, de::DeValue};

use super::{
    problem::Problem,
    table::{Field, Kind, Table, Walk},
};

const HOURS: Kind = Kind::quoted(
    "active hours or a list of them",
    "[\"Mon-Fri 06:00-22:00\"]",
);
const HOUR: Kind = Kind::quoted("active hours", "\"Mon-Fri 06:00-22:00\"");
const BLACKOUTS: Kind = Kind::quoted(
    "a blackout or a list of them",
    "[\"2026-12-24..2026-12-27\"]",
);
const BLACKOUT: Kind = Kind::quoted("a blackout", "\"2026-12-24..2026-12-27\"");
const JITTER: Kind = Kind::measure("a duration", "\"30s\"", "s");

pub(super) const JITTERS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24);

/// For advice.
pub(super) const KEYS: [&str; 3] = ["active_hours", "blackout", "jitter"];

/// What is written of them.
#[derive(Clone, Debug, Default)]
pub(super) struct CalendarKeys {
    hours: Option<Vec<ActiveHours>>,
    blackouts: Option<Vec<Blackout>>,
    jitter: Option<Duration>,
    /// Those that are written here.
    own: Vec<(&'static str, Range<usize>)>,
}

/// What they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reserve {
    pub(super) calendar: Calendar,
    pub(super) jitter: Duration,
    /// Those that the job itself has, and where.
    pub(super) own: Vec<(&'static str, Range<usize>)>,
}

impl CalendarKeys {
    pub(super) fn read<'a>(walk: &mut Walk<'a>, table: &mut Table<'a>) -> Self {
        let mut keys = Self::default();
        if let Some(field) = table.take("active_hours") {
            keys.own.push(("active_hours", field.key_span.clone()));
            keys.hours = hours(walk, &field);
        }
        if let Some(field) = table.take("blackout") {
            keys.own.push(("blackout", field.key_span.clone()));
            keys.blackouts = list(walk, &field, &BLACKOUTS, Calendar::MOST_BLACKOUTS)
                .map(|items| each(walk, &items, &BLACKOUT, "schedule::blackout"));
        }
        if let Some(field) = table.take("jitter") {
            keys.own.push(("jitter", field.key_span.clone()));
            keys.jitter = walk.duration(&field, &JITTER, JITTERS);
        }
        keys
    }

    /// What these keys mean on the clocks of `zone`, with those of `defaults` where they are not written.
    pub(super) fn resolve(self, defaults: &Self, zone: &Zone) -> Reserve {
        let hours = self.hours.as_ref().or(defaults.hours.as_ref());
        let blackouts = self.blackouts.as_ref().or(defaults.blackouts.as_ref());
        Reserve {
            calendar: Calendar::new(
                zone.clone(),
                hours.cloned().unwrap_or_default(),
                blackouts.cloned().unwrap_or_default(),
            ),
            jitter: self.jitter.or(defaults.jitter).unwrap_or_default(),
            own: self.own,
        }
    }
}

fn hours<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<Vec<ActiveHours>> {
    let items = list(walk, field, &HOURS, Calendar::MOST_HOURS)?;
    if items.is_empty() {
        let problem = Problem::error("schedule::active-hours", "`active_hours` hold no time")
            .at(field.span.clone())
            .label("at no hour anything would run")
            .help("write `active_hours = \"00:00-24:00\"` for all hours, or leave it out");
        walk.push(problem);
        return None;
    }
    Some(each(walk, &items, &HOUR, "schedule::active-hours"))
}

/// The items of a list, or a value that stands for a list of one.
fn list<'a>(
    walk: &mut Walk<'a>,
    field: &Field<'a>,
    kind: &Kind,
    most: usize,
) -> Option<Vec<Field<'a>>> {
    let items: &[Spanned<DeValue<'a>>] = match field.value {
        DeValue::Array(items) => items,
        DeValue::String(_) | DeValue::Datetime(_) => return Some(vec![field.clone()]),
        _ => return walk.wrong_type(field, kind),
    };
    if items.len() > most {
        let message = format!("{} has {} entries", field.title(), items.len());
        let problem = Problem::error("config::range", message).at(field.key_span.clone());
        walk.push(problem.label(format!("expected at most {most}")));
        return None;
    }
    Some(items.iter().map(|item| field.item(item)).collect())
}

/// Reads each item, so that all wrong ones are reported.
fn each<'a, T: FromStr<Err = CalendarError>>(
    walk: &mut Walk<'a>,
    items: &[Field<'a>],
    kind: &Kind,
    code: &'static str,
) -> Vec<T> {
    let read = items.iter().filter_map(|field| {
        let (read, text) = if let DeValue::Datetime(day) = field.value {
            // A day that is not in quotes is one of TOML's own.
            (day.to_string().parse(), None)
        } else {
            let text = walk.string(field, kind)?;
            (text.value.parse(), Some(text))
        };
        let error: CalendarError = match read {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let span = text.map_or(field.span.clone(), |text| text.part(error.span.clone()));
        walk.push(problem(error, code).at(span));
        None
    });
    read.collect()
}

fn problem(error: CalendarError, code: &'static str) -> Problem {
    Problem::error(code, error.message)
        .label(error.label)
        .maybe_help(error.help)
}

#[cfg(test)]
mod tests {
    use cronlet_core::{catalog::Catalog, job::Job};

    use super::*;
    use crate::config::{Environment, parse};

    fn job(text: &str) -> Job {
        let text = format!("{text}\n");
        let draft = parse("schedules.toml", &text, &Environment::new()).unwrap();
        let plan = draft.resolve(&Catalog::default());
        Job::clone(&plan.jobs["a"])
    }

    fn shown(job: &Job) -> (Vec<String>, Vec<String>, Duration) {
        let calendar = &job.schedule.calendar;
        (
            calendar
                .active_hours()
                .iter()
                .map(ToString::to_string)
                .collect(),
            calendar
                .blackouts()
                .iter()
                .map(ToString::to_string)
                .collect(),
            job.schedule.jitter,
        )
    }

    const DEFAULTS: &str = "[defaults]\n\
        active_hours = \"06:00-22:00\"\n\
        blackout = [2026-12-24, \"2026-12-31T18:00..2027-01-01\"]\n\
        jitter = \"30s\"\n";

    #[test]
    fn a_list_of_the_job_takes_the_place_of_that_of_the_defaults() {
        let job = |keys: &str| {
            job(&format!(
                "{DEFAULTS}[jobs.a]\nplugin = \"a\"\nevery = \"1h\"\n{keys}"
            ))
        };
        let (hours, blackouts, jitter) = shown(&job(""));
        assert_eq!(hours, ["06:00-22:00"]);
        assert_eq!(blackouts, ["2026-12-24", "2026-12-31T18:00:00..2027-01-01"]);
        assert_eq!(jitter, Duration::from_secs(30));
        let own = "active_hours = [\"Sat 08:00-12:00\", \"Sun 00:00-24:00\"]\nblackout = []\njitter = \"0s\"";
        let (hours, blackouts, jitter) = shown(&job(own));
        assert_eq!(hours, ["Sat 08:00-12:00", "Sun 00:00-24:00"]);
        assert!(blackouts.is_empty());
        assert_eq!(jitter, Duration::ZERO);
    }

    #[test]
    fn hours_of_the_defaults_are_read_in_the_zone_of_the_job() {
        let defaults =
            "[runtime]\ntimezone = \"Asia/Tokyo\"\n[defaults]\nactive_hours = \"06:00-22:00\"\n";
        for (zone, expected) in [
            ("", "Asia/Tokyo"),
            ("timezone = \"Europe/Berlin\"", "Europe/Berlin"),
        ] {
            let job = job(&format!(
                "{defaults}[jobs.a]\nplugin = \"a\"\nevery = \"1h\"\n{zone}"
            ));
            assert_eq!(job.schedule.calendar.zone().name(), expected);
        }
    }

    #[test]
    fn neither_hours_nor_jitter_make_it_another_schedule() {
        let plain = job("[jobs.a]\nplugin = \"a\"\nevery = \"1h\"");
        let other = job(&format!(
            "{DEFAULTS}[jobs.a]\nplugin = \"a\"\nevery = \"1h\""
        ));
        assert_ne!(plain, other);
        assert_eq!(plain.fingerprint(), other.fingerprint());
    }

    #[test]
    fn several_triggers_are_of_one_zone_and_within_bounds() {
        let text = "[jobs.a]\nplugin = \"a\"\ntimezone = \"Europe/Berlin\"\n\
            triggers = [{ cron = \"0 6 * * *\" }, { every = \"1h\", offset = \"5m\" }, \
            { at = \"2030-05-01T08:00:00\" }]\n\
            start = \"2030-05-01T00:00:00\"\nend = 2030-06-01T00:00:00Z";
        let job = job(text);
        assert_eq!(
            job.schedule.to_string(),
            "0 6 * * * | every 1h offset 5m | at 2030-05-01T06:00:00Z"
        );
        assert_eq!(
            job.fingerprint(),
            "at 2030-05-01T06:00:00Z | cron 0 0 6 * * * * | every 3600000000000ns offset 300000000000ns \
             start 2030-04-30T22:00:00Z end 2030-06-01T00:00:00Z in Europe/Berlin"
        );
        let six = "2030-05-01T04:00:00Z".parse().unwrap();
        assert_eq!(
            job.schedule.triggers.as_slice()[0].next_after("2030-05-01T00:00:00Z".parse().unwrap()),
            Some(six)
        );
    }
}
