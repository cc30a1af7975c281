//! When this binary was built, for all that it knows.

use jiff::Timestamp;

/// The year that this source is of: 2026-01-01T00:00:00Z. A release raises it.
const SOURCE: i64 = 1_767_225_600;

/// A time that has passed when this binary was built: a clock that shows an earlier one is wrong.
///
/// Where the build has `SOURCE_DATE_EPOCH`, the seconds that reproducible builds give their files, it is
/// that; never the time of the build itself, so the same source gives the same binary.
pub fn date() -> Timestamp {
    let told = option_env!("SOURCE_DATE_EPOCH").and_then(|seconds| seconds.parse().ok());
    date_of(told)
}

/// Some builds are told a time long before the source: that would be no reason to believe such a clock.
fn date_of(told: Option<i64>) -> Timestamp {
    let seconds = told.unwrap_or(SOURCE).max(SOURCE);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_passed() {
        assert!(date() <= Timestamp::now());
        assert_eq!(date_of(None).to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn the_build_may_say_when_it_is_of() {
        let later = SOURCE + 86_400;
        assert_eq!(date_of(Some(later)).to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(date_of(Some(315_532_800)), date_of(None));
    }
}
