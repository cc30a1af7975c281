//! Directories of the host that a job is granted: whether they are there, and what a guest then has.

use std::{
    io,
    path::{Path, PathBuf},
};

use cronlet_core::{
    capability::DirGrant,
    catalog::{Directory, Unusable},
};
use rustix::fs::{Access, access};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// Looks at a directory as an attempt would use it, and says where it really is.
pub fn look(directory: &Directory) -> Result<PathBuf, Unusable> {
    let Directory { path, write } = directory;
    let unreadable = |error: &io::Error| unusable(path, error);
    let real = path.canonicalize().map_err(|error| unreadable(&error))?;
    // To be a directory and to be readable is one question.
    real.read_dir().map_err(|error| unreadable(&error))?;
    if *write {
        access(&real, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| unwritable(path, &error.into()))?;
    }
    Ok(real)
}

/// Opens the directory of a grant for a guest. It blocks.
pub(super) fn open(builder: &mut WasiCtxBuilder, grant: &DirGrant) -> Result<(), Unusable> {
    let perms = if grant.write {
        FsPerms::ReadWrite
    } else {
        FsPerms::ReadOnly
    };
    match builder.preopened_dir(&grant.host, &grant.guest, perms) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.downcast_ref::<io::Error>() {
            Some(error) => unusable(&grant.host, error),
            None => unusable(&grant.host, &io::Error::other(error.to_string())),
        }),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Unusable {
    let shown = path.display();
    let (code, message, help) = match error.kind() {
        io::ErrorKind::NotFound => (
            "missing",
            format!("there is no directory `{shown}`"),
            missing(path),
        ),
        io::ErrorKind::NotADirectory => (
            "not-a-directory",
            format!("`{shown}` is not a directory"),
            "name the directory that it is in".to_owned(),
        ),
        _ => (
            "unreadable",
            format!("directory `{shown}` cannot be read: {error}"),
            "let the user who runs cronlet read it".to_owned(),
        ),
    };
    Unusable {
        code,
        message,
        help: Some(help),
    }
}

/// What to do about a directory that is not there.
fn missing(path: &Path) -> String {
    if path.components().any(|part| part.as_os_str() == "~") {
        return "write the path of the home directory itself: `~` is a name like others".to_owned();
    }
    format!("make it with `mkdir -p {}`", path.display())
}

fn unwritable(path: &Path, error: &io::Error) -> Unusable {
    Unusable {
        code: "unwritable",
        message: format!("directory `{}` cannot be written: {error}", path.display()),
        help: Some(
            "let the user who runs cronlet write it, or leave out `write = true`".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn code(path: PathBuf) -> &'static str {
        look(&Directory { path, write: true }).unwrap_err().code
    }

    #[test]
    fn a_directory_is_one_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::write(root.join("file"), "").unwrap();
        fs::create_dir(root.join("data")).unwrap();
        symlink("data", root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        for (name, expected) in [
            ("absent", "missing"),
            ("file", "not-a-directory"),
            ("file/below", "not-a-directory"),
            ("dangling", "missing"),
        ] {
            assert_eq!(code(root.join(name)), expected, "{name}");
        }
        let path = root.join("link");
        let found = look(&Directory { path, write: true });
        assert_eq!(found, Ok(root.join("data")));
    }

    #[test]
    fn a_home_is_written_out() {
        let help = |path| missing(Path::new(path));
        assert_eq!(help("conf/data"), "make it with `mkdir -p conf/data`");
        assert!(help("conf/~/data").starts_with("write the path of the home"));
    }
}
