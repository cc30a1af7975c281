//! Sizes: a whole number of bytes, in one unit.

use super::{UnitError, digits_end};

const BINARY: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

const DECIMAL: [(&str, u64); 4] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

/// Units as words.
const WORDS: [(&str, &str); 7] = [
    ("byte", "B"),
    ("kilobyte", "kB"),
    ("megabyte", "MB"),
    ("gigabyte", "GB"),
    ("kibibyte", "KiB"),
    ("mebibyte", "MiB"),
    ("gibibyte", "GiB"),
];

const BYTE: (&str, u64) = ("B", 1);

/// Reads `64MiB`, `1GiB`, `512KiB`, `100B`, and decimal `64MB`.
///
/// The units are `B`, `KiB` to `TiB` (powers of 1024) and `kB` to `TB` (powers
/// of 1000). More than `u64::MAX` bytes is an error.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let unit_at = digits_end(text, 0);
    let (number, unit) = text.split_at(unit_at);
    if text.is_empty() {
        let error = UnitError::new(0..0, "size is empty", "expected a number and a unit");
        return Err(error.help("write a size such as `64MiB`"));
    }
    if number.is_empty() || unit.is_empty() {
        return Err(incomplete(text, unit_at));
    }
    let Some((_, bytes)) = units().find(|(name, _)| *name == unit) else {
        return Err(unknown_unit(text, unit_at));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(bytes))
        .ok_or_else(|| too_large(text))
}

/// Writes a size exactly: in the largest binary unit that divides it (`64MiB`,
/// `1536KiB`), else in bytes (`1000B`).
pub fn format_size(bytes: u64) -> String {
    let (unit, size) = BINARY
        .into_iter()
        .find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size))
        .unwrap_or(BYTE);
    format!("{}{unit}", bytes / size)
}

fn units() -> impl Iterator<Item = (&'static str, u64)> {
    BINARY.into_iter().chain(DECIMAL).chain([BYTE])
}

fn incomplete(text: &str, unit_at: usize) -> UnitError {
    if unit_at == text.len() {
        let error = UnitError::new(
            0..unit_at,
            format!("size `{text}` has no unit"),
            "expected a unit after the number",
        );
        return error.help(format!("write `{text}B`"));
    }
    UnitError::new(
        0..text.len(),
        format!("size `{text}` has no number"),
        "expected a number and a unit",
    )
    .help("write a size such as `64MiB`")
}

fn unknown_unit(text: &str, unit_at: usize) -> UnitError {
    let (number, unit) = text.split_at(unit_at);
    if unit.starts_with(['.', ',']) {
        return UnitError::new(
            unit_at..unit_at + 1,
            format!("size `{text}` has a fraction"),
            "expected a whole number",
        )
        .help("write it with a smaller unit, such as `1536KiB`");
    }
    if unit.starts_with(char::is_whitespace) {
        let blanks = unit.len() - unit.trim_start().len();
        let error = UnitError::new(
            unit_at..unit_at + blanks,
            format!("size `{text}` has a blank"),
            "expected no blank",
        );
        return match meant(unit.trim()) {
            Some(name) => error.help(format!("write `{number}{name}`")),
            None => error.help("write a size such as `64MiB`"),
        };
    }
    let error = UnitError::new(
        unit_at..text.len(),
        format!("`{unit}` is not a unit of size"),
        "expected B, KiB, MiB, GiB, TiB, kB, MB, GB or TB",
    );
    match meant(unit) {
        Some(name) => error.help(format!("write `{number}{name}`")),
        None => error,
    }
}

/// The unit that another spelling stands for: `mib`, `MB` in any case, `M`, `megabytes`.
fn meant(unit: &str) -> Option<&'static str> {
    let letter = |name: &str| name[..1].eq_ignore_ascii_case(unit);
    let mut names = units().map(|(name, _)| name);
    names
        .find(|name| name.eq_ignore_ascii_case(unit) || letter(name))
        .or_else(|| {
            let (_, name) = WORDS.iter().find(|(word, _)| {
                let unit = unit.to_ascii_lowercase();
                unit.strip_suffix('s').unwrap_or(&unit) == *word
            })?;
            Some(*name)
        })
}

fn too_large(text: &str) -> UnitError {
    UnitError::new(
        0..text.len(),
        format!("size `{text}` is too large"),
        format!("expected at most {}", format_size(u64::MAX)),
    )
}
