//! No text makes the reading of a cron expression panic; what is wrong with one is pointed at; and the
//! instants of a good one go on, strictly, in every zone.

use cronlet_core::schedule::{Cron, Trigger, Zone};
use jiff::Timestamp;

/// Zones whose clocks do something odd: half an hour, midnight, a whole day.
const ZONES: [&str; 4] = [
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Pacific/Apia",
];

/// Seconds from which on instants are looked for: 1970, around odd days of these zones, and 2198.
const FROM: [i64; 5] = [
    0,
    1_325_200_000,
    1_774_700_000,
    1_792_800_000,
    7_200_000_000,
];

/// Reads `bytes` as an expression.
pub(crate) fn endure(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let cron = match Cron::parse_for(&text, "job") {
        Ok(cron) => cron,
        Err(error) => {
            assert!(
                text.get(error.span.clone()).is_some(),
                "{error:?} in {text:?}"
            );
            assert!(!error.message.is_empty());
            return;
        }
    };
    let again = Cron::parse_for(cron.as_str(), "job");
    assert_eq!(again.as_ref(), Ok(&cron), "{text:?}");
    goes_on(cron.clone());
    // The same for each text, so that a failure can be repeated.
    let zone = ZONES[bytes.len() % ZONES.len()];
    if let Ok(zone) = Zone::named(zone) {
        goes_on(cron.in_zone(zone));
    }
}

fn goes_on(cron: Cron) {
    let trigger = Trigger::Cron(cron);
    for second in FROM {
        let Ok(mut last) = Timestamp::from_second(second) else {
            continue;
        };
        for _ in 0..4 {
            let Some(next) = trigger.next_after(last) else {
                break;
            };
            assert!(next > last, "{next} follows {last} in {trigger:?}");
            last = next;
        }
    }
}
