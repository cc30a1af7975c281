//! What a check says and how it ends.

use std::fs;

use cronlet_core::digest::Digest;
use tempfile::TempDir;

use super::*;

/// A folder with a schedules file.
struct Project {
    folder: TempDir,
}

/// How a check ended: the code, and both streams without the folder's name.
type Ended = (u8, String, String);

impl Project {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("schedules.toml"), text).unwrap();
        Self { folder }
    }

    fn check(&self, strict: bool, json: bool) -> Ended {
        self.check_file("schedules.toml", strict, json)
    }

    fn check_file(&self, name: &str, strict: bool, json: bool) -> Ended {
        let options = Options {
            file: &self.folder.path().join(name),
            strict,
            json,
            style: Style {
                color: false,
                width: 80,
            },
            environment: &Environment::new(),
            now: Timestamp::UNIX_EPOCH,
            late: &|_| Vec::new(),
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams {
            out: &mut out,
            err: &mut err,
        };
        let ended = run(&options, load, &mut streams).unwrap();
        if let Some(document) = &ended.document {
            assert!(out.is_empty());
            out = document.to_string().into_bytes();
        }
        let folder = format!("{}/", self.folder.path().display());
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&folder, "");
        (ended.code, text(out), text(err))
    }
}

/// Every component can be used but `broken.wasm`.
fn load(path: &Path) -> Result<Loaded, Unusable> {
    if path.ends_with("broken.wasm") {
        return Err(Unusable {
            code: "invalid",
            message: "it is not valid".to_owned(),
            help: None,
        });
    }
    Ok(Loaded {
        digest: Digest::of(b""),
        world: "job".to_owned(),
    })
}

const SOUND: &str =
    "[jobs.a]\nplugin = \"x\"\n[jobs.b]\nplugin = \"x\"\n[jobs.c]\nplugin = \"y\"\n";
const DOUBTFUL: &str = "[jobs.a]\nplugin = \"x\"\nat = 1960-01-01T00:00:00Z\n";
const BROKEN: &str = "[jobs.a]\nplugin = \"broken\"\ntimeout = \"0s\"\n";

#[test]
fn a_sound_file_is_one_line() {
    let (code, out, err) = Project::new(SOUND).check(true, false);
    assert_eq!(out, "schedules.toml: 3 jobs, 2 plugins, no problems\n");
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn warnings_count_when_they_are_said_to() {
    let project = Project::new(DOUBTFUL);
    let (code, out, err) = project.check(false, false);
    assert_eq!(out, "schedules.toml: 1 job, 1 plugin, 1 warning\n");
    assert_eq!(code, 0);
    assert!(err.starts_with("warning[schedule::past]"), "{err}");
    assert!(err.ends_with("\n1 warning in schedules.toml\n"), "{err}");
    assert_eq!(project.check(true, false).0, 1);
}

#[test]
fn problems_of_the_text_and_of_its_components_are_told_together() {
    let (code, out, err) = Project::new(BROKEN).check(false, false);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("error[plugin::invalid]"), "{err}");
    assert!(err.contains("error[config::range]"), "{err}");
    assert!(err.ends_with("\n2 errors in schedules.toml\n"), "{err}");
}

#[test]
fn json_is_one_array_on_stdout() {
    for (text, code, count) in [(SOUND, 0, 0), (DOUBTFUL, 1, 1), (BROKEN, 2, 2)] {
        let (ended, out, err) = Project::new(text).check(true, true);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(json.as_array().map(Vec::len), Some(count), "{out}");
        assert_eq!((ended, err.as_str()), (code, ""));
    }
}

#[test]
fn a_file_that_is_not_there_is_a_problem() {
    let (code, out, err) = Project::new("").check_file("other.toml", false, false);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("there is no file `other.toml`"), "{err}");
    let (code, _, err) = Project::new("").check_file("", false, false);
    assert_eq!(code, 2);
    assert!(err.contains("is a folder"), "{err}");
}

#[test]
fn a_component_is_looked_at_once_and_neighbours_are_suggested() {
    let project = Project::new(SOUND);
    let file = project.folder.path().join("schedules.toml");
    let text = config::read(&file).unwrap();
    let draft = config::parse("schedules.toml", &text, &Environment::new()).unwrap();
    let mut looked = Vec::new();
    let catalog = catalog(&draft, |path| {
        looked.push(path.to_owned());
        load(path)
    });
    assert_eq!(catalog.components.len(), 2);
    assert_eq!(
        looked,
        ["plugins/x.wasm", "plugins/y.wasm"].map(PathBuf::from)
    );
}
