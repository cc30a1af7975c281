//! `[groups.NAME]`: caps that some jobs share, and the key `group` that makes a job one of them.

use std::{collections::BTreeMap, num::NonZeroU32, ops::RangeInclusive};

use cronlet_core::name::GroupName;

use super::{
    names::{self, legal},
    problem::Problem,
    suggest::closest,
    table::{Field, Kind, Table, Walk, shorten},
};

const GROUPS: Kind = Kind::table("[groups.db]\nmax = 3");
const GROUP: Kind = Kind::table("{ max = 3 }");
const MAX: Kind = Kind::number("a whole number", "3");
const NAME: Kind = Kind::quoted("the name of a group", "\"db\"");

pub(super) const CAPS: RangeInclusive<u32> = 1..=10_000;

/// The groups of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// Every name that has a table, whatever is in it.
    names: Vec<String>,
    pub(super) caps: BTreeMap<GroupName, NonZeroU32>,
}

/// Reads `[groups]`.
pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>) {
    let Some(table) = walk.table(field, &GROUPS) else {
        return;
    };
    for field in Table::new("`[groups]`", "groups.", table).take_all() {
        walk.groups.names.push(field.key.to_owned());
        let name = name(walk, &field);
        let Some(table) = walk.table(&field, &GROUP) else {
            continue;
        };
        let mut table = Table::new(format!("`[groups.{}]`", shorten(field.key)), "", table);
        let max = table.take("max");
        if max.is_none() {
            walk.push(no_max(&field));
        }
        let max = max.and_then(|field| walk.integer(&field, &MAX, CAPS));
        table.finish(walk, |_| None);
        if let (Some(name), Some(max)) = (name, max.and_then(NonZeroU32::new)) {
            walk.groups.caps.insert(name, max);
        }
    }
}

/// Reads the key `group`, whose value must be a group of the file.
pub(super) fn member<'a>(walk: &mut Walk<'a>, field: &Field<'a>) -> Option<GroupName> {
    let text = walk.string(field, &NAME)?;
    if walk.groups.names.iter().any(|name| name == text.value) {
        return GroupName::new(text.value).ok();
    }
    let names = walk.groups.names.iter().map(String::as_str);
    let help = match closest(text.value, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => match legal(text.value) {
            Some(name) => format!("write `[groups.{name}]` with `max = 3`"),
            None => "write `[groups.db]` with `max = 3`, and `group = \"db\"`".to_owned(),
        },
    };
    let name = shorten(text.value);
    let problem = Problem::error("config::group", format!("there is no group `{name}`"))
        .at(text.span.clone())
        .label("no such group in this file")
        .help(help);
    walk.push(problem);
    None
}

fn name(walk: &mut Walk<'_>, field: &Field<'_>) -> Option<GroupName> {
    let error = match GroupName::new(field.key) {
        Ok(name) => return Some(name),
        Err(error) => error,
    };
    let problem = names::problem("config::group-name", "a group's", field, &error)
        .maybe_help(legal(field.key).map(|name| format!("write `[groups.{name}]`")));
    walk.push(problem);
    None
}

fn no_max(field: &Field<'_>) -> Problem {
    let name = shorten(field.key);
    Problem::error(
        "config::missing-key",
        format!("the group `{name}` has no `max`"),
    )
    .at(field.key_span.clone())
    .label("how many attempts of its jobs may run at one time?")
    .help("write `max = 3`")
}
