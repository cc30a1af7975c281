//! A real file that is saved, with components that are only bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::{Condvar, Mutex},
};

use cronlet_core::{
    catalog::{Loaded, Need, Unusable},
    digest::Digest,
    engine::Answer,
};

use super::*;
use crate::{
    config::{self, Environment},
    engine::{Status, bench::Bench, status::ConfigState},
};

const A: &str = "[jobs.a]\nplugin = \"a\"\n";
const AB: &str = "[jobs.a]\nplugin = \"a\"\n[jobs.b]\nplugin = \"b\"\n";

/// A component is whatever a file has in it, unless that begins with `bad`.
#[derive(Default)]
struct Bytes {
    /// What is kept.
    retained: Mutex<BTreeSet<Digest>>,
    /// The component that each plugin had.
    last_good: Mutex<BTreeMap<String, Digest>>,
    /// Whether a load waits, and how many do.
    held: Mutex<(bool, u32)>,
    changed: Condvar,
    /// How often each was loaded.
    loads: Mutex<BTreeMap<PathBuf, u32>>,
}

impl Bytes {
    fn hold(&self, hold: bool) {
        self.held.lock().unwrap().0 = hold;
        self.changed.notify_all();
    }

    fn wait_for_a_held_load(&self) {
        let mut held = self.held.lock().unwrap();
        while held.1 == 0 {
            held = self.changed.wait(held).unwrap();
        }
    }
}

impl Components for Bytes {
    fn load(&self, path: &Path) -> Result<Loaded, Unusable> {
        let mut loads = self.loads.lock().unwrap();
        *loads.entry(path.to_owned()).or_default() += 1;
        drop(loads);
        let mut held = self.held.lock().unwrap();
        held.1 += 1;
        self.changed.notify_all();
        while held.0 {
            held = self.changed.wait(held).unwrap();
        }
        held.1 -= 1;
        let unusable = |code, message: &str| Unusable {
            code,
            message: message.to_owned(),
            help: None,
        };
        let bytes = fs::read(path).map_err(|_| unusable("missing", "it is not there"))?;
        assert!(!bytes.starts_with(b"panic"), "as the test wants");
        if bytes.starts_with(b"bad") {
            return Err(unusable("invalid", "it is bad"));
        }
        Ok(Loaded {
            digest: Digest::of(&bytes),
            world: "job".to_owned(),
        })
    }

    fn last_good(&self, need: &Need) -> Option<Loaded> {
        let last_good = self.last_good.lock().unwrap();
        let digest = *last_good.get(&need.plugin)?;
        let will_do = need.sha256.is_none_or(|it| it == digest);
        will_do.then(|| Loaded {
            digest,
            world: "job".to_owned(),
        })
    }

    fn retain(&self, plugins: &BTreeMap<String, Digest>, needed: &BTreeSet<Digest>) {
        self.last_good.lock().unwrap().clone_from(plugins);
        self.retained.lock().unwrap().clone_from(needed);
    }
}

struct Follower {
    dir: tempfile::TempDir,
    components: Arc<Bytes>,
    bench: Bench,
}

/// An engine that follows a file of `text`, with the plugins `a` and `b`.
fn follower(text: &str, prepare: impl Fn(&Path)) -> Follower {
    follower_after(text, |dir, _| prepare(dir))
}

/// The same, with what is kept of components too.
fn follower_after(text: &str, prepare: impl Fn(&Path, &Bytes)) -> Follower {
    follower_of(text, prepare, |_| {})
}

/// The same, with another watch.
fn follower_of(
    text: &str,
    prepare: impl Fn(&Path, &Bytes),
    watch: impl Fn(&mut Saves),
) -> Follower {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("schedules.toml");
    fs::create_dir(dir.path().join("plugins")).unwrap();
    for name in ["a", "b"] {
        fs::write(dir.path().join(format!("plugins/{name}.wasm")), name).unwrap();
    }
    fs::write(&file, text).unwrap();
    let components = Arc::new(Bytes::default());
    prepare(dir.path(), &components);
    let schedules = Schedules {
        file: file.clone(),
        environment: Environment::new(),
        components: components.clone(),
    };
    let text = config::read(&file).unwrap();
    let draft = config::parse(&file.to_string_lossy(), &text, &schedules.environment).unwrap();
    let first = schedules.first(draft);
    let mut saves = Saves::of(&file).unwrap();
    watch(&mut saves);
    let bench = Bench::with(&first.plan, saves.requests());
    follow(
        schedules,
        first,
        saves,
        bench.engine.clone(),
        bench.clock.clone(),
    )
    .unwrap();
    Follower {
        dir,
        components,
        bench,
    }
}

impl Follower {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn save(&self, text: &str) {
        self.write("schedules.toml", text);
    }

    /// Waits until `text` is the plan.
    fn live(&self, text: &str) -> Status {
        let digest = Digest::of(text.as_bytes());
        self.bench.until(|status| {
            status.config.digest == digest && matches!(status.config.state, ConfigState::Live)
        })
    }

    /// Waits until a text is refused, and says what for.
    fn refused(&self) -> (Status, String) {
        let refused = |status: &Status| match &status.config.state {
            ConfigState::Refused(refusal) => Some(refusal.problems.to_string()),
            _ => None,
        };
        let status = self.bench.until(|status| refused(status).is_some());
        let problems = refused(&status).unwrap();
        (status, problems)
    }
}

fn anything(_: &Path) {}

#[test]
fn a_file_that_nobody_follows_any_more_is_told() {
    let follower = follower(A, |_| {});
    follower.write("plugins/a.wasm", "panic");
    let lost = |status: &Status| {
        let mut reasons = status.degraded.iter();
        reasons.any(|reason| reason.contains("not followed any more"))
    };
    let status = follower.bench.until(lost);
    assert!(matches!(status.config.state, ConfigState::Live));
}

#[test]
fn a_watch_that_is_lost_is_told_too() {
    let follower = follower_of(
        A,
        |_, _| {},
        |saves| {
            saves.arrived = mpsc::channel().1;
        },
    );
    let lost = |status: &Status| {
        let mut reasons = status.degraded.iter();
        reasons.any(|reason| reason.contains("not followed any more"))
    };
    follower.bench.until(lost);
    let engine = &follower.bench.engine;
    assert!(follower.bench.wait(engine.reload_and_wait()).is_none());
}

#[test]
fn a_save_becomes_the_plan() {
    let follower = follower(A, anything);
    assert_eq!(follower.live(A).jobs, 1);
    follower.save(AB);
    assert_eq!(follower.live(AB).jobs, 2);
    follower.save(A);
    assert_eq!(follower.live(A).jobs, 1);
}

#[test]
fn a_broken_save_changes_nothing_and_the_next_good_one_heals() {
    let follower = follower(A, anything);
    let broken = "[jobs.a]\nplugin = \"a\"\nevry = \"1s\"\ntimeout = \"no\"\n";
    follower.save(broken);
    let (status, problems) = follower.refused();
    assert_eq!(status.config.digest, Digest::of(A.as_bytes()));
    assert_eq!(status.jobs, 1);
    assert!(
        problems.contains(":3:") && problems.contains(":4:"),
        "{problems}"
    );
    assert!(
        status.degraded[0].contains("2 problems"),
        "{:?}",
        status.degraded
    );
    follower.save(AB);
    assert!(follower.live(AB).degraded.is_empty());
    follower.save(broken);
    follower.refused();
    follower.save(AB);
    assert!(
        follower.live(AB).degraded.is_empty(),
        "what was live is good again"
    );
}

#[test]
fn a_component_that_cannot_be_used_refuses_the_save_until_it_can() {
    let follower = follower(A, anything);
    let missing = "[jobs.a]\nplugin = \"a\"\n[jobs.c]\nplugin = \"c\"\n";
    follower.save(missing);
    let (status, problems) = follower.refused();
    assert_eq!(status.jobs, 1);
    assert!(
        problems.contains("`c`") && problems.contains("it is not there"),
        "{problems}"
    );
    follower.write("plugins/c.wasm", "c");
    assert_eq!(follower.live(missing).jobs, 2);
}

#[test]
fn a_component_that_is_built_again_is_a_new_plan() {
    let follower = follower(A, anything);
    follower.live(A);
    follower.write("plugins/a.wasm", "bad");
    follower.refused();
    follower.write("plugins/a.wasm", "a2");
    follower.live(A);
    let only: BTreeSet<_> = [Digest::of(b"a2")].into();
    follower
        .bench
        .until(|_| *follower.components.retained.lock().unwrap() == only);
}

#[test]
fn an_unusable_component_at_the_start_is_no_refusal() {
    let follower = follower(AB, |dir| {
        fs::remove_file(dir.join("plugins/b.wasm")).unwrap();
    });
    follower.bench.engine.reload();
    let status = follower.live(AB);
    assert_eq!(status.jobs, 2);
    assert!(
        status.degraded[0].contains("`b` cannot run"),
        "{:?}",
        status.degraded
    );
    follower.write("plugins/b.wasm", "b");
    follower.bench.until(|status| status.degraded.is_empty());
}

/// As after a start with a component `b` that is gone, and was there before.
fn last_good() -> Follower {
    let follower = follower_after(AB, |dir, components| {
        fs::remove_file(dir.join("plugins/b.wasm")).unwrap();
        let b = ("b".to_owned(), Digest::of(b"b"));
        components.last_good.lock().unwrap().extend([b]);
    });
    let status = follower.live(AB);
    assert_eq!(
        status.degraded,
        ["job `b` runs its last good component, as its plugin cannot be used: it is not there"]
    );
    follower
}

#[test]
fn the_last_good_component_takes_the_place_of_one_that_is_gone_until_it_is_back() {
    let follower = last_good();
    let engine = &follower.bench.engine;
    let wait = || follower.bench.wait(engine.reload_and_wait()).unwrap();
    let Outcome::Unchanged { warnings, .. } = wait() else {
        panic!("nothing has changed");
    };
    let warnings = warnings.unwrap().to_string();
    assert!(
        warnings.contains("it is not there; the last good one takes its place"),
        "{warnings}"
    );
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    let kept = || {
        let last_good = follower.components.last_good.lock().unwrap();
        let retained = follower.components.retained.lock().unwrap();
        (last_good.get("b").copied(), retained.clone())
    };
    assert_eq!(kept(), (Some(b), [a, b].into()), "for the next start too");
    follower.write("plugins/b.wasm", "b2");
    follower.bench.until(|status| status.degraded.is_empty());
    let b2 = Digest::of(b"b2");
    follower
        .bench
        .until(|_| kept() == (Some(b2), [a, b2].into()));
}

#[test]
fn a_last_good_component_keeps_nobody_from_changing_another_job() {
    let follower = last_good();
    let edited = AB.replace("\"a\"\n", "\"a\"\ntimeout = \"1m\"\n");
    follower.save(&edited);
    assert_eq!(follower.live(&edited).degraded.len(), 1);
    follower.write("plugins/b.wasm", "bad");
    let (status, problems) = follower.refused();
    assert!(problems.contains("it is bad"), "{problems}");
    assert_eq!(status.jobs, 2);
    follower.write("plugins/b.wasm", "b");
    assert!(follower.live(&edited).degraded.is_empty());
}

#[test]
fn one_of_two_broken_components_is_repaired_alone() {
    let follower = follower(AB, |dir| {
        fs::remove_file(dir.join("plugins/a.wasm")).unwrap();
        fs::write(dir.join("plugins/b.wasm"), "bad").unwrap();
    });
    assert_eq!(follower.live(AB).degraded.len(), 2);
    follower.write("plugins/a.wasm", "a");
    let repaired = |status: &Status| {
        assert!(!matches!(status.config.state, ConfigState::Refused(_)));
        status.degraded.len() == 1
    };
    let status = follower.bench.until(repaired);
    assert!(
        status.degraded[0].contains("`b` cannot run"),
        "{:?}",
        status.degraded
    );
    follower.write("plugins/b.wasm", "b");
    follower.bench.until(|status| status.degraded.is_empty());
}

#[test]
fn a_broken_component_keeps_nobody_from_changing_another_job() {
    let follower = follower(AB, |dir| {
        fs::write(dir.join("plugins/b.wasm"), "bad").unwrap();
    });
    let edited = AB.replace("\"a\"\n", "\"a\"\ntimeout = \"1m\"\n");
    follower.save(&edited);
    assert_eq!(follower.live(&edited).degraded.len(), 1);

    let another = format!("{edited}[jobs.c]\nplugin = \"c\"\n");
    follower.save(&another);
    let (status, problems) = follower.refused();
    assert_eq!(status.config.digest, Digest::of(edited.as_bytes()));
    assert!(
        problems.contains("`c`") && !problems.contains("`b`"),
        "only what is new is told: {problems}"
    );
}

#[test]
fn a_job_that_runs_does_not_get_a_component_that_is_known_to_be_broken() {
    let follower = follower(AB, |dir| {
        fs::write(dir.join("plugins/b.wasm"), "bad").unwrap();
    });
    follower.live(AB);
    follower.save(&AB.replace("plugin = \"a\"", "plugin = \"b\""));
    let (status, problems) = follower.refused();
    assert_eq!(status.config.digest, Digest::of(AB.as_bytes()));
    assert!(problems.contains("it is bad"), "{problems}");
}

#[test]
fn what_only_a_restart_changes_is_a_warning() {
    let follower = follower(A, anything);
    let text = format!("[runtime]\ndatabase = \"other.db\"\nmax_concurrent_runs = 65\n{A}");
    follower.save(&text);
    let warnings = follower.live(&text).config.warnings;
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].message.contains("`database`") && warnings[0].message.contains("other.db"));
    assert!(warnings[1].message.contains("`max_concurrent_runs`"));
    follower.save(A);
    assert!(follower.live(A).config.warnings.is_empty());
}

#[test]
fn a_reload_makes_no_more_room_than_there_is() {
    let one = format!("[runtime]\nmax_concurrent_runs = 1\n{AB}");
    let follower = follower(&one, anything);
    let two = one.replace("= 1", "= 2");
    follower.save(&two);
    assert_eq!(follower.live(&two).config.warnings.len(), 1);
    let bench = &follower.bench;
    bench.request("a");
    let first = bench.guest();
    let Answer::Queued(run) = bench.request("b") else {
        panic!("it is no skip");
    };
    assert!(
        bench.row(run).attempts.is_empty(),
        "there is no place for it"
    );
    first.succeed();
    assert_eq!(bench.guest().run(), run);
}

#[test]
fn a_newer_save_supersedes_a_load() {
    let follower = follower(A, anything);
    follower.live(A);
    follower.components.hold(true);
    follower.save(AB);
    follower.components.wait_for_a_held_load();
    let status = follower.bench.status();
    assert!(matches!(status.config.state, ConfigState::Reloading));
    assert_eq!(
        status.config.digest,
        Digest::of(A.as_bytes()),
        "the old plan goes on"
    );
    let newest = format!("{AB}timeout = \"1m\"\n");
    follower.save(&newest);
    follower.components.hold(false);
    follower.live(&newest);
}

#[test]
fn a_component_that_is_new_to_the_watch_is_not_read_before_it_was_seen_to_be_quiet() {
    let (sender, arrived) = mpsc::channel();
    let (given, taken) = (Mutex::new(Some(arrived)), Mutex::new(None));
    let follower = follower_of(
        A,
        |_, _| {},
        |saves| {
            let given = given.lock().unwrap().take().unwrap();
            *taken.lock().unwrap() = Some(std::mem::replace(&mut saves.arrived, given));
        },
    );
    let watched = taken.lock().unwrap().take().unwrap();
    let b = follower.dir.path().join("plugins/b.wasm");
    let loads_of_b = || follower.components.loads.lock().unwrap().get(&b).copied();
    follower.save(AB);
    let early = loop {
        let saved = watched.recv().unwrap();
        if saved.text.as_ref().is_ok_and(|text| text == AB) {
            break saved;
        }
    };
    assert!(!early.covers(&[b.clone()].into()));
    sender.send(early).unwrap();
    let late = watched.recv().unwrap();
    assert!(late.covers(&[b.clone()].into()), "the watch was told of it");
    assert_eq!(loads_of_b(), None, "and it was not touched until then");
    sender.send(late).unwrap();
    follower.live(AB);
    assert_eq!(loads_of_b(), Some(1));
}

#[test]
fn the_newest_save_answers_who_asked_for_an_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("schedules.toml");
    fs::write(&file, A).unwrap();
    let watched = Saves::of(&file).unwrap();
    let plain = watched.arrived.recv().unwrap();
    watched.requests.ask();
    let asked = watched.arrived.recv().unwrap();
    assert_eq!((asked.asked, plain.asked), (1, 0));
    let (sender, saves) = mpsc::channel();
    for saved in [asked, plain] {
        sender.send(saved).unwrap();
    }
    assert!(newest(None, &saves).is_some_and(|saved| saved.asked == 1));
    assert!(newest(None, &saves).is_none());
}

#[test]
fn who_waits_for_a_reload_hears_what_became_of_it() {
    let follower = follower(A, anything);
    let engine = &follower.bench.engine;
    let wait = || follower.bench.wait(engine.reload_and_wait()).unwrap();
    let first = wait();
    assert!(
        matches!(first, Outcome::Unchanged { .. } | Outcome::Live { .. }),
        "{first:?}"
    );
    follower.save(AB);
    let (Outcome::Live { digest, .. } | Outcome::Unchanged { digest, .. }) = wait() else {
        panic!("it is sound");
    };
    assert_eq!(digest, Digest::of(AB.as_bytes()), "it is what was on disk");
    assert_eq!(follower.bench.status().jobs, 2, "and it is live");
    follower.save("[jobs.a]\nplugin = 3\n");
    let Outcome::Refused(problems) = wait() else {
        panic!("it is not sound");
    };
    assert_eq!(problems.count(Severity::Error), 1);
    assert!(matches!(
        follower.bench.status().config.state,
        ConfigState::Refused(_)
    ));
}

#[test]
fn who_waits_while_nobody_reads_hears_nothing() {
    let follower = follower(A, |_| {});
    follower.live(A);
    follower.write("plugins/a.wasm", "panic");
    let engine = &follower.bench.engine;
    assert!(follower.bench.wait(engine.reload_and_wait()).is_none());
}

#[test]
fn the_components_of_a_refused_text_are_dropped() {
    let follower = follower(A, anything);
    follower.live(A);
    let components = |names: &[&str]| -> BTreeSet<_> {
        names
            .iter()
            .map(|name| Digest::of(name.as_bytes()))
            .collect()
    };
    follower.save(AB);
    follower.live(AB);
    let retained = || follower.components.retained.lock().unwrap().clone();
    follower
        .bench
        .until(|_| retained() == components(&["a", "b"]));
    follower.write("plugins/c.wasm", "c");
    follower.components.retained.lock().unwrap().clear();
    follower.save(&format!("{AB}evry = 1\n[jobs.c]\nplugin = \"c\"\n"));
    follower.refused();
    follower
        .bench
        .until(|_| retained() == components(&["a", "b"]));
}

#[test]
fn all_problems_are_told_at_once() {
    let follower = follower(A, anything);
    follower.save("[jobs.a]\nplugin = \"zzz\"\n[jobs.b]\nplugin = \"b\"\ntimeout = 3\n");
    let (_, problems) = follower.refused();
    assert!(
        problems.contains("`zzz`") && problems.contains(":5:"),
        "{problems}"
    );
}

#[test]
fn a_summary_names_what_changes() {
    use crate::engine::bench::{job, plan};

    let before = plan([job("a", "1", 0), job("b", "1", 0)]);
    let after = plan([job("a", "2", 0), job("c", "1", 0)]);
    let summary = Summary(&before.diff(&after)).to_string();
    assert_eq!(summary, "added `c`, changed `a`, removed `b`");
    assert_eq!(
        Summary(&after.diff(&after)).to_string(),
        "no job has changed"
    );
}
