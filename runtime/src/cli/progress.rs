//! How far a guest says it has come, in a short line.

use crate::sandbox::Progress;

/// `3/12 (25%) parsing`
pub fn text(progress: &Progress) -> String {
    let Progress {
        done,
        total,
        message,
    } = progress;
    let mut text = match total {
        Some(total) if *total > 0 => {
            let percent = u128::from(*done) * 100 / u128::from(*total);
            format!("{done}/{total} ({percent}%)")
        }
        _ => done.to_string(),
    };
    if let Some(message) = message {
        text.push(' ');
        text.push_str(message);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_a_short_line() {
        let progress = |done, total, message: Option<&str>| {
            text(&Progress {
                done,
                total,
                message: message.map(str::to_owned),
            })
        };
        assert_eq!(progress(3, Some(12), Some("parsing")), "3/12 (25%) parsing");
        assert_eq!(progress(3, None, None), "3");
        assert_eq!(progress(0, Some(0), None), "0");
        assert_eq!(
            progress(u64::MAX, Some(1), None),
            format!("{0}/1 ({0}00%)", u64::MAX)
        );
    }
}
