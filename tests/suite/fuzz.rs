//! A short run of each fuzz target of `fuzz/`: the same function over changes of the same seeds, the same
//! ones every time. `CRONLET_FUZZ_INPUTS` asks for more of them.

use std::{
    env, fs, panic,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

#[path = "../../fuzz/src/cron_expression.rs"]
mod cron_expression;
#[path = "../../fuzz/src/schedules_file.rs"]
mod schedules_file;

/// Pieces that mean something in a file or in an expression.
const PIECES: [&str; 40] = [
    "\"",
    "'",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "\t",
    "#",
    "0",
    "-",
    "\\",
    "\\u",
    "é",
    "\u{202e}",
    "\u{0}",
    "日",
    "a.b.",
    "nan",
    "99999999999999999999",
    "[jobs.x]\n",
    " = ",
    "*",
    "/",
    "L",
    "W",
    "H(",
    ")",
    "+",
    "?",
    "@",
    "MON-",
    "#5",
    " ",
];

/// xorshift: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let sides = u64::try_from(sides.max(1)).unwrap_or(1);
        usize::try_from(self.0 % sides).unwrap_or(0)
    }
}

/// The files of a folder, without the large ones, in order.
fn seeds(folder: &str) -> Result<Vec<Vec<u8>>> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut paths = Vec::new();
    for entry in fs::read_dir(&root).with_context(|| root.display().to_string())? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_none_or(|it| it == "toml"));
    paths.sort();
    let seeds = paths.into_iter().map(|path| Ok(fs::read(path)?));
    seeds.collect()
}

/// One to eight changes of one seed.
fn input(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(8) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + 1 + dice.roll(12)).min(bytes.len());
        match dice.roll(7) {
            0 => drop(bytes.drain(at..end.max(at))),
            1 => drop(bytes.splice(at..at, bytes[at..end.max(at)].to_vec())),
            2 => bytes.truncate(at),
            3 => {
                let bit = 1 << dice.roll(8);
                bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte ^= bit);
            }
            4 => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len() + 1);
                let piece = other[from..(from + 40).min(other.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].bytes())),
        }
    }
    bytes
}

fn run(folder: &str, endure: fn(&[u8])) -> Result<()> {
    let seeds = seeds(folder)?;
    ensure!(seeds.len() > 20, "only {} seeds were found", seeds.len());
    let asked = env::var("CRONLET_FUZZ_INPUTS").ok();
    let inputs = asked.map_or(Ok(3000), |it| it.parse::<usize>())?;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let changed = (0..inputs).map(|_| input(&mut dice, &seeds));
    for bytes in seeds.clone().into_iter().chain(changed) {
        let end = panic::catch_unwind(|| endure(&bytes));
        ensure!(
            end.is_ok(),
            "this is not endured: {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    Ok(())
}

#[test]
fn schedules_files_are_endured() -> Result<()> {
    run("tests/golden/config", schedules_file::endure)
}

#[test]
fn cron_expressions_are_endured() -> Result<()> {
    run("fuzz/seeds/cron_expression", cron_expression::endure)
}
