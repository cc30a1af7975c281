//! A program and not a job: a component without the export.

fn main() {}
