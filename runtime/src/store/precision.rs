//! What a store keeps of a number: times and durations to the microsecond, counts to 2⁶³ − 1.
//!
//! A whole number of microseconds orders and indexes well, and covers every [`Timestamp`].
//! What is finer is cut off, in causes too, so that a time means the same wherever it is
//! read. A trigger must therefore not name instants closer together than a microsecond.

use std::time::Duration;

use cronlet_core::run::Cause;
use jiff::{SignedDuration, Timestamp};

/// The time in microseconds since 1970, the rest cut off.
pub fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The reverse of [`micros`]; none if the number is no time.
pub fn time(micros: i64) -> Option<Timestamp> {
    // `from_microsecond` refuses the last second of the range.
    let nanos = i32::try_from(micros % 1_000_000).ok()? * 1_000;
    Timestamp::new(micros / 1_000_000, nanos).ok()
}

/// The duration in microseconds, the rest cut off.
pub fn duration_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The duration in microseconds, the rest cut off.
pub fn signed_micros(duration: SignedDuration) -> i64 {
    let nearest = if duration.is_negative() {
        i64::MIN
    } else {
        i64::MAX
    };
    i64::try_from(duration.as_micros()).unwrap_or(nearest)
}

/// The reverse of [`duration_micros`].
pub fn duration(micros: i64) -> Duration {
    Duration::from_micros(count(micros))
}

/// What a column can hold of a count.
pub fn column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The reverse of [`column()`].
pub fn count(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// The time as it will be read again.
pub fn cut(at: Timestamp) -> Timestamp {
    time(micros(at)).unwrap_or(at)
}

/// The cause as it will be read again.
pub fn cut_cause(cause: Cause) -> Cause {
    match cause {
        Cause::Time(t) => Cause::Time(cut(t)),
        Cause::Backfill(id, t) => Cause::Backfill(id, cut(t)),
        Cause::Manual(_) | Cause::After(_) => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_can_be_kept() {
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let kept = time(micros(at)).unwrap();
            assert_eq!(kept.as_microsecond(), at.as_microsecond());
            assert_eq!(cut(kept), kept);
        }
        assert_eq!(time(i64::MAX), None);
        let fine = Timestamp::new(7, 123_456_789).unwrap();
        assert_eq!(cut(fine), Timestamp::new(7, 123_456_000).unwrap());
        assert_eq!(cut_cause(Cause::Time(fine)), Cause::Time(cut(fine)));
    }

    #[test]
    fn order_is_kept() {
        let mut last = cut(Timestamp::MIN);
        for nanos in (-5_000..5_000).step_by(77) {
            let next = cut(Timestamp::from_nanosecond(nanos).unwrap());
            assert!(last <= next, "{last} {next}");
            last = next;
        }
    }

    #[test]
    fn what_is_too_large_is_the_largest() {
        assert_eq!(count(column(u64::MAX)), i64::MAX.cast_unsigned());
        assert_eq!(count(column(5)), 5);
        assert_eq!(
            duration(duration_micros(Duration::MAX)).as_micros(),
            i64::MAX as u128
        );
        let far = [SignedDuration::MIN, SignedDuration::MAX];
        assert_eq!(far.map(signed_micros), [i64::MIN, i64::MAX]);
        assert_eq!(signed_micros(SignedDuration::from_nanos(-1_999)), -1);
        let fine = Duration::from_nanos(1_999);
        assert_eq!(duration(duration_micros(fine)), Duration::from_micros(1));
    }
}
