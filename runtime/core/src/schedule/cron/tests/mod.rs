//! What an expression means, what it refuses, and what a brute-force scan says
//! about both.

mod croner;
mod dates;
mod errors;
mod hash;
mod lint;
mod oracle;
mod syntax;
mod transitions;
mod zones;

use jiff::Timestamp;

use super::Cron;
use super::search::Pattern;

fn cron(expression: &str) -> Cron {
    Cron::parse(expression).unwrap_or_else(|error| panic!("`{expression}`: {error}"))
}

fn at(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// The instants after `after`, as many as are listed, as text.
fn following(expression: &str, after: &str, n: usize) -> Vec<String> {
    let cron = cron(expression);
    std::iter::successors(cron.next_after(at(after)), |t| cron.next_after(*t))
        .take(n)
        .map(|t| t.to_string())
        .collect()
}

fn pattern_of(expression: &str) -> Pattern {
    cron(expression).pattern
}
