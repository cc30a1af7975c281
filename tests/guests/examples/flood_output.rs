//! Prints `bytes` bytes to stdout, and as many to stderr: in lines of `line` bytes,
//! or with no newline at all.

use std::io::{self, Write};

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    bytes: usize,
    line: Option<usize>,
}

/// Prints and prints.
#[job]
fn flood_output(cx: &Context, params: Params) -> Result<(), JobError> {
    flood(&mut io::stdout(), 'o', &params)?;
    flood(&mut io::stderr(), 'e', &params)?;
    Ok(())
}

fn flood(to: &mut impl Write, letter: char, params: &Params) -> io::Result<()> {
    let mut piece = String::from(letter).repeat(params.line.unwrap_or(4096).max(1));
    if params.line.is_some() {
        piece.pop();
        piece.push('\n');
    }
    let mut left = params.bytes;
    while left > 0 {
        let piece = &piece.as_bytes()[..left.min(piece.len())];
        to.write_all(piece)?;
        left -= piece.len();
    }
    Ok(())
}
