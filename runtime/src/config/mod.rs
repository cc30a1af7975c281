//! `schedules.toml`: its text becomes a draft, a draft with a catalog of components becomes a plan,
//! and whatever is wrong becomes problems, all of them at once. The only room that knows TOML.
pub mod watch;
