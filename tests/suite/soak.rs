//! A daemon that has much to do for a while stays as it was: its memory, descriptors, threads and
//! mappings do not grow.
//!
//! Each second a job runs and the schedules file is saved; now and then the save has a mistake, a
//! guest traps, and a component is replaced. A minute of it belongs to the tests. `CRONLET_SOAK` says
//! how long it is to take, and `--nocapture` shows what was measured:
//!
//! ```sh
//! CRONLET_SOAK=1h cargo test -p tests --test suite soak:: -- --nocapture
//! ```

#![expect(
    clippy::print_stderr,
    reason = "an hour without a word would look like a hang"
)]

use std::{
    env, fs,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use cronlet::store::history::Entry;
use cronlet_core::{run::RunStatus, units};
use jiff::Timestamp;

use crate::{daemon::Daemon, project::Project};

/// How long it takes if nobody says.
const MINUTE: Duration = Duration::from_mins(1);

/// Between two saves, and between two looks.
const BEAT: Duration = Duration::from_secs(1);

/// How often, in beats, a save has a mistake, and how often a component is replaced.
const MISTAKE_EVERY: u64 = 10;
const COMPONENT_EVERY: u64 = 15;

/// A line of the table is made of so many looks, at least.
const LOOKS_A_LINE: usize = 10;
const LINES: usize = 30;

/// What may be more in the last third than in the first, median against median.
///
/// Some of it is warmth, which ends: pages of the growing database in SQLite's cache (about 20 MiB in all),
/// and the places of the pool, each of which keeps three mappings for the component that was last in
/// it. [`schedules`] asks for a small pool, so that all of it is soon warm. What leaks a page each
/// second is over the bound within an hour.
const GROWTH: Sample = Sample {
    memory_kib: 6 << 10,
    descriptors: 2,
    threads: 2,
    mappings: 48,
};

/// What a process has of what can leak.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    memory_kib: u64,
    descriptors: u64,
    threads: u64,
    mappings: u64,
}

impl Sample {
    fn take(process: u32) -> Result<Self> {
        let folder = format!("/proc/{process}");
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(number.with_context(|| format!("no {name}"))?.parse()?)
        };
        let maps = fs::read_to_string(format!("{folder}/maps"))?;
        Ok(Self {
            memory_kib: field("VmRSS:")?,
            descriptors: fs::read_dir(format!("{folder}/fd"))?.count() as u64,
            threads: field("Threads:")?,
            mappings: maps.lines().count() as u64,
        })
    }

    /// Each with its name.
    fn fields(&self) -> [(&'static str, u64); 4] {
        [
            ("KiB of memory", self.memory_kib),
            ("descriptors", self.descriptors),
            ("threads", self.threads),
            ("mappings", self.mappings),
        ]
    }

    /// The middle of each: what is open for a moment does not count.
    fn median(samples: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> u64| {
            let mut all: Vec<_> = samples.iter().map(of).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        Self {
            memory_kib: middle(|sample| sample.memory_kib),
            descriptors: middle(|sample| sample.descriptors),
            threads: middle(|sample| sample.threads),
            mappings: middle(|sample| sample.mappings),
        }
    }
}

/// The `beat`-th text of the schedules file: `beat` is never touched, `turn` is another each time.
fn schedules(beat: u64) -> String {
    let key = if beat % MISTAKE_EVERY == MISTAKE_EVERY - 1 {
        "evry"
    } else {
        "every"
    };
    format!(
        "[runtime]\nmax_concurrent_runs = 4\n\
         [jobs.beat]\nplugin = \"noop\"\nevery = \"1s\"\n\
         [jobs.trap]\nplugin = \"trap\"\nevery = \"7s\"\n\
         [jobs.turn]\nplugin = \"turn\"\n{key} = \"3s\"\nparams = {{ n = {beat} }}\n"
    )
}

/// In place, or by another file that takes its place.
fn save(project: &Project, name: &str, content: &[u8], rename: bool) -> Result<()> {
    let to = project.path(name);
    if !rename {
        return Ok(fs::write(to, content)?);
    }
    fs::write(project.path(".new"), content)?;
    Ok(fs::rename(project.path(".new"), to)?)
}

/// One beat: the saves that belong to it.
fn disturb(project: &Project, turns: &[Vec<u8>; 2], beat: u64) -> Result<()> {
    let odd = beat % 2 == 1;
    save(project, "schedules.toml", schedules(beat).as_bytes(), odd)?;
    if beat % COMPONENT_EVERY == COMPONENT_EVERY - 1 {
        let turn = &turns[usize::from((beat / COMPONENT_EVERY).is_multiple_of(2))];
        save(project, "plugins/turn.wasm", turn, true)?;
    }
    Ok(())
}

fn length() -> Result<Duration> {
    match env::var("CRONLET_SOAK") {
        Ok(text) => units::parse_duration(&text)
            .map_err(|error| anyhow::anyhow!("CRONLET_SOAK={text}: {error:?}")),
        Err(_) => Ok(MINUTE),
    }
}

/// A line for each stretch of time.
fn table(samples: &[Sample]) {
    eprintln!("  after    memory  descriptors  threads  mappings");
    let stretch = (samples.len() / LINES).max(LOOKS_A_LINE);
    for (n, looks) in samples.chunks(stretch).enumerate() {
        let Sample {
            memory_kib,
            descriptors,
            threads,
            mappings,
        } = Sample::median(looks);
        let seconds = n * stretch;
        eprintln!(
            "{seconds:>6} s {memory_kib:>6} KiB {descriptors:>12} {threads:>8} {mappings:>9}"
        );
    }
}

/// Nothing is more than it was.
fn is_flat(samples: &[Sample]) -> Result<()> {
    let third = samples.len() / 3;
    let first = Sample::median(&samples[..third]).fields();
    let last = Sample::median(&samples[samples.len() - third..]).fields();
    for (((what, before), (_, after)), (_, growth)) in
        first.into_iter().zip(last).zip(GROWTH.fields())
    {
        ensure!(
            after <= before + growth,
            "{before} {what} became {after}, and {growth} more would be too many"
        );
    }
    Ok(())
}

/// The job that no save touches has run at every second from its first to its last.
fn nothing_is_missing(entries: &[Entry]) -> Result<usize> {
    let mut accounted: Vec<(Timestamp, Timestamp)> = Vec::new();
    let (mut ran, mut skipped) = (0, 0);
    for entry in entries {
        match entry {
            Entry::Run(run) if run.job.as_str() == "beat" => {
                accounted.push((run.nominal, run.nominal));
                ran += usize::from(run.status == RunStatus::Succeeded);
            }
            Entry::Skips(skips) if skips.job.as_str() == "beat" => {
                accounted.push((skips.first, skips.last));
                skipped += 1;
            }
            _ => {}
        }
    }
    accounted.sort_unstable();
    for pair in accounted.windows(2) {
        let gap = pair[1].0.duration_since(pair[0].1);
        ensure!(gap.as_secs() == 1, "{gap:#} between {pair:?}");
    }
    ensure!(ran > skipped, "{ran} runs, and {skipped} skips");
    Ok(ran)
}

#[test]
fn what_is_busy_stays_as_it_was() -> Result<()> {
    let length = length()?;
    let turns = [fs::read(tests::NOOP)?, fs::read(tests::HELLO)?];
    let plugins = [
        ("noop", tests::NOOP),
        ("trap", tests::TRAP),
        ("turn", tests::NOOP),
    ];
    let project = Project::new(&schedules(0), &plugins)?;
    let daemon = Daemon::start(&project)?;
    let mut samples = Vec::new();
    let begin = Instant::now();
    let mut next = begin;
    for beat in 1.. {
        next += BEAT;
        if next > begin + length {
            break;
        }
        // Not to wait for something: this is the pace of the saves.
        sleep(next.saturating_duration_since(Instant::now()));
        disturb(&project, &turns, beat)?;
        samples.push(Sample::take(daemon.pid())?);
        if beat % 60 == 0 {
            let (minutes, last) = (beat / 60, samples.last());
            eprintln!("{minutes} min: {:?}", last.copied().unwrap_or_default());
        }
    }
    table(&samples);
    let sound = schedules(0);
    save(&project, "schedules.toml", sound.as_bytes(), true)?;
    daemon.until("the last save is live", |status| {
        status.config.state == "live"
    })?;
    assert_eq!(daemon.stop()?, 0);
    let runs = nothing_is_missing(&project.entries()?)?;
    eprintln!("{runs} runs of `beat`, none missing");
    is_flat(&samples)
}
