//! .

pub mod units;
