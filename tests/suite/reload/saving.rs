//! Every way in which a schedules file is saved.

use super::*;

#[test]
fn every_way_of_saving_takes_effect() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    let saved = |number, how, save: &dyn Fn(&str) -> Result<()>| {
        let text = text(number);
        let began = Instant::now();
        save(&text)?;
        ticking.live(how, began, &text)
    };
    saved(1, "in place", &|text| project.write("schedules.toml", text))?;
    saved(2, "by rename", &|text| {
        replace(project, "schedules.toml", text.as_bytes())
    })?;
    saved(3, "with a link in place of the file", &|text| {
        project.write("three.toml", text)?;
        link(project, "three.toml", "schedules.toml")
    })?;
    saved(4, "with another link", &|text| {
        project.write("four.toml", text)?;
        link(project, "four.toml", "schedules.toml")
    })?;
    saved(5, "in place, behind the link", &|text| {
        project.write("four.toml", text)
    })?;
    saved(6, "with a file in place of the link", &|text| {
        replace(project, "schedules.toml", text.as_bytes())
    })?;
    saved(7, "in place, and it has its old time", &|text| {
        let modified = fs::metadata(project.path("schedules.toml"))?.modified()?;
        project.write("schedules.toml", text)?;
        let file = File::options()
            .write(true)
            .open(project.path("schedules.toml"))?;
        Ok(file.set_modified(modified)?)
    })?;
    ticking.nothing_is_lost()
}

#[test]
fn a_config_map_is_swapped_as_a_whole() -> Result<()> {
    // The file is a link through `..data`, a link to a folder with a time in its name. An update makes
    // another such folder, has another link take the place of `..data`, and removes the old folder.
    let project = Project::new(TICK, &[("noop", tests::NOOP)])?;
    let update = |folder: &str, text: &str| {
        fs::create_dir(project.path(folder))?;
        project.write(&format!("{folder}/schedules.toml"), text)?;
        link(&project, folder, "..data")
    };
    update("..2026_03_01", TICK)?;
    link(&project, "..data/schedules.toml", "schedules.toml")?;
    let daemon = Daemon::start(&project)?;
    let mut before = "..2026_03_01".to_owned();
    for number in 1..=3 {
        let (folder, text) = (format!("..2026_03_0{}", number + 1), text(number));
        let began = Instant::now();
        update(&folder, &text)?;
        fs::remove_dir_all(project.path(&before))?;
        live(&daemon, &text)?;
        println!("a swap: live after {:?}", began.elapsed());
        before = folder;
    }
    assert!(!daemon.log().contains("not reloaded"), "{}", daemon.log());
    assert_eq!(daemon.stop()?, 0);
    Ok(())
}

#[test]
fn a_text_that_is_written_in_pieces_is_read_when_it_is_whole() -> Result<()> {
    let ticking = Ticking::start()?;
    let (daemon, path) = (&ticking.daemon, ticking.project.path("schedules.toml"));
    let first = text(1);
    ticking.project.write("schedules.toml", &first)?;
    ticking.live("the first", Instant::now(), &first)?;

    let mut number = 1;
    let mut never_in_part = |how: &str, ends: &str, pause, quiet| -> Result<()> {
        loop {
            number += 1;
            let text = text(number);
            let pieces: Vec<_> = text.split_inclusive(ends).map(str::as_bytes).collect();
            assert!(pieces.len() > 1, "{how}: {text}");
            let heard = daemon.log().len();
            let was_quiet = in_pieces(&path, &pieces, pause, quiet)?;
            let began = Instant::now();
            if was_quiet {
                live(daemon, &text)?;
                continue;
            }
            ticking.live(how, began, &text)?;
            let said = daemon.log().split_off(heard);
            for never in ["not reloaded", "removed"] {
                assert!(!said.contains(never), "a part of it was read: {said}");
            }
            return Ok(());
        }
    };
    never_in_part("in many pieces", "o", QUIET / 3, QUIET)?;
    never_in_part("cut between two tables", "\n\n", LONG_QUIET / 2, LONG_QUIET)?;
    ticking.nothing_is_lost()
}

#[test]
fn a_change_without_an_event_is_seen() -> Result<()> {
    // Nobody is told of what is written through another name in another folder, as nobody is of what is
    // written on another machine.
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    fs::create_dir(project.path("elsewhere"))?;
    for file in ["schedules.toml", "plugins/noop.wasm"] {
        let name = Path::new(file).file_name().context("it has a name")?;
        fs::hard_link(project.path(file), project.path("elsewhere").join(name))?;
    }
    let text = text(1);
    let began = Instant::now();
    project.write("elsewhere/schedules.toml", &text)?;
    ticking.live("without an event", began, &text)?;

    let began = Instant::now();
    fs::copy(tests::BARE, project.path("elsewhere/noop.wasm"))?;
    project.until_runs("tick", ran_on(digest_of(tests::BARE)?))?;
    println!("a component without an event: {:?}", began.elapsed());
    ticking.nothing_is_lost()
}

#[test]
fn a_storm_of_a_hundred_saves_ends_with_the_last_one() -> Result<()> {
    let ticking = Ticking::start()?;
    let project = &ticking.project;
    for number in 1..100 {
        match number % 4 {
            0 => project.write("schedules.toml", &text(number))?,
            1 => replace(project, "schedules.toml", text(number).as_bytes())?,
            // No TOML, and a job less.
            2 => project.write("schedules.toml", "[jobs.tick")?,
            _ => project.write("schedules.toml", TICK)?,
        }
        // Most come too soon after one another to be read, some do not.
        let pause = if number % 10 == 0 {
            130
        } else {
            number % 7 * 5
        };
        thread::sleep(Duration::from_millis(u64::from(pause)));
    }
    let last = text(100);
    let began = Instant::now();
    project.write("schedules.toml", &last)?;
    ticking.live("after a storm", began, &last)?;
    let reloads = ticking.daemon.log().matches("reloaded: ").count();
    println!("{reloads} of a hundred were read");
    ticking.nothing_is_lost()
}
