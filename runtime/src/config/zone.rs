//! `timezone`: the name of a zone, and what somebody may have meant who wrote another word.

use std::collections::BTreeMap;

use cronlet_core::schedule::Zone;

use super::{
    problem::Problem,
    suggest::closest,
    table::{Field, Kind, Walk, shorten},
};

const ZONE: Kind = Kind::quoted("the name of a time zone", "\"Europe/Berlin\"");
const EXPECTED: &str = "expected a name of the IANA database";

/// Abbreviations that are in use and not in the database, and a place where each is.
const ABBREVIATIONS: [(&str, &str); 16] = [
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("PT", "America/Los_Angeles"),
    ("MDT", "America/Denver"),
    ("CDT", "America/Chicago"),
    ("CT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("ET", "America/New_York"),
    ("BST", "Europe/London"),
    ("CEST", "Europe/Berlin"),
    ("MEZ", "Europe/Berlin"),
    ("MESZ", "Europe/Berlin"),
    ("EEST", "Europe/Athens"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("AEST", "Australia/Sydney"),
];

/// Names of the database that stand for one offset all the year, though in most places where people use
/// the word the clocks change; such a place, and the same offset by a name that says so.
const STANDARD: [(&str, &str, &str); 2] = [
    ("EST", "America/New_York", "Etc/GMT+5"),
    ("MST", "America/Denver", "Etc/GMT+7"),
];

/// The zones that a file names, each built once.
#[derive(Default)]
pub(super) struct Zones(BTreeMap<String, Zone>);

impl Zones {
    fn named(&mut self, name: &str) -> Option<Zone> {
        if let Some(zone) = self.0.get(name) {
            return Some(zone.clone());
        }
        let zone = Zone::named(name).ok()?;
        self.0.insert(name.to_owned(), zone.clone());
        Some(zone)
    }
}

impl<'a> Walk<'a> {
    /// A time zone, by name.
    pub(super) fn zone(&mut self, field: &Field<'a>) -> Option<Zone> {
        let text = self.string(field, &ZONE)?;
        let zone = self.zones.named(text.value);
        if zone.is_none() {
            self.push(unknown(text.value).at(text.span));
        } else if let Some(lint) = standard(text.value) {
            self.lints.push(lint.at(text.span));
        }
        zone
    }
}

/// The zone called `name`, which stands in no file.
pub fn named(name: &str) -> Result<Zone, Box<Problem>> {
    Zone::named(name).map_err(|_| Box::new(unknown(name)))
}

/// What is to be said of a name that may be meant otherwise.
fn standard(name: &str) -> Option<Problem> {
    let mut all = STANDARD.into_iter();
    let (name, place, same) = all.find(|(short, ..)| short.eq_ignore_ascii_case(name))?;
    let message = format!("the clocks of `{name}` never change: it knows no daylight saving");
    let problem = Problem::warning("config::timezone", message)
        .label(format!("in summer an hour behind {place}"))
        .help(format!(
            "write `{place}`, or `{same}` if that is what is meant"
        ));
    Some(problem)
}

fn unknown(name: &str) -> Problem {
    let message = format!("there is no time zone `{}`", shorten(name));
    Problem::error("config::timezone", message)
        .label(EXPECTED)
        .help(advice(name))
}

/// What to write instead.
fn advice(name: &str) -> String {
    if ["local", "localtime", "system"].contains(&name.to_ascii_lowercase().as_str()) {
        return "the machine's own zone is not read: write the zone's name, such as `Europe/Berlin`"
            .to_owned();
    }
    if let Some(zone) = fixed(name) {
        return format!("write `{zone}`: the signs of these names are the other way round");
    }
    let abbreviation = ABBREVIATIONS
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(name));
    if let Some((_, zone)) = abbreviation {
        return format!("did you mean `{zone}`?");
    }
    let meant = in_a_city(name).or_else(|| closest(name, Zone::names()));
    match meant {
        Some(zone) => format!("did you mean `{zone}`?"),
        None => "write one such as `Europe/Berlin`, `America/New_York` or `UTC`".to_owned(),
    }
}

/// The zone of a city that stands without its continent: `Berlin`, `new york`.
fn in_a_city(name: &str) -> Option<&'static str> {
    let city = name.trim().replace(' ', "_");
    Zone::names().find(|zone| {
        let last = zone.rsplit_once('/').map(|(_, last)| last);
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    })
}

/// The zone of a fixed offset: `+02:00`, `UTC+2`.
fn fixed(text: &str) -> Option<String> {
    let upper = text.trim().to_ascii_uppercase();
    let offset = upper.trim_start_matches("UTC").trim_start_matches("GMT");
    let (theirs, hours) = match offset.split_at_checked(1)? {
        ("+", hours) => ('-', hours),
        ("-", hours) => ('+', hours),
        _ => return None,
    };
    let hours = hours.strip_suffix(":00").unwrap_or(hours);
    let hours = match hours.len() {
        4 => hours.strip_suffix("00")?,
        _ => hours,
    };
    let hours: u8 = hours.parse().ok()?;
    let zone = format!("Etc/GMT{theirs}{hours}");
    Zone::named(&zone).is_ok().then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_guessed() {
        for (written, meant) in [
            ("Europe/Berln", "did you mean `Europe/Berlin`?"),
            ("Berlin", "did you mean `Europe/Berlin`?"),
            ("new york", "did you mean `America/New_York`?"),
            ("PST", "did you mean `America/Los_Angeles`?"),
            ("cest", "did you mean `Europe/Berlin`?"),
            (
                "+02:00",
                "write `Etc/GMT-2`: the signs of these names are the other way round",
            ),
            (
                "UTC-05",
                "write `Etc/GMT+5`: the signs of these names are the other way round",
            ),
            (
                "local",
                "the machine's own zone is not read: write the zone's name, such as `Europe/Berlin`",
            ),
            (
                "",
                "write one such as `Europe/Berlin`, `America/New_York` or `UTC`",
            ),
            (
                "+99:00",
                "write one such as `Europe/Berlin`, `America/New_York` or `UTC`",
            ),
            (
                "é+2",
                "write one such as `Europe/Berlin`, `America/New_York` or `UTC`",
            ),
        ] {
            assert_eq!(unknown(written).help.as_deref(), Some(meant), "{written}");
        }
    }

    #[test]
    fn each_zone_is_built_once_and_in_any_case() {
        let mut zones = Zones::default();
        let berlin = zones.named("europe/berlin").unwrap();
        assert_eq!(berlin.name(), "Europe/Berlin");
        assert_eq!(zones.named("europe/berlin"), Some(berlin));
        assert_eq!(zones.0.len(), 1);
        assert_eq!(zones.named("Europe/Nowhere"), None);
    }
}
