//! What people write for hours and days who know them written otherwise, as it is written here.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, date},
};

use super::{ActiveHours, Blackout, CalendarError};

/// The error of active hours, or the same with what to type if it can be told what was meant.
pub(super) fn hours(text: &str, error: CalendarError) -> CalendarError {
    let lists: Option<Vec<_>> = text.split(',').map(one).collect();
    let help = match lists.as_deref() {
        _ if text.is_empty() => None,
        Some([first, _, ..]) => {
            // What is said of no days of its own is said of the first ones.
            let days = first.split_once(' ').map(|(days, _)| days);
            let each = lists.iter().flatten().map(|item| match days {
                Some(days) if !item.contains(' ') => format!("\"{days} {item}\""),
                _ => format!("\"{item}\""),
            });
            let quoted: Vec<_> = each.collect();
            Some(format!("write them as a list: `[{}]`", quoted.join(", ")))
        }
        _ => one(text).map(|text| format!("write `{text}`")),
    };
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}

/// `9am-5pm weekdays` as `Mon-Fri 09:00-17:00`, if that is what can be read.
fn one(text: &str) -> Option<String> {
    let text = plain(text).to_lowercase();
    let (mut days, mut hours) = (None, None);
    for word in text.split_whitespace() {
        let begins = word.chars().next()?;
        let place = if begins.is_ascii_digit() {
            &mut hours
        } else {
            &mut days
        };
        if place.replace(word).is_some() {
            return None;
        }
    }
    let (from, to) = hours?.split_once('-')?;
    // `9-5` and `9-5pm` may be anything.
    let bare = |time: &str| time.parse::<u32>().ok().filter(|_| time.len() < 3);
    let is_open = match (bare(from), bare(to)) {
        (Some(from), Some(to)) => to <= from,
        (Some(_), None) => to.ends_with("pm"),
        _ => false,
    };
    if is_open {
        return None;
    }
    let hours = format!("{}-{}", clock(from)?, clock(to)?);
    let text = match days.map(self::days) {
        None => hours,
        Some(days) => match days? {
            days if days.is_empty() => hours,
            days => format!("{days} {hours}"),
        },
    };
    ActiveHours::read(&text).is_ok().then_some(text)
}

/// Dashes as they are typed, and no blanks beside them and commas.
fn plain(text: &str) -> String {
    let mut text: String = text
        .chars()
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    for mark in ["-", ","] {
        for (wide, tight) in [(format!(" {mark}"), mark), (format!("{mark} "), mark)] {
            while text.contains(&wide) {
                text = text.replace(&wide, tight);
            }
        }
    }
    text
}

/// Days by any of their names; empty if they are all.
fn days(names: &str) -> Option<String> {
    match names {
        "weekday" | "weekdays" | "workday" | "workdays" => return Some("Mon-Fri".to_owned()),
        "weekend" | "weekends" => return Some("Sat,Sun".to_owned()),
        "daily" | "*" => return Some(String::new()),
        _ => {}
    }
    let mut days = String::new();
    for (n, item) in names.split(',').enumerate() {
        if n > 0 {
            days.push(',');
        }
        match item.split_once('-') {
            Some((first, last)) => {
                days.push_str(super::hours::short(first)?);
                days.push('-');
                days.push_str(super::hours::short(last)?);
            }
            None => days.push_str(super::hours::short(item)?),
        }
    }
    Some(days)
}

/// `9`, `9:00`, `09.00`, `0900`, `9am` as `09:00`.
fn clock(time: &str) -> Option<String> {
    let (time, later) = match (time.strip_suffix("am"), time.strip_suffix("pm")) {
        (Some(time), _) => (time, Some(0)),
        (_, Some(time)) => (time, Some(12)),
        _ => (time, None),
    };
    let (hour, minute) = match time.split_once([':', '.']) {
        Some(parts) => parts,
        None if time.len() == 4 && time.is_ascii() => time.split_at(2),
        None => (time, "00"),
    };
    let number = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let hour = match later {
        Some(later) if (1..=12).contains(&hour) => hour % 12 + later,
        Some(_) => return None,
        None => hour,
    };
    (hour < 25 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

/// The error of a blackout, or the same with what to type if it can be told what was meant.
pub(super) fn blackout(text: &str, error: CalendarError) -> CalendarError {
    if let Some(meant) = span(text) {
        return error.help(format!("write `{meant}`"));
    }
    let plain = plain(text);
    let last = plain.split(' ').next_back().unwrap_or_default();
    let of_the_week = days(&plain.to_lowercase()).is_some() || ActiveHours::read(last).is_ok();
    if of_the_week && !text.is_empty() {
        return error.help("a blackout has dates: say with `active_hours` when it may run");
    }
    error
}

/// `2026/12/24 - 2026/12/27` as `2026-12-24..2026-12-27`, if that is what can be read.
fn span(text: &str) -> Option<String> {
    let parts = [
        "...",
        "\u{2026}",
        "..",
        " - ",
        " \u{2013} ",
        "\u{2013}",
        " to ",
        " until ",
    ];
    let between = parts.into_iter().find_map(|mark| text.split_once(mark));
    let text = match between {
        None => meant_day(text)?.to_string(),
        Some((first, last)) => format!("{}..{}", edge(first)?, edge(last)?),
    };
    Blackout::read(&text).is_ok().then_some(text)
}

/// A day however it is written, or a time as it is to be written.
fn edge(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(day) = meant_day(text) {
        return Some(day.to_string());
    }
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let is_local = !time.contains(['Z', 'z', '+', '-', '[']);
    is_local.then(|| at_time(meant_day(date)?, time)).flatten()
}

/// The date and the time that is meant by `31.01.2030 24:00` and its like, for advice.
pub fn meant_time(text: &str) -> Option<String> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    at_time(meant_day(date)?, time.trim())
}

/// The time as it is written behind its date, which is the next one where the time is 24:00.
fn at_time(date: Date, time: &str) -> Option<String> {
    if time == "24:00" || time == "24:00:00" {
        return Some(format!("{}T00:00", date.tomorrow().ok()?));
    }
    let text = format!("{date}T{time}");
    let is_time = text.parse::<DateTime>().is_ok() || text.parse::<Timestamp>().is_ok();
    is_time.then_some(text)
}

/// The day that is meant by `2026-12-24`, `2026/12/24` or `24.12.2026`, for advice; of `12/24/2026` and its
/// like what can be meant in one way only.
pub fn meant_day(text: &str) -> Option<Date> {
    let text = text.trim();
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    let parts: Vec<i16> = text
        .split(mark)
        .map(|part| part.parse().ok().filter(|_| part.len() <= 4))
        .collect::<Option<_>>()?;
    let small = |n: i16| i8::try_from(n).ok();
    let (year, month, day) = match (mark, &parts[..]) {
        ('-' | '/' | '.', &[year, month, day]) if year > 99 => (year, month, day),
        ('.', &[day, month, year]) => (year, month, day),
        ('/', &[month, day, year]) if day > 12 => (year, month, day),
        ('/', &[day, month, year]) if day > 12 => (year, month, day),
        _ => return None,
    };
    let (month, day) = (small(month)?, small(day)?);
    let is_date = (1970..=2199).contains(&year)
        && (1..=12).contains(&month)
        && Date::new(year, month, day).is_ok();
    is_date.then(|| date(year, month, day))
}
