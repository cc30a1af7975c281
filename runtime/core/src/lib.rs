//! .

pub mod schedule;
pub mod units;
