//! How long something took, as people read it.

use std::time::Duration;

/// `<1ms`, `12ms`, `1.2s`, `3m12s`, `2h5m`: how long something took.
pub fn took(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0 if d < Duration::from_millis(1) => "<1ms".to_owned(),
        0 => format!("{}ms", d.as_millis()),
        1..10 => format!("{s}.{}s", d.subsec_millis() / 100),
        10..60 => format!("{s}s"),
        60..3600 => two(s / 60, "m", s % 60, "s"),
        _ => two(s / 3600, "h", s / 60 % 60, "m"),
    }
}

fn two(high: u64, high_unit: &str, low: u64, low_unit: &str) -> String {
    if low == 0 {
        format!("{high}{high_unit}")
    } else {
        format!("{high}{high_unit}{low}{low_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (micros, expected) in [
            (0, "<1ms"),
            (999, "<1ms"),
            (12_345, "12ms"),
            (999_999, "999ms"),
            (1_250_000, "1.2s"),
            (59_900_000, "59s"),
            (192_000_000, "3m12s"),
            (7_500_000_000, "2h5m"),
            (7_200_000_000, "2h"),
        ] {
            assert_eq!(took(Duration::from_micros(micros)), expected);
        }
    }
}
