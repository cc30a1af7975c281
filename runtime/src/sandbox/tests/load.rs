//! What can be loaded, what cannot, and what is compiled.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use super::*;

fn code(bytes: &[u8]) -> &'static str {
    load(&sandbox(), bytes).unwrap_err().code
}

fn with_cache(dir: &Path) -> Sandbox {
    Sandbox::new(SandboxOptions {
        cache: Some(dir.to_owned()),
        ..SandboxOptions::default()
    })
    .unwrap()
}

/// The one file in the cache.
fn cached(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

/// Whether this component runs, and how many had to be compiled for it.
fn compiled_and_runs(dir: &Path, bytes: &[u8]) -> u64 {
    let sandbox = with_cache(dir);
    let report = run(&sandbox, bytes, limits(60_000));
    assert!(
        matches!(report.verdict, Verdict::Succeeded(_)),
        "{report:?}"
    );
    sandbox.compilations()
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nowhere.wasm");
    let sandbox = sandbox();
    let missing = sandbox.load(&path).unwrap_err();
    assert_eq!(missing.code, "missing");
    assert_eq!(
        missing.message,
        format!("there is no file `{}`", path.display())
    );
    let folder = sandbox.load(dir.path()).unwrap_err();
    assert_eq!(folder.code, "unreadable");
    symlink(&path, &path).unwrap();
    assert_eq!(sandbox.load(&path).unwrap_err().code, "unreadable");
}

#[test]
fn what_is_no_component_is_refused_before_it_is_parsed() {
    let message = |bytes| {
        let unusable = load(&sandbox(), bytes).unwrap_err();
        assert_eq!(unusable.code, "not-a-component");
        assert!(
            unusable
                .help
                .is_some_and(|help| help.contains("wasm32-wasip2"))
        );
        unusable.message
    };
    assert_eq!(message(b""), "the file is empty");
    assert_eq!(message(b"#!/bin/sh"), "it is not WebAssembly");
    // wasmtime would read the text format too.
    assert_eq!(message(b"(component)"), "it is not WebAssembly");
    assert_eq!(
        message(b"\0asm\x01\0\0\0"),
        "it is a core WebAssembly module and not a component"
    );
    assert_eq!(
        message(b"\0asm\x0d\0\x02\0"),
        "it is WebAssembly of an unknown version"
    );
}

#[test]
fn a_component_that_is_too_large_is_not_even_read() {
    let sandbox = Sandbox::new(SandboxOptions {
        max_component: 64,
        ..SandboxOptions::default()
    })
    .unwrap();
    let unusable = load(&sandbox, &guest::noop()).unwrap_err();
    assert_eq!(unusable.code, "too-large");
    assert_eq!(unusable.message, "it is larger than 64B");
}

#[test]
fn a_component_that_is_no_job_is_refused() {
    assert_eq!(code(&guest::nothing()), "not-a-job");
    assert_eq!(code(&guest::wrong_type()), "not-a-job");
    let message = |name| {
        let unusable = load(&sandbox(), &guest::exporting(name)).unwrap_err();
        assert_eq!(unusable.code, "not-a-job");
        unusable.message
    };
    assert_eq!(
        message("wasi:cli/run@0.2.3"),
        "it exports `wasi:cli/run@0.2.3` and not `cronlet:job/runner@0.1.0`"
    );
    assert_eq!(
        message("cronlet:job/runner@0.9.0"),
        "it exports `cronlet:job/runner@0.9.0` and not `cronlet:job/runner@0.1.0`"
    );
}

#[test]
fn a_later_compatible_version_of_the_interface_is_as_good() {
    let report = run(&sandbox(), &guest::newer(), limits(60_000));
    assert!(
        matches!(report.verdict, Verdict::Succeeded(_)),
        "{report:?}"
    );
}

#[test]
fn an_import_that_the_host_lacks_is_named() {
    for name in [
        "wasi:http/types@0.2.0",
        "cronlet:job/time-travel@0.1.0",
        "wasi:cli/exit@0.3.0",
    ] {
        let unusable = load(&sandbox(), &guest::importing(name)).unwrap_err();
        assert_eq!(unusable.code, "import", "{unusable:?}");
        let begin = format!("it imports `{name}`, and this host has no such thing: ");
        assert!(unusable.message.starts_with(&begin), "{unusable:?}");
    }
}

#[test]
fn an_instance_that_is_more_than_a_place_in_the_pool_is_refused() {
    let memories = "(memory 1)".repeat(engine::MEMORIES as usize);
    assert_eq!(code(&guest::job(&memories, "i32.const 1024")), "invalid");
}

#[test]
fn damaged_components_are_errors_and_nothing_worse() {
    let sandbox = sandbox();
    let sound = guest::noop();
    let cut = (0..sound.len()).map(|length| sound[..length].to_vec());
    let flipped = (0..sound.len()).flat_map(|at| {
        [0x01, 0x80, 0xff].map(|flip| {
            let mut bytes = sound.clone();
            bytes[at] ^= flip;
            bytes
        })
    });
    let mut errors = 0;
    for bytes in cut.chain(flipped) {
        // What is still a component, since only a name changed, may run, and must end.
        match load(&sandbox, &bytes) {
            Ok(loaded) => {
                let (_handle, report) = start(&sandbox, Ok(loaded.digest), limits(100));
                report.recv_timeout(PATIENCE).unwrap();
            }
            Err(unusable) => {
                assert!(!unusable.message.contains('\n'), "{unusable:?}");
                errors += 1;
            }
        }
    }
    assert!(errors > sound.len() * 2, "{errors} of {}", sound.len() * 4);
}

/// Makes the compiler panic where it has made the machine code.
struct Panics;

impl wasmtime::CustomCodeMemory for Panics {
    fn required_alignment(&self) -> usize {
        1
    }

    fn publish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        panic!("on\npurpose")
    }

    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

#[test]
fn a_compiler_that_panics_makes_the_component_unusable_and_nothing_worse() {
    let mut config = engine::pooled(NonZeroU32::MIN, false);
    config.with_custom_code_memory(Some(Arc::new(Panics)));
    let engine = Engine::new(&config).unwrap();
    let sandbox = Sandbox::with_engine(engine, SandboxOptions::default()).unwrap();
    for tries in 1..=2 {
        let unusable = load(&sandbox, &guest::noop()).unwrap_err();
        assert_eq!(unusable.code, "invalid");
        assert_eq!(unusable.message, "the compiler fails on it: on purpose");
        // It is tried again, and waits for nobody.
        assert_eq!(sandbox.compilations(), tries);
    }
    assert_eq!(code(b""), "not-a-component");
}

#[test]
fn a_component_is_compiled_once() {
    let sandbox = sandbox();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("guest.wasm");
    fs::write(&path, guest::noop()).unwrap();
    let loaded = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| sandbox.load(&path)))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(loaded.iter().all(|other| *other == loaded[0]));
    assert_eq!(loaded[0].world, "job");
    assert_eq!(sandbox.compilations(), 1);
}

#[test]
fn what_nobody_needs_is_forgotten() {
    let sandbox = sandbox();
    let spin = load(&sandbox, &guest::spin()).unwrap().digest;
    let noop = load(&sandbox, &guest::noop()).unwrap().digest;
    let (handle, spinning) = start(&sandbox, Ok(spin), limits(3_600_000));
    sandbox.retain(&BTreeMap::new(), &BTreeSet::from([noop]));
    let (_handle, report) = start(&sandbox, Ok(noop), limits(60_000));
    let report = report.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(report.verdict, Verdict::Succeeded(_)));
    let (_handle, report) = start(&sandbox, Ok(spin), limits(60_000));
    let (reason, _) = failure(report.recv_timeout(PATIENCE).unwrap());
    assert_eq!(reason, FailReason::Load);
    handle.stop_within(Duration::ZERO);
    spinning.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn the_last_good_component_is_there_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = || {
        Sandbox::new(SandboxOptions {
            last_good: Some(dir.path().join("kept")),
            ..SandboxOptions::default()
        })
        .unwrap()
    };
    let need = |plugin: &str, sha256| Need {
        plugin: plugin.to_owned(),
        sha256,
    };
    let first = sandbox();
    let (noop, spin) = (&guest::noop(), &guest::spin());
    let noop = load(&first, noop).unwrap();
    let spin = load(&first, spin).unwrap();
    assert_eq!(first.last_good(&need("a", None)), None, "not accepted yet");
    let plugins = BTreeMap::from([("a".to_owned(), noop.digest)]);
    first.retain(&plugins, &BTreeSet::from([spin.digest]));

    let second = sandbox();
    assert_eq!(second.last_good(&need("a", None)), Some(noop.clone()));
    assert_eq!(second.last_good(&need("b", None)), None);
    let pinned = second.last_good(&need("a", Some(spin.digest)));
    assert_eq!(pinned, Some(spin.clone()), "a pin needs no plugin");
    let (_handle, report) = start(&second, Ok(noop.digest), limits(60_000));
    let report = report.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(report.verdict, Verdict::Succeeded(_)));
    second.retain(&plugins, &BTreeSet::new());
    assert_eq!(second.last_good(&need("a", Some(spin.digest))), None);

    let file = dir.path().join(format!("kept/{}.wasm", noop.digest));
    fs::write(file, guest::spin()).unwrap();
    assert_eq!(sandbox().last_good(&need("a", None)), None, "it is another");
}

#[test]
fn a_warm_start_compiles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("new/cache");
    assert_eq!(compiled_and_runs(&dir, &guest::noop()), 1);
    assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(compiled_and_runs(&dir, &guest::noop()), 0);
}

#[test]
fn a_damaged_cache_is_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("cache");
    compiled_and_runs(&dir, &guest::noop());
    let file = cached(&dir);
    let sound = fs::read(&file).unwrap();
    let damage: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |bytes| bytes.truncate(20),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes[0] ^= 1,
    ];
    for damage in damage {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        assert_eq!(compiled_and_runs(&dir, &guest::noop()), 1);
        assert_eq!(fs::read(&file).unwrap(), sound, "it is put back");
    }
}

#[test]
fn another_components_code_is_not_mistaken_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("cache");
    compiled_and_runs(&dir, &guest::noop());
    let noop = cached(&dir);
    let away = dir.join("../away");
    fs::rename(&noop, &away).unwrap();
    load(&with_cache(&dir), &guest::spin()).unwrap();
    fs::rename(cached(&dir), &noop).unwrap();
    assert_eq!(compiled_and_runs(&dir, &guest::noop()), 1);
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("cache");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    for _ in 0..2 {
        assert_eq!(compiled_and_runs(&dir, &guest::noop()), 1);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    compiled_and_runs(&dir, &guest::noop());
    fs::set_permissions(cached(&dir), fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(compiled_and_runs(&dir, &guest::noop()), 1);
}

#[test]
fn source_lines_are_read_only_where_they_are_asked_for() {
    let trap = guest::with_lines("unreachable");
    let backtrace = |source_lines| {
        let sandbox = Sandbox::new(SandboxOptions {
            source_lines,
            ..SandboxOptions::default()
        })
        .unwrap();
        let (_, failure) = failure(run(&sandbox, &trap, limits(60_000)));
        failure.backtrace.unwrap()
    };
    let (without, with) = (backtrace(false), backtrace(true));
    assert!(without.contains("run"), "{without}");
    assert!(!without.contains(guest::SOURCE), "{without}");
    assert!(with.contains("run"), "{with}");
    assert!(with.contains(guest::SOURCE), "{with}");
}
