//! A schedules file that cannot be read: nothing changes, everybody is told, and the next good save heals.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_file_that_goes_away_changes_nothing_until_it_is_back() -> Result<()> {
    let ticking = Ticking::start()?;
    let (project, file) = (&ticking.project, ticking.project.path("schedules.toml"));

    fs::remove_file(&file)?;
    let status = ticking.refused("there is no file `schedules.toml`")?;
    assert_eq!(status.jobs, 1, "the plan stays");
    let began = Instant::now();
    project.write("schedules.toml", TICK)?;
    ticking.live("put back as it was", began, TICK)?;
    ticking.daemon.says("sound again")?;

    fs::remove_file(&file)?;
    fs::create_dir(&file)?;
    ticking.refused("`schedules.toml` is a folder")?;
    fs::remove_dir(&file)?;
    let next = text(1);
    let began = Instant::now();
    project.write("schedules.toml", &next)?;
    ticking.live("in place of a folder", began, &next)?;

    fs::remove_file(&file)?;
    link(project, "nowhere.toml", "schedules.toml")?;
    ticking.refused("there is no file `schedules.toml`")?;
    let next = text(2);
    let began = Instant::now();
    project.write("nowhere.toml", &next)?;
    ticking.live("where a link leads to", began, &next)?;
    ticking.nothing_is_lost()
}

#[test]
fn a_folder_that_is_moved_away_changes_nothing_until_it_is_back() -> Result<()> {
    let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
    fs::create_dir(project.path("etc"))?;
    project.write("etc/schedules.toml", TICK)?;
    link(&project, "etc/schedules.toml", "schedules.toml")?;
    let daemon = Daemon::start(&project)?;
    let ticking = Ticking::of(project, daemon)?;
    let (project, next) = (&ticking.project, text(1));

    fs::rename(project.path("etc"), project.path("old"))?;
    ticking.refused("there is no file `schedules.toml`")?;
    fs::create_dir(project.path("etc"))?;
    let began = Instant::now();
    project.write("etc/schedules.toml", &next)?;
    ticking.live("in a new folder of the old name", began, &next)?;
    let next = text(2);
    let began = Instant::now();
    project.write("etc/schedules.toml", &next)?;
    ticking.live("once more in the new folder", began, &next)?;
    ticking.nothing_is_lost()
}

#[test]
fn a_file_that_may_not_be_read_any_more_changes_nothing() -> Result<()> {
    let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
    let starting = thread::spawn(move || {
        without_privileges()?;
        let daemon = Daemon::start(&project)?;
        anyhow::Ok((project, daemon))
    });
    let (project, daemon) = starting.join().expect("it does not panic")?;
    let ticking = Ticking::of(project, daemon)?;
    let file = ticking.project.path("schedules.toml");
    let allow = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode));

    allow(0o000)?;
    ticking.refused("cannot read `schedules.toml`: Permission denied")?;
    let began = Instant::now();
    allow(0o600)?;
    ticking.live("allowed again", began, TICK)?;

    let next = text(1);
    let began = Instant::now();
    ticking.project.write("schedules.toml", &next)?;
    ticking.live("and saved", began, &next)?;
    ticking.nothing_is_lost()
}

/// Takes from this thread, and from what it starts, what lets the superuser read every file.
#[cfg(target_os = "linux")]
pub(crate) fn without_privileges() -> Result<()> {
    use rustix::{
        io::Errno,
        thread::{
            CapabilitySet, capabilities, remove_capability_from_bounding_set, set_capabilities,
        },
    };

    let reads = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    for one in reads.iter() {
        match remove_capability_from_bounding_set(one) {
            // Who may not take it away does not have it.
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut own = capabilities(None)?;
    own.inheritable -= reads;
    Ok(set_capabilities(None, own)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn without_privileges() -> Result<()> {
    Ok(())
}
