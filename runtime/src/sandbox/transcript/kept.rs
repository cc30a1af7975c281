//! What is kept of a log: its head and its tail, and how much is missing between them.
//!
//! Every line has a number, from 0. So whoever looks on while a guest runs needs to remember one
//! number only, and sees from the numbers what he missed: however slow he is, he costs no memory.

use std::collections::VecDeque;

use cronlet_core::report::{Level, LogLine};
use jiff::Timestamp;

/// The budget of the first lines, in bytes.
pub(super) const HEAD: usize = 64 << 10;
/// The budget of the last lines.
pub(super) const TAIL: usize = 192 << 10;
/// What a line costs beside its text, so that empty lines are not free.
const LINE_COST: usize = 64;
/// What is handed out in one look, in bytes; one line at least.
const LOOK: usize = 64 << 10;

/// The log of one attempt.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct Kept {
    head: Vec<LogLine>,
    head_bytes: usize,
    tail: VecDeque<LogLine>,
    tail_bytes: usize,
    lines: u64,
    dropped: Dropped,
    /// Nothing comes any more.
    over: bool,
    /// Somebody looks on, so it stays here when it is over.
    watched: bool,
}

/// A log that is over.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Finished {
    pub(crate) log: Vec<LogLine>,
    /// All of them, the dropped ones too.
    pub(crate) lines: u64,
    pub(crate) dropped: u64,
}

/// What was said since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Lines before `lines` that are lost: there were too many, or the look came too late.
    pub missed: u64,
    pub lines: Vec<LogLine>,
    /// Whether the guest has said its last word, and this is it.
    pub over: bool,
}

#[derive(Clone, Default)]
struct Dropped {
    lines: u64,
    bytes: u64,
    last: Timestamp,
}

impl News {
    /// The lines, and before them one that says how many are missing.
    pub fn into_lines(self) -> Vec<LogLine> {
        let Self { missed, lines, .. } = self;
        if missed == 0 {
            return lines;
        }
        let at = lines.first().map_or_else(Timestamp::now, |line| line.at);
        let mut told = vec![LogLine {
            at,
            level: Level::Host,
            message: format!("{missed} lines were dropped here"),
            fields: vec![("lines".to_owned(), missed.to_string())],
        }];
        told.extend(lines);
        told
    }
}

impl Kept {
    /// Adds a line. Whether somebody looks on.
    pub(in crate::sandbox) fn push(&mut self, line: LogLine) -> bool {
        self.lines += 1;
        let cost = cost(&line);
        // Once a line went to the tail the head is closed, or the order would be lost.
        if self.tail.is_empty() && self.dropped.lines == 0 && self.head_bytes + cost <= HEAD {
            self.head_bytes += cost;
            self.head.push(line);
            return self.watched;
        }
        self.tail_bytes += cost;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL {
            let Some(line) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= self::cost(&line);
            self.dropped.lines += 1;
            self.dropped.bytes += text_bytes(&line) as u64;
            self.dropped.last = line.at;
        }
        self.watched
    }

    /// Takes all of it. It is copied only if somebody looks on.
    pub(in crate::sandbox) fn finish(&mut self) -> Finished {
        self.over = true;
        if self.watched {
            return self.clone().finished();
        }
        let nothing = Self {
            over: true,
            ..Self::default()
        };
        std::mem::replace(self, nothing).finished()
    }

    /// As it would be if nothing came any more.
    pub(in crate::sandbox) fn finished(self) -> Finished {
        let mut log = self.head;
        if self.dropped.lines > 0 {
            log.push(self.dropped.notice());
        }
        log.extend(self.tail);
        Finished {
            log,
            lines: self.lines,
            dropped: self.dropped.lines,
        }
    }

    /// Somebody begins to look on. False if it is over: then there is nothing here any more.
    pub(in crate::sandbox) fn watch(&mut self) -> bool {
        self.watched |= !self.over;
        !self.over || self.watched
    }

    /// Whether [`Self::since`] has something to say.
    pub(in crate::sandbox) fn has_news(&self, next: u64) -> bool {
        self.over || self.lines > next
    }

    /// What was said from line `next` on, and the number to go on from.
    pub(in crate::sandbox) fn since(&self, next: u64) -> (News, u64) {
        let head = self.head.len() as u64;
        let tail = head + self.dropped.lines;
        let (first, kept): (u64, &mut dyn Iterator<Item = &LogLine>) = if next < head {
            (next, &mut self.head.iter().skip(index(next)))
        } else {
            let first = next.max(tail);
            (first, &mut self.tail.iter().skip(index(first - tail)))
        };
        let mut room = LOOK;
        let lines: Vec<LogLine> = kept
            .take_while(|line| {
                let had_room = room > 0;
                room = room.saturating_sub(cost(line));
                had_room
            })
            .cloned()
            .collect();
        let after = first + lines.len() as u64;
        let news = News {
            missed: first - next,
            lines,
            over: self.over && after >= self.lines,
        };
        (news, after)
    }
}

/// A number of kept lines, of which there are few.
fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl Dropped {
    fn notice(&self) -> LogLine {
        let Self { lines, bytes, last } = self;
        LogLine {
            at: *last,
            level: Level::Host,
            message: format!("{lines} lines with {bytes} bytes were dropped here"),
            fields: vec![
                ("lines".to_owned(), lines.to_string()),
                ("bytes".to_owned(), bytes.to_string()),
            ],
        }
    }
}

pub(super) fn cost(line: &LogLine) -> usize {
    LINE_COST * (1 + line.fields.len()) + text_bytes(line)
}

fn text_bytes(line: &LogLine) -> usize {
    let fields = line.fields.iter();
    line.message.len()
        + fields
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: impl Into<String>) -> LogLine {
        LogLine {
            at: Timestamp::UNIX_EPOCH,
            level: Level::Info,
            message: text.into(),
            fields: Vec::new(),
        }
    }

    /// Everything from `next` on, look by look, as messages; what is missed is a number.
    fn read(kept: &Kept, mut next: u64) -> (Vec<String>, u64) {
        let mut read = Vec::new();
        loop {
            let (news, after) = kept.since(next);
            if news.missed > 0 {
                read.push(format!("-{}", news.missed));
            }
            read.extend(news.lines.iter().map(|line| line.message.clone()));
            if after == next {
                return (read, after);
            }
            next = after;
        }
    }

    #[test]
    fn who_keeps_up_misses_nothing() {
        let mut kept = Kept::default();
        let (mut read, mut next) = (Vec::new(), 0);
        assert!(kept.watch());
        for n in 0..20_000 {
            kept.push(line(n.to_string()));
            let (news, after) = kept.since(next);
            assert_eq!(news.missed, 0);
            read.extend(news.lines);
            next = after;
        }
        assert_eq!(read.len(), 20_000);
        assert!(kept.finish().dropped > 0);
        assert!(kept.since(next).0.over);
    }

    #[test]
    fn who_comes_late_sees_the_head_what_is_missing_and_the_tail() {
        let mut kept = Kept::default();
        for n in 0..20_000 {
            kept.push(line(n.to_string()));
        }
        assert!(kept.watch());
        let (read, next) = read(&kept, 0);
        let finished = kept.finish();
        let missed = format!("-{}", finished.dropped);
        let at = read.iter().position(|text| *text == missed).unwrap();
        assert_eq!(read.len(), finished.log.len());
        assert_eq!((read[0].as_str(), at > 100), ("0", true));
        assert_eq!(read[at - 1], (at - 1).to_string());
        assert_eq!(read[at + 1], (at as u64 + finished.dropped).to_string());
        assert_eq!((read.last().unwrap().as_str(), next), ("19999", 20_000));
    }

    #[test]
    fn what_is_missing_is_a_line_of_its_own() {
        let news = News {
            missed: 7,
            lines: vec![line("next")],
            over: false,
        };
        let lines = news.into_lines();
        assert_eq!((lines.len(), lines[0].level), (2, Level::Host));
        assert_eq!(lines[0].message, "7 lines were dropped here");
        assert!(News::default().into_lines().is_empty());
    }

    #[test]
    fn one_look_is_bounded_and_makes_progress() {
        let mut kept = Kept::default();
        for _ in 0..10 {
            kept.push(line("x".repeat(20 << 10)));
        }
        let (news, after) = kept.since(0);
        assert_eq!((news.lines.len(), after, news.over), (3, 3, false));
        kept.push(line("y".repeat(150 << 10)));
        let (_, after) = kept.since(u64::MAX);
        assert_eq!(after, u64::MAX);
    }

    #[test]
    fn what_is_over_is_kept_for_who_looks_on_and_for_nobody_else() {
        let mut alone = Kept::default();
        alone.push(line("a"));
        assert_eq!(alone.finish().lines, 1);
        assert!(!alone.watch());
        let mut watched = Kept::default();
        assert!(watched.watch());
        watched.push(line("a"));
        assert_eq!(watched.finish().lines, 1);
        assert!(watched.watch());
        let (news, _) = watched.since(0);
        assert_eq!((news.lines.len(), news.over), (1, true));
    }
}
