//! How far a guest says it has come, in a short line. Its numbers are hostile: nothing promises that
//! they rise, or that what is done is at most the total.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use super::when;
use crate::api::status::Progress;

/// Turns round while a guest works.
const SPINNER: [char; 4] = ['|', '/', '-', '\\'];
/// How long each of them is seen.
const TURN: Duration = Duration::from_millis(100);
/// A guest that says nothing of its progress is shown as running after this.
const SILENCE: Duration = Duration::from_secs(1);
/// The rate is not shown before this, as it says little.
const EARLY: Duration = Duration::from_secs(1);
/// Where there are no lines that change, progress has a line of its own once in this time at most.
const LEAST: Duration = Duration::from_secs(1);
/// In a long run it has them in this part of the time the run has taken.
const PART: u32 = 20;

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

/// Looks at the progress of one attempt.
#[derive(Debug)]
pub struct Meter {
    name: String,
    began: Instant,
    now: Option<Progress>,
    /// From where the rate is counted.
    first: Option<(u64, Instant)>,
    /// What was last told in a line of its own, and when.
    told: Option<(Progress, Instant)>,
}

impl Meter {
    /// For an attempt that begins.
    pub fn new(name: impl Into<String>, began: Instant) -> Self {
        Self {
            name: name.into(),
            began,
            now: None,
            first: None,
            told: None,
        }
    }

    /// The guest says how far it has come.
    pub fn update(&mut self, progress: Progress, now: Instant) {
        match self.first {
            Some((done, _)) if done <= progress.done => {}
            // A guest that begins anew is counted anew.
            _ => self.first = Some((progress.done, now)),
        }
        self.now = Some(progress);
    }

    /// A line that changes, in about `room` columns; none while there is nothing to say.
    ///
    /// `hello [=====>    ]  50%  6/12  3.1/s  2s  parsing`
    pub fn line(&self, now: Instant, room: usize) -> Option<String> {
        let elapsed = now.saturating_duration_since(self.began);
        let mut line = self.name.clone();
        match &self.now {
            None if elapsed < SILENCE => return None,
            None => {
                let _ = write!(line, " {}", turn(elapsed));
            }
            Some(Progress { done, total, .. }) => match total {
                Some(total) if *total > 0 => {
                    let percent = (u128::from(*done) * 100 / u128::from(*total)).min(100);
                    let _ = match room {
                        60.. => write!(line, " [{}]", drawn(*done, *total, 24)),
                        40.. => write!(line, " [{}]", drawn(*done, *total, 12)),
                        _ => Ok(()),
                    };
                    let _ = write!(line, " {percent:3}%  {done}/{total}");
                }
                _ => {
                    let _ = write!(line, " {} {done}", turn(elapsed));
                }
            },
        }
        if let Some(rate) = self.rate(now) {
            let _ = write!(line, "  {rate}");
        }
        if elapsed >= SILENCE {
            let _ = write!(line, "  {}", when::took(elapsed));
        }
        let message = self.now.as_ref().and_then(|it| it.message.as_deref());
        if let Some(message) = message.filter(|message| !message.is_empty()) {
            let _ = write!(line, "  {message}");
        }
        Some(line)
    }

    /// A line of its own, where lines do not change: not too often. The last one is told too.
    pub fn tell(&mut self, now: Instant, last: bool) -> Option<String> {
        let progress = self.now.clone()?;
        if let Some((told, at)) = &self.told {
            let taken = now.saturating_duration_since(self.began);
            let pause = LEAST.max(taken / PART);
            let early = now.saturating_duration_since(*at) < pause;
            if *told == progress || (early && !last) {
                return None;
            }
        }
        let text = text(&progress);
        self.told = Some((progress, now));
        Some(text)
    }

    /// `37/s`
    fn rate(&self, now: Instant) -> Option<String> {
        let (first, at) = self.first?;
        let (done, elapsed) = (
            self.now.as_ref()?.done - first,
            now.saturating_duration_since(at),
        );
        if done == 0 || elapsed < EARLY {
            return None;
        }
        let tenths = u128::from(done) * 10_000 / elapsed.as_millis().max(1);
        Some(match tenths {
            0..100 => format!("{}.{}/s", tenths / 10, tenths % 10),
            _ => format!("{}/s", tenths / 10),
        })
    }
}

fn turn(elapsed: Duration) -> char {
    let turns = elapsed.as_millis() / TURN.as_millis();
    SPINNER[usize::try_from(turns % 4).unwrap_or_default()]
}

/// `=====>    `
fn drawn(done: u64, total: u64, width: usize) -> String {
    let part = u128::from(done.min(total)) * (width as u128) / u128::from(total);
    let full = usize::try_from(part).unwrap_or(width).min(width);
    if full == width {
        return "=".repeat(width);
    }
    let begun = if full == 0 { "" } else { ">" };
    let bar = format!("{}{begun}", "=".repeat(full.saturating_sub(1)));
    format!("{bar:width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64, total: Option<u64>, message: Option<&str>) -> Progress {
        Progress {
            done,
            total,
            message: message.map(str::to_owned),
        }
    }

    #[test]
    fn progress_is_a_short_line() {
        let text = |done, total, message| text(&progress(done, total, message));
        assert_eq!(text(3, Some(12), Some("parsing")), "3/12 (25%) parsing");
        assert_eq!(text(3, None, None), "3");
        assert_eq!(text(0, Some(0), None), "0");
        assert_eq!(
            text(u64::MAX, Some(1), None),
            format!("{0}/1 ({0}00%)", u64::MAX)
        );
    }

    #[test]
    fn a_line_that_changes() {
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let mut meter = Meter::new("fetch", began);
        assert_eq!(meter.line(after(900), 80), None);
        assert_eq!(meter.line(after(1200), 80).unwrap(), "fetch |  1.2s");
        meter.update(progress(0, Some(12), None), after(1200));
        assert_eq!(
            meter.line(after(1200), 80).unwrap(),
            "fetch [                        ]   0%  0/12  1.2s"
        );
        meter.update(progress(6, Some(12), Some("parsing")), after(2000));
        assert_eq!(
            meter.line(after(3200), 80).unwrap(),
            "fetch [===========>            ]  50%  6/12  3.0/s  3.2s  parsing"
        );
        assert_eq!(
            meter.line(after(3200), 50).unwrap(),
            "fetch [=====>      ]  50%  6/12  3.0/s  3.2s  parsing"
        );
        assert_eq!(
            meter.line(after(3200), 30).unwrap(),
            "fetch  50%  6/12  3.0/s  3.2s  parsing"
        );
        meter.update(progress(600, None, None), after(3000));
        assert_eq!(
            meter.line(after(3200), 80).unwrap(),
            "fetch | 600  300/s  3.2s"
        );
    }

    #[test]
    fn absurd_numbers_are_shown_and_do_no_harm() {
        let began = Instant::now();
        let mut meter = Meter::new("a", began);
        for (done, total) in [
            (u64::MAX, Some(u64::MAX)),
            (u64::MAX, Some(1)),
            (0, Some(u64::MAX)),
            (u64::MAX, Some(0)),
            (u64::MAX, None),
            (1, Some(u64::MAX)),
        ] {
            meter.update(progress(done, total, Some("\u{1b}[2J")), began);
            for seconds in [0, 1, u64::from(u32::MAX)] {
                let now = began + Duration::from_secs(seconds);
                assert!(meter.line(now, 80).unwrap().contains(&done.to_string()));
            }
        }
        assert_eq!(drawn(u64::MAX, 1, 4), "====");
        assert_eq!(drawn(0, u64::MAX, 4), "    ");
        assert_eq!(drawn(u64::MAX - 1, u64::MAX, 4), "==> ");
    }

    #[test]
    fn lines_of_their_own_become_fewer_in_a_long_run() {
        let began = Instant::now();
        let mut meter = Meter::new("a", began);
        let mut told = 0;
        for second in 0..3600 {
            let now = began + Duration::from_secs(second);
            meter.update(progress(second, None, None), now);
            told += usize::from(meter.tell(now, false).is_some());
        }
        assert!((50..200).contains(&told), "{told}");
        let end = began + Duration::from_secs(3599);
        assert_eq!(meter.tell(end, true).as_deref(), Some("3599"));
        assert_eq!(meter.tell(end, true), None);
    }
}
