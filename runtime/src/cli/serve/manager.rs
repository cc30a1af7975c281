//! What the daemon tells whoever manages it: that it is ready, that it is alive, that it stops.
//!
//! It is the protocol of systemd's `sd_notify`, which others speak too: each message is a datagram of
//! lines to the socket in `NOTIFY_SOCKET`. Without that variable nobody is told anything.
//!
//! The watchdog is not fed by a timer. Each beat begins with a question to the engine's thread, so
//! that an engine which hangs is restarted, however well the rest of the process is.

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    future::Future,
    io,
    os::unix::{ffi::OsStrExt as _, net::UnixDatagram},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;

use crate::{
    cli::{counted::counted, escape},
    engine::{Handle, Status, status::ConfigState},
};

/// Between two messages, where no watchdog wants them sooner.
const BEAT: Duration = Duration::from_secs(10);

/// Between two looks whether it is ready.
const SOON: Duration = Duration::from_millis(50);

/// A watchdog with less time than any sensible one gets no more than this.
const SHORTEST: Duration = Duration::from_millis(1);

/// A watchdog hears from us so often in its time: one message may be late, or lost.
const BEATS_A_WATCH: u32 = 3;

/// What takes long gets so many beats of time with each of them.
const BEATS_AHEAD: u32 = 3;

/// A manager that does not read is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever started this process and wants to know how it goes; or nobody.
pub(super) struct Manager {
    socket: Option<UnixDatagram>,
    beat: Duration,
    watches: bool,
    stopping: AtomicBool,
}

impl Manager {
    /// The one that the environment names.
    pub(super) fn of_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").and_then(|address| {
            connect(&address)
                .inspect_err(|error| {
                    let address = address.display();
                    tracing::warn!(
                        "nobody is told that cronlet is ready: `NOTIFY_SOCKET` is `{address}`: {error}"
                    );
                })
                .ok()
        });
        let variable = |name| env::var(name).ok();
        let watch = watch(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
        );
        Self::new(socket, watch)
    }

    fn new(socket: Option<UnixDatagram>, watch: Option<Duration>) -> Self {
        let often = watch.map_or(BEAT, |watch| watch / BEATS_A_WATCH);
        Self {
            socket,
            beat: often.clamp(SHORTEST, BEAT),
            watches: watch.is_some(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Does what comes before the start, and asks for time as long as it takes: a component may take
    /// minutes to compile, and after a start that was cut short it would be compiled from nothing.
    pub(super) async fn while_starting<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut status = "STATUS=reading the schedules file and its components\n";
        loop {
            self.say(&format!("{status}{}", self.more_time()));
            status = "";
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(self.beat) => {}
            }
        }
    }

    /// Says that it is ready, and then how it goes, as often as the engine answers. Returns when the
    /// engine has stopped.
    pub(super) async fn follow(&self, engine: &Handle) {
        if self.socket.is_none() {
            return;
        }
        let mut word = "READY=1\n";
        let mut said = String::new();
        while let Some(status) = engine.status().await {
            let mut message = if status.stopping {
                self.stopping();
                self.more_time()
            } else if status.ready {
                std::mem::take(&mut word).to_owned()
            } else {
                self.more_time()
            };
            if self.watches {
                message.push_str("WATCHDOG=1\n");
            }
            let news = sentence(&status);
            if news != said {
                let _ = writeln!(message, "STATUS={news}");
                said = news;
            }
            self.say(&message);
            let waits = if word.is_empty() {
                self.beat
            } else {
                self.beat.min(SOON)
            };
            sleep(waits).await;
        }
    }

    /// Says that it stops. The grace of the guests may be longer than the manager's patience.
    pub(super) fn stopping(&self) {
        if !self.stopping.swap(true, Ordering::Relaxed) {
            self.say(&format!("STOPPING=1\n{}", self.more_time()));
        }
    }

    /// Has the schedules file read again, and says when it begins and when what became of it is known:
    /// somebody may wait for that.
    pub(super) async fn reload(&self, engine: &Handle) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\n"));
        engine.reload_and_wait().await;
        // A manager that was told of the end has no use for this.
        if !self.stopping.load(Ordering::Relaxed) {
            self.say("READY=1\n");
        }
    }

    fn more_time(&self) -> String {
        let time = self.beat * BEATS_AHEAD;
        format!("EXTEND_TIMEOUT_USEC={}\n", time.as_micros())
    }

    fn say(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if message.is_empty() {
            return;
        }
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!("the manager of this service does not hear: {error}");
        }
    }
}

/// A path, or a name in the abstract namespace after an `@`.
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    match address.as_bytes() {
        [b'/', ..] => socket.connect(address)?,
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
            socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
        }
        _ => {
            return Err(io::Error::other(
                "it is neither a path nor a name after `@`",
            ));
        }
    }
    Ok(socket)
}

/// How long the watchdog waits for us, if it watches this process.
fn watch(microseconds: Option<&str>, process: Option<&str>) -> Option<Duration> {
    let ours = process.is_none_or(|id| id.parse() == Ok(std::process::id()));
    let microseconds = microseconds.filter(|_| ours)?.parse().ok()?;
    Some(Duration::from_micros(microseconds)).filter(|watch| !watch.is_zero())
}

/// One line, which the manager shows.
fn sentence(status: &Status) -> String {
    let jobs = counted(status.jobs, "job");
    let runs = format!("{} running, {} queued", status.running.len(), status.queued);
    let next = match &status.next {
        Some((at, job)) => format!("next `{job}` at {at:.0}"),
        None => "nothing is due".to_owned(),
    };
    let mut sentence = if status.stopping {
        format!("stopping: {runs}")
    } else if matches!(status.config.state, ConfigState::Reloading) {
        format!("reading the schedules file again: {jobs}, {runs}")
    } else {
        format!("{jobs}, {runs}, {next}")
    };
    for reason in status.unhealthy.iter().chain(&status.degraded) {
        let _ = write!(sentence, "; {reason}");
    }
    escape::line(&sentence).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        Finish,
        bench::{Bench, plan},
    };

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_watchdog_is_one_that_watches_this_process() {
        let me = std::process::id().to_string();
        let second = Some(Duration::from_secs(1));
        assert_eq!(watch(Some("1000000"), None), second);
        assert_eq!(watch(Some("1000000"), Some(&me)), second);
        assert_eq!(watch(Some("1000000"), Some("1")), None);
        for nonsense in [Some(""), Some("0"), Some("-1"), Some("soon"), None] {
            assert_eq!(watch(nonsense, None), None, "{nonsense:?}");
        }
    }

    #[test]
    fn an_address_is_a_path_or_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let hears = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::new(Some(connect(path.as_os_str()).unwrap()), None);
        manager.stopping();
        manager.stopping();
        let text = "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\n";
        assert_eq!(hear(&hears).unwrap(), text);
        hears.set_nonblocking(true).unwrap();
        assert!(hear(&hears).is_err(), "it is said once");
        for nonsense in ["", "relative", "vsock:2:1"] {
            assert!(connect(OsStr::new(nonsense)).is_err(), "{nonsense}");
        }
    }

    fn hear(socket: &UnixDatagram) -> io::Result<String> {
        let mut message = [0; 500];
        let length = socket.recv(&mut message)?;
        Ok(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    #[tokio::test]
    async fn a_long_start_asks_for_time_as_long_as_it_takes() {
        let (ours, hears) = UnixDatagram::pair().unwrap();
        hears.set_read_timeout(Some(MINUTE)).unwrap();
        let manager = Manager::new(Some(ours), Some(3 * SHORTEST));
        let three = tokio::task::spawn_blocking(move || [(); 3].map(|()| hear(&hears).unwrap()));
        let said = manager.while_starting(three).await.unwrap();
        let (first, more) = ("STATUS=reading the schedules", "EXTEND_TIMEOUT_USEC=3000\n");
        assert!(said[0].starts_with(first) && said[0].ends_with(more));
        assert_eq!(said[1..], [more, more]);
    }

    #[test]
    fn an_engine_that_hangs_starves_the_watchdog() {
        let bench = Bench::new(&plan([]));
        let (ours, hears) = UnixDatagram::pair().unwrap();
        hears.set_read_timeout(Some(MINUTE)).unwrap();
        let manager = Manager::new(Some(ours), Some(3 * SHORTEST));
        let engine = bench.engine.clone();
        let follows = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(manager.follow(&engine));
        });
        let ready = "READY=1\nWATCHDOG=1\nSTATUS=0 jobs, 0 running, 0 queued, nothing is due\n";
        assert_eq!(hear(&hears).unwrap(), ready);
        assert_eq!(hear(&hears).unwrap(), "WATCHDOG=1\n");

        let stopped = bench.clock.stop();
        hears.set_read_timeout(Some(100 * SHORTEST)).unwrap();
        let beats = (0..10_000).take_while(|_| hear(&hears).is_ok()).count();
        assert!(beats < 10_000, "it is fed although the engine hangs");

        drop(stopped);
        hears.set_read_timeout(Some(MINUTE)).unwrap();
        assert_eq!(hear(&hears).unwrap(), "WATCHDOG=1\n");
        assert_eq!(bench.finish(), Finish::Clean);
        follows.join().unwrap();
    }
}
