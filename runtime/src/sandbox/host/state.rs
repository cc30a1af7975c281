//! `state`: what the job remembers from run to run.

use cronlet_core::report;
use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::{
    bindings::cronlet::job::state::{self, Host},
    types::Failure,
};
use crate::sandbox::{
    kept::{Kept, Refusal},
    state::State,
};

/// What the interface sees of the attempt.
struct View<'a>(&'a mut Kept);

struct Data;

impl HasData for Data {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    state::add_to_linker::<_, Data>(linker, |state| View(&mut state.kept))
}

/// All of it is in memory since the attempt started, so nothing here waits.
impl Host for View<'_> {
    async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(&key)?.map(<[u8]>::to_vec))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), Failure> {
        Ok(self.0.set(&key, &value)?)
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> Result<bool, Failure> {
        let (expected, new) = (expected.as_deref(), new.as_deref());
        Ok(self.0.compare_and_set(&key, expected, new)?)
    }

    async fn delete(&mut self, key: String) -> Result<bool, Failure> {
        Ok(self.0.delete(&key)?)
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
    ) -> Result<Vec<String>, Failure> {
        Ok(self.0.keys(&prefix, after.as_deref()))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let report::Failure {
            code,
            message,
            attributes,
            ..
        } = refusal.into();
        Self {
            code,
            message,
            attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cronlet_core::{
        digest::Digest,
        limits::Limits,
        state::{ENTRY, Entries, MAX_KEY, StateChanges},
    };

    use super::*;
    use crate::sandbox::kept::PAGE;

    fn entries(entries: &[(&str, &str)]) -> Entries {
        let entries = entries.iter();
        entries
            .map(|(key, value)| ((*key).into(), value.as_bytes().into()))
            .collect()
    }

    fn kept(there: &[(&str, &str)]) -> Kept {
        let limits = Limits {
            max_state: 1000,
            max_state_value: 100,
            ..Limits::default()
        };
        Kept::new(entries(there), &limits)
    }

    fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        result.unwrap_err().code
    }

    fn bytes(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    /// Each key that was written, with its value and what it replaced.
    fn writes(changes: &StateChanges) -> Vec<(&str, Option<&[u8]>, u64)> {
        let writes = changes.writes().iter();
        writes
            .map(|(key, write)| {
                let value = write.value.as_ref().map(|value| {
                    assert_eq!(value.digest(), Digest::of(value.bytes()));
                    &**value.bytes()
                });
                (&**key, value, write.replaced)
            })
            .collect()
    }

    #[tokio::test]
    async fn a_guest_sees_what_there_was_and_what_it_wrote() {
        let mut kept = kept(&[("a", "1"), ("b", "2")]);
        let mut view = View(&mut kept);
        view.set("a".to_owned(), bytes("new")).await.unwrap();
        view.set("c".to_owned(), bytes("")).await.unwrap();
        assert!(view.delete("b".to_owned()).await.unwrap());
        assert!(!view.delete("b".to_owned()).await.unwrap());
        assert_eq!(view.get("a".to_owned()).await.unwrap(), Some(bytes("new")));
        assert_eq!(view.get("b".to_owned()).await.unwrap(), None);
        assert_eq!(view.get("c".to_owned()).await.unwrap(), Some(Vec::new()));
        let keys = view.keys(String::new(), None).await.unwrap();
        assert_eq!(keys, ["a", "c"]);
        let changes = kept.changes().unwrap();
        let expected: [(_, Option<&[u8]>, _); 3] = [
            ("a", Some(b"new"), ENTRY + 2),
            ("b", None, ENTRY + 2),
            ("c", Some(b""), 0),
        ];
        assert_eq!(writes(&changes), expected);
        assert!(changes.found().is_empty());
    }

    #[test]
    fn who_only_reads_changes_nothing() {
        let mut kept = kept(&[("a", "1")]);
        assert_eq!(kept.get("a"), Ok(Some(&b"1"[..])));
        assert_eq!(kept.delete("none"), Ok(false));
        assert_eq!(kept.compare_and_set("a", None, Some(b"2")), Ok(false));
        assert_eq!(kept.set("b", b""), Ok(()));
        assert_eq!(kept.delete("b"), Ok(true));
        assert_eq!(kept.changes(), None);
    }

    #[tokio::test]
    async fn a_compare_and_set_remembers_what_it_found_at_the_start() {
        let mut kept = kept(&[("a", "1")]);
        let mut view = View(&mut kept);
        view.set("c".to_owned(), bytes("1")).await.unwrap();
        for (key, expected, new, swapped) in [
            ("a", Some("2"), Some("1"), false),
            ("a", None, Some("1"), false),
            ("a", Some("1"), Some("2"), true),
            ("a", Some("2"), None, true),
            ("b", None, None, true),
            // A write of its own needs no second look.
            ("c", Some("1"), Some("2"), true),
        ] {
            let [expected, new] = [expected, new].map(|text| text.map(bytes));
            let said = view.compare_and_set(key.to_owned(), expected, new).await;
            assert_eq!(said.unwrap(), swapped, "{key}");
        }
        let changes = kept.changes().unwrap();
        let found = [("a".into(), Some(Digest::of(b"1"))), ("b".into(), None)];
        assert_eq!(*changes.found(), BTreeMap::from(found));
        let keys: Vec<_> = writes(&changes).into_iter().map(|write| write.0).collect();
        assert_eq!(keys, ["a", "c"]);
    }

    #[tokio::test]
    async fn keys_and_values_have_limits() {
        let mut kept = kept(&[]);
        let mut view = View(&mut kept);
        for (key, expected) in [
            (String::new(), "empty-key"),
            ("k".repeat(MAX_KEY + 1), "key-too-long"),
            ("k".repeat(1 << 22), "key-too-long"),
        ] {
            assert_eq!(code(view.get(key.clone()).await), expected);
            assert_eq!(code(view.set(key.clone(), Vec::new()).await), expected);
            assert_eq!(code(view.delete(key.clone()).await), expected);
            let swap = view.compare_and_set(key, None, None).await;
            assert_eq!(code(swap), expected);
        }
        let large = vec![0; 101];
        let key = || "k".to_owned();
        let refused = view.set(key(), large.clone()).await.unwrap_err();
        assert_eq!(refused.code, "value-too-large");
        let message = "a value of 101B is over the job's `max_state_value` of 100B";
        assert_eq!(refused.message, message);
        let swap = view.compare_and_set(key(), None, Some(large.clone())).await;
        assert_eq!(code(swap), "value-too-large");
        // What is compared may be anything.
        let swap = view.compare_and_set(key(), Some(large), None).await;
        assert!(!swap.unwrap());
        view.set("k".repeat(MAX_KEY), vec![0; 100]).await.unwrap();
        view.set("\0\u{1b}[2J é".to_owned(), Vec::new())
            .await
            .unwrap();
    }

    #[test]
    fn what_a_guest_can_have_held_is_bounded() {
        let mut kept = kept(&[("there", "")]);
        // Each of these is refused long before it has been done so often.
        let many = || (0..100_000).map(|n| n.to_string());
        let full = Err(Refusal::Full { max: 1000 });
        let watched = many().map(|key| kept.compare_and_set(&key, None, None));
        assert_eq!(watched.filter(|said| *said == full).count(), 100_000 - 14);
        assert_eq!(kept.set("new", b""), Err(Refusal::Full { max: 1000 }));
        assert_eq!(kept.delete("there"), Ok(true));
        assert_eq!(kept.set("new", b""), Ok(()));
        for key in many() {
            assert_eq!(kept.delete("new"), Ok(true));
            assert_eq!(kept.set(&key, b""), Ok(()));
            assert_eq!(kept.delete(&key), Ok(true));
            assert_eq!(kept.delete(&format!("not-{key}")), Ok(false));
            assert_eq!(kept.set("new", b""), Ok(()));
        }
        let changes = kept.changes().unwrap();
        assert_eq!((changes.writes().len(), changes.found().len()), (2, 14));
    }

    #[test]
    fn what_is_over_a_lowered_limit_may_shrink_and_not_grow() {
        let there: Vec<_> = (0..100).map(|n| format!("key-{n:03}")).collect();
        let there: Vec<_> = there.iter().map(|key| (key.as_str(), "12345")).collect();
        let mut kept = kept(&there);
        assert_eq!(kept.get("key-099"), Ok(Some(&b"12345"[..])));
        assert_eq!(kept.set("key-000", b"1234"), Ok(()));
        let full = Err(Refusal::Full { max: 1000 });
        assert_eq!(kept.set("key-000", b"12345"), full);
        for (key, _) in &there[13..] {
            assert_eq!(kept.delete(key), Ok(true));
        }
        assert_eq!(kept.set("key-000", b"12345"), Ok(()));
    }

    #[tokio::test]
    async fn keys_come_in_pages_in_the_order_of_their_bytes() {
        let names: Vec<_> = (0..=2 * PAGE).map(|n| format!("row/{n:05}")).collect();
        let mut there: Vec<_> = names.iter().map(|key| (key.as_str(), "")).collect();
        there.extend([("row", ""), ("row0", ""), ("é", ""), ("Z", "")]);
        let mut kept = Kept::new(entries(&there), &Limits::default());
        let mut view = View(&mut kept);
        let prefix = || "row/".to_owned();
        let mut found = view.keys(prefix(), None).await.unwrap();
        assert_eq!(found.len(), PAGE);
        while let Some(last) = found.last().cloned() {
            let more = view.keys(prefix(), Some(last)).await.unwrap();
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        assert_eq!(found, names);
        let all = view.keys(String::new(), Some("row/02000".to_owned())).await;
        assert_eq!(all.unwrap(), ["row0", "é"]);
        // Words that are no place in the list.
        for (prefix, after, expected) in [
            ("row0", "", "row0"),
            ("row0", "row", "row0"),
            ("Z", "A", "Z"),
        ] {
            let keys = view.keys(prefix.to_owned(), Some(after.to_owned())).await;
            assert_eq!(keys.unwrap(), [expected]);
        }
        let absurd = view.keys("x".repeat(1 << 20), Some("é".repeat(1 << 20)));
        assert_eq!(absurd.await.unwrap(), [""; 0]);
    }
}
