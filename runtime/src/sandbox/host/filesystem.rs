//! `wasi:filesystem`, as wasmtime has it, but for the one call that could hold a thread for ever: to
//! open a FIFO is to wait until somebody opens its other end.
//!
//! All other calls to files run on threads for calls that block, and end soon on any disk that works.
//! This one waits here, without a thread, so that a guest that does it is stopped like any other, and
//! leaves nothing behind.

use std::{fs::File, future::Future, io, os::fd::OwnedFd, sync::Arc, time::Duration};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::{Errno, ioctl_fionread},
};
use tokio::{task::spawn_blocking, time::sleep};
use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    WasiView,
    filesystem::{Descriptor, FsPerms, WasiFilesystemView as _},
    p2::bindings::filesystem::types::{
        DescriptorFlags, ErrorCode, Host as _, HostDescriptor as _, OpenFlags, PathFlags,
    },
};

use super::super::state::State;

/// The interface as wasmtime calls it.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

/// How often a FIFO is looked at.
const AGAIN: Duration = Duration::from_millis(50);

type OpenAt = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);
type Opened = Result<Resource<Descriptor>, ErrorCode>;

/// Which end of a FIFO a guest wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Read,
    Write,
}

/// Goes over what wasmtime has added.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    linker
        .instance(TYPES)?
        .func_wrap_async("[method]descriptor.open-at", open_at)?;
    linker.allow_shadowing(false);
    Ok(())
}

fn open_at<'a>(
    mut store: StoreContextMut<'a, State>,
    (directory, follow, path, how, flags): OpenAt,
) -> Box<dyn Future<Output = Result<(Opened,)>> + Send + 'a> {
    Box::new(async move {
        let state = store.data_mut();
        // Kept until the real one has opened it.
        let _end = match blocking_end(state, &directory, how, flags)? {
            Some((end, folder)) => wait(folder, follow, &path, end).await,
            None => None,
        };
        let mut view = state.filesystem();
        let opened = view.open_at(directory, follow, path, how, flags).await;
        let opened = match opened {
            Ok(descriptor) => Ok(descriptor),
            Err(error) => Err(view.convert_error_code(error)?),
        };
        Ok((opened,))
    })
}

/// The end that is opened by such a call, if that may wait.
fn blocking_end(
    state: &mut State,
    directory: &Resource<Descriptor>,
    how: OpenFlags,
    flags: DescriptorFlags,
) -> Result<Option<(End, Arc<File>)>> {
    let Descriptor::Dir(folder) = state.ctx().table.get(directory)? else {
        return Ok(None);
    };
    let creates = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
    let writes = creates || flags.contains(DescriptorFlags::WRITE);
    let reads = !flags.contains(DescriptorFlags::WRITE) || flags.contains(DescriptorFlags::READ);
    let end = match (reads, writes) {
        // It is refused.
        (_, true) if folder.perms == FsPerms::ReadOnly => return Ok(None),
        (_, false) => End::Read,
        (false, true) => End::Write,
        // Who opens both ends waits for nobody.
        (true, true) => return Ok(None),
    };
    Ok(Some((end, folder.dir.clone())))
}

/// Waits until the other end of a FIFO is there; at once for anything else. Errors are left to the
/// real call, which says them as the guest expects.
async fn wait(folder: Arc<File>, follow: PathFlags, path: &str, end: End) -> Option<Held> {
    let follow = if follow.contains(PathFlags::SYMLINK_FOLLOW) {
        OFlags::empty()
    } else {
        OFlags::NOFOLLOW
    };
    let end = loop {
        let (folder, path) = (folder.clone(), path.to_owned());
        let looked = spawn_blocking(move || look(&folder, &path, follow, end)).await;
        match looked.ok()?.ok()? {
            Fifo::None => return None,
            Fifo::Ready(fd) => break fd,
            Fifo::Alone => sleep(AGAIN).await,
            Fifo::Silent(fd) => {
                while ioctl_fionread(&fd).is_ok_and(|bytes| bytes == 0) {
                    sleep(AGAIN).await;
                }
                break fd;
            }
        }
    };
    // Whoever was at the other end may have left again, and the real call would wait for the next one.
    let path = path.to_owned();
    let how = follow | OFlags::RDWR | OFlags::NONBLOCK;
    let both = spawn_blocking(move || open(&folder, &path, how)).await;
    Some(Held {
        _end: end,
        _both: both.ok()?.ok(),
    })
}

/// What keeps the real call from waiting.
struct Held {
    _end: OwnedFd,
    /// None where this process may open one end only.
    _both: Option<OwnedFd>,
}

/// What is at a path.
enum Fifo {
    /// No FIFO.
    None,
    /// Nobody has its other end open.
    Alone,
    /// Its reading end, from which nothing is to be read yet.
    Silent(OwnedFd),
    /// The end that was wanted.
    Ready(OwnedFd),
}

/// Never waits.
fn look(folder: &File, path: &str, follow: OFlags, end: End) -> io::Result<Fifo> {
    let open = |how: OFlags| open(folder, path, how | follow);
    let there = open(OFlags::PATH)?;
    if FileType::from_raw_mode(fstat(&there)?.st_mode) != FileType::Fifo {
        return Ok(Fifo::None);
    }
    match end {
        End::Read => Ok(Fifo::Silent(open(OFlags::RDONLY | OFlags::NONBLOCK)?)),
        End::Write => match open(OFlags::WRONLY | OFlags::NONBLOCK) {
            Ok(fd) => Ok(Fifo::Ready(fd)),
            Err(Errno::NXIO) => Ok(Fifo::Alone),
            Err(error) => Err(error.into()),
        },
    }
}

/// Never leaves the folder.
fn open(folder: &File, path: &str, how: OFlags) -> Result<OwnedFd, Errno> {
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(folder, path, how | OFlags::CLOEXEC, Mode::empty(), beneath)
}
