use std::{fs, os::unix::fs::symlink, sync::mpsc::Receiver};

use super::*;

/// Longer than any machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

const ONE: &str = "[jobs.a]\nplugin = \"hello\"\n";
const TWO: &str = "[jobs.a]\nplugin = \"hello\"\n[jobs.b]\nplugin = \"hello\"\n";

struct Bench {
    dir: tempfile::TempDir,
    watch: Watch,
    saves: Receiver<Saved>,
}

/// A watched file that has been read once.
fn bench_at(name: &str, prepare: impl Fn(&Path)) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let (sender, saves) = mpsc::channel();
    let watch = Watch::spawn(&dir.path().join(name), move |saved| {
        let _ = sender.send(saved);
    })
    .unwrap();
    let bench = Bench { dir, watch, saves };
    assert_eq!(bench.next(), ONE);
    bench
}

fn bench() -> Bench {
    bench_at("s.toml", |dir| fs::write(dir.join("s.toml"), ONE).unwrap())
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn next(&self) -> String {
        self.saves.recv_timeout(PATIENCE).unwrap().text.unwrap()
    }
}

#[test]
fn an_in_place_save_is_seen() {
    let bench = bench();
    fs::write(bench.path("s.toml"), TWO).unwrap();
    assert_eq!(bench.next(), TWO);
}

#[test]
fn a_rename_over_the_file_is_seen_each_time() {
    let bench = bench();
    for text in [TWO, ONE, TWO] {
        fs::write(bench.path("new"), text).unwrap();
        fs::rename(bench.path("new"), bench.path("s.toml")).unwrap();
        assert_eq!(bench.next(), text);
    }
}

#[test]
fn a_file_that_is_deleted_and_made_again_is_seen() {
    let bench = bench();
    fs::remove_file(bench.path("s.toml")).unwrap();
    let gone = bench.saves.recv_timeout(PATIENCE).unwrap();
    let problems = gone.text.unwrap_err();
    assert!(
        problems.to_string().contains("there is no file"),
        "{problems}"
    );
    fs::write(bench.path("s.toml"), TWO).unwrap();
    assert_eq!(bench.next(), TWO);
}

#[test]
fn a_link_that_is_swapped_on_the_way_is_seen() {
    // As Kubernetes does it: the name leads through a link to a folder, and that link is replaced.
    let bench = bench_at("s.toml", |dir| {
        for (folder, text) in [("v1", ONE), ("v2", TWO)] {
            fs::create_dir(dir.join(folder)).unwrap();
            fs::write(dir.join(folder).join("s.toml"), text).unwrap();
        }
        symlink("v1", dir.join("..data")).unwrap();
        symlink("..data/s.toml", dir.join("s.toml")).unwrap();
    });
    symlink("v2", bench.path("tmp")).unwrap();
    fs::rename(bench.path("tmp"), bench.path("..data")).unwrap();
    assert_eq!(bench.next(), TWO);
    // What the new link leads to is watched as well.
    fs::write(bench.path("v2/s.toml"), ONE).unwrap();
    assert_eq!(bench.next(), ONE);
}

#[test]
fn a_component_that_is_built_again_is_seen() {
    let bench = bench();
    fs::create_dir(bench.path("plugins")).unwrap();
    let component = bench.path("plugins/hello.wasm");
    bench
        .watch
        .expect([component.clone()].into(), BTreeSet::new());
    assert_eq!(
        bench.next(),
        ONE,
        "what is new to the watch may have changed before"
    );
    fs::write(&component, b"one").unwrap();
    assert_eq!(bench.next(), ONE);
    fs::write(&component, b"two").unwrap();
    assert_eq!(bench.next(), ONE);
}

#[test]
fn without_events_every_kind_of_save_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("v1")).unwrap();
    fs::write(path("v1/s.toml"), ONE).unwrap();
    symlink("v1", path("..data")).unwrap();
    symlink("..data/s.toml", path("s.toml")).unwrap();
    let (sender, saves) = mpsc::channel();
    let handed_on = move |saved| {
        let _ = sender.send(saved);
    };
    let watch = Watch::spawn_with(&path("s.toml"), handed_on, |_, _| None).unwrap();
    let bench = Bench { dir, watch, saves };
    assert_eq!(bench.next(), ONE);
    let path = |name: &str| bench.path(name);

    fs::write(path("v1/s.toml"), TWO).unwrap();
    assert_eq!(bench.next(), TWO, "in place");
    fs::write(path("v1/new"), ONE).unwrap();
    fs::rename(path("v1/new"), path("v1/s.toml")).unwrap();
    assert_eq!(bench.next(), ONE, "by rename");
    fs::create_dir(path("v2")).unwrap();
    fs::write(path("v2/s.toml"), TWO).unwrap();
    symlink("v2", path("tmp")).unwrap();
    fs::rename(path("tmp"), path("..data")).unwrap();
    assert_eq!(bench.next(), TWO, "by another link");
    fs::write(path("hello.wasm"), b"one").unwrap();
    bench
        .watch
        .expect([path("hello.wasm")].into(), BTreeSet::new());
    assert_eq!(bench.next(), TWO);
    fs::write(path("hello.wasm"), b"two").unwrap();
    assert_eq!(bench.next(), TWO, "a component");
}

#[test]
fn a_change_that_leaves_a_component_looking_as_it_did_is_seen_later() {
    // As on a file system that keeps times to two seconds: how the file looks is never asked.
    let dir = tempfile::tempdir().unwrap();
    let component = dir.path().join("hello.wasm");
    fs::write(&component, b"half").unwrap();
    let before = Prints::take(&component, &BTreeSet::new());
    let fresh = before.fresh(&Prints::default());
    assert_eq!(fresh, [component.clone()].into(), "it was changed lately");
    assert!(
        before.fresh(&before).is_empty(),
        "and is not a second time when nothing has happened"
    );
    let mut watcher = Watcher::new(&component, |_| {}, None, Matter::default());
    watcher.changed_at = None;
    watcher.fresh = fresh;
    watcher.remember();
    fs::write(&component, b"full").unwrap();
    watcher.compare();
    assert!(watcher.changed_at.is_none(), "it is not time yet");
    watcher.young.as_mut().unwrap().compare_at = Instant::now();
    watcher.compare();
    assert!(watcher.changed_at.is_some() && watcher.young.is_none());
    watcher.changed_at = None;
    watcher.remember();
    watcher.young.as_mut().unwrap().compare_at = Instant::now();
    watcher.compare();
    assert!(watcher.changed_at.is_none(), "now it stays as it is");
    fs::File::options()
        .write(true)
        .open(&component)
        .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
        .unwrap();
    let old = Prints::take(&component, &BTreeSet::new());
    assert!(old.fresh(&Prints::default()).is_empty(), "long ago");
}

#[test]
fn a_pipe_is_not_waited_for() {
    use std::os::unix::fs::FileTypeExt as _;

    let bench = bench();
    fs::remove_file(bench.path("s.toml")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path("s.toml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let made = fs::metadata(bench.path("s.toml")).unwrap();
    assert!(made.file_type().is_fifo());
    let problems = loop {
        let problems = bench
            .saves
            .recv_timeout(PATIENCE)
            .unwrap()
            .text
            .unwrap_err();
        let problems = problems.to_string();
        // It was gone for a moment.
        if !problems.contains("there is no file") {
            break problems;
        }
    };
    assert!(
        problems.contains("is not a file that can be read again"),
        "{problems}"
    );
}

#[test]
fn a_look_hands_on_what_is_there() {
    let bench = bench();
    bench.watch.look(7);
    let saved = bench.saves.recv_timeout(PATIENCE).unwrap();
    assert_eq!(saved.asked, 7);
    assert_eq!(saved.text.unwrap(), ONE);
}

#[test]
fn a_save_that_could_not_be_used_is_handed_on_again() {
    let bench = bench();
    bench.watch.look_again();
    let saved = bench.saves.recv_timeout(PATIENCE).unwrap();
    assert_eq!(saved.asked, 0, "nobody has asked for it");
    assert_eq!(saved.text.unwrap(), ONE);
}

#[test]
fn what_happens_beside_the_file_is_nobodys_save() {
    let bench = bench();
    fs::write(bench.path("cronlet.db"), b"pages").unwrap();
    fs::read(bench.path("s.toml")).unwrap();
    bench.watch.look(7);
    let saved = bench.saves.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        saved.asked, 7,
        "the first thing handed on is what was asked for"
    );
    assert!(bench.saves.try_recv().is_err());
}

#[test]
fn a_text_that_may_be_cut_short_is_suspect() {
    let jobs: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
    assert!(!is_suspect(TWO, &jobs));
    assert!(is_suspect(ONE, &jobs), "a job vanished");
    assert!(
        is_suspect(TWO.trim_end(), &jobs),
        "the final newline is missing"
    );
    assert!(is_suspect("[jobs.a\n", &jobs), "it is no TOML");
    assert!(is_suspect("", &jobs));
    assert!(!is_suspect("[runtime]\n", &BTreeSet::new()));
}

#[test]
fn a_chain_of_links_without_an_end_is_walked_to_an_end() {
    let dir = tempfile::tempdir().unwrap();
    symlink("b", dir.path().join("a")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    let ways = Ways::to(&dir.path().join("a"), &BTreeSet::new());
    let root = fs::canonicalize(dir.path()).unwrap();
    assert_eq!(ways.paths, [root.join("a"), root.join("b")].into());
}
