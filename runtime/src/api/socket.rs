//! The Unix socket beside the database: where it is, and serving on it.
//!
//! Whoever opens it may do everything, so it is never reachable by another user, not even between its
//! creation and its mode: it is made in a folder of its own that nobody else may enter, given its mode
//! there, and then moved to its place.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use axum::{Router, extract::connect_info::Connected, serve::IncomingStream};
use cronlet_core::digest::Digest;
use tokio::net::UnixListener;

/// A longer path does not fit a socket's address on every system.
const MAX_LEN: usize = 100;

/// A socket that is listened on. Its file goes when it is dropped, unless it is another's by then.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: FileId,
}

/// Device and inode.
type FileId = (u64, u64);

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// None where the system does not say.
    pub uid: Option<u32>,
}

/// Where the socket of the daemon that owns `database` is. `runtime_dir` is `$XDG_RUNTIME_DIR`.
pub fn path(database: &Path, runtime_dir: Option<&Path>) -> io::Result<PathBuf> {
    let database = std::path::absolute(database)?;
    let mut beside = database.clone().into_os_string();
    beside.push(".sock");
    if beside.len() <= MAX_LEN {
        return Ok(beside.into());
    }
    let folder = match runtime_dir {
        Some(folder) => folder.join("cronlet"),
        None => own_folder(&std::env::temp_dir()),
    };
    let digest = Digest::of(database.as_os_str().as_bytes()).to_string();
    Ok(folder.join(format!("{}.sock", &digest[..16])))
}

/// A folder for this user's sockets where the system has no place for them.
fn own_folder(temporary: &Path) -> PathBuf {
    let uid = rustix::process::getuid();
    temporary.join(format!("cronlet-{}", uid.as_raw()))
}

impl Socket {
    /// Listens at `path`. A socket that is there is replaced: the caller owns the database, so its
    /// daemon is no more. Anything else there is somebody's, and an error.
    ///
    /// Must be called within a tokio runtime.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        if !folder.exists() {
            fs::DirBuilder::new()
                .mode(0o700)
                .recursive(true)
                .create(folder)?;
        }
        if folder == own_folder(&std::env::temp_dir()) {
            refuse_foreign(folder)?;
        }
        refuse_other_than_socket(path)?;
        let mut private = tempfile::Builder::new();
        let private = private.prefix(".").rand_bytes(4);
        let private = private.permissions(fs::Permissions::from_mode(0o700));
        let private = private.tempdir_in(folder)?;
        let made = private.path().join("s");
        let listener = UnixListener::bind(&made)?;
        fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
        let id = file_id(&made)?;
        fs::rename(&made, path)?;
        let path = path.to_owned();
        Ok(Self {
            listener,
            file: SocketFile { path, id },
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Answers until `end` is over, and what has been asked until then to its end.
    pub async fn serve(
        self,
        router: Router,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, file } = self;
        let service = router.into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(listener, service)
            .with_graceful_shutdown(end)
            .await;
        drop(file);
        served
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // The last answers are given after the database is free: the next daemon may listen here already.
        if file_id(&self.path).is_ok_and(|id| id == self.id) {
            // Somebody else may have removed it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let credentials = stream.io().peer_cred();
        Self {
            uid: credentials.ok().map(|credentials| credentials.uid()),
        }
    }
}

fn file_id(path: &Path) -> io::Result<FileId> {
    let data = fs::symlink_metadata(path)?;
    Ok((data.dev(), data.ino()))
}

fn refuse_other_than_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(data) if !data.file_type().is_socket() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("`{}` is there and is no socket", path.display()),
        )),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Anybody may make a folder in the folder for temporary files.
fn refuse_foreign(folder: &Path) -> io::Result<()> {
    let data = fs::symlink_metadata(folder)?;
    let own = data.is_dir() && data.uid() == rustix::process::getuid().as_raw();
    if own && data.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    let folder: OsString = folder.into();
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("`{}` is open to others", folder.display()),
    ))
}
