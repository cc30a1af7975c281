//! What a job remembers from run to run.

use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::cronlet::job::{state, types};
use crate::json::without_position;
use crate::{Context, JobError};

/// What the job remembers from run to run: few and small values under keys of its
/// own, which no other job sees.
///
/// An attempt reads what there was when it started, and what it wrote itself. What
/// it wrote is kept only if it succeeds, in the same step as its end: an attempt
/// that fails, is cancelled or dies has changed nothing.
///
/// ```no_run
/// use cronlet_plugin::prelude::*;
///
/// fn import(cx: &Context, rows: &[(String, String)]) -> Result<u64, JobError> {
///     let state = cx.state();
///     let mut new = 0;
///     for (id, _row) in rows {
///         let key = format!("seen/{id}");
///         if state.get(&key)?.is_none() {
///             state.set(&key, "")?;
///             new += 1;
///         }
///     }
///     let total = state.get_json::<u64>("total")?.unwrap_or(0) + new;
///     state.set_json("total", &total)?;
///     Ok(new)
/// }
/// ```
///
/// A key is a text of 1 to 512 bytes. The job's `max_state_value` (64 KiB) bounds
/// a value, and its `max_state` (16 MiB) all of them together: each counts with its
/// key and 64 bytes. So a list that grows for ever is better a key an entry than
/// one value, and needs somebody who forgets the oldest.
///
/// Where runs of the job overlap, of two that wrote one key the last to end counts;
/// [`State::compare_and_set`] is for jobs that mind.
#[derive(Clone, Copy, Debug)]
pub struct State<'a>(PhantomData<&'a Context>);

/// A call to [`State`] that did nothing, and why.
///
/// `?` makes a [`JobError`] of it with the same code: a permanent one where every
/// attempt would fail the same way, else a retryable one. To do that it must not
/// itself be a [`std::error::Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    code: String,
    message: String,
}

/// The keys of [`State::keys`], in the order of their bytes.
///
/// It asks for a thousand of them at a time. A key that is removed or added behind
/// where it has come is not noticed.
#[derive(Debug)]
pub struct Keys<'a> {
    _state: State<'a>,
    prefix: String,
    page: std::vec::IntoIter<String>,
    last: Option<String>,
    over: bool,
}

/// What is not JSON of the type that was asked for, or cannot be JSON.
const BAD_STATE: &str = "bad-state";

impl Context {
    /// What the job remembers from run to run.
    pub fn state(&self) -> State<'_> {
        State(PhantomData)
    }
}

impl<'a> State<'a> {
    /// The value of a key; `None` if there is none.
    pub fn get(self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(state::get(key)?)
    }

    /// Gives a key a value, in place of the one it had: bytes or text.
    pub fn set(self, key: &str, value: impl AsRef<[u8]>) -> Result<(), StateError> {
        Ok(state::set(key, value.as_ref())?)
    }

    /// Gives a key the value `new` if it has the value `expected`, and says whether
    /// it had. `None` is no value in both, so it creates and removes keys too.
    ///
    /// What it found is looked at again when the job returns: if another run has
    /// changed it meanwhile, the attempt ends with the retryable error
    /// `state-conflict` and keeps nothing. So of any number of runs that count one
    /// up, each counts once:
    ///
    /// ```no_run
    /// use cronlet_plugin::prelude::*;
    ///
    /// fn next_invoice(cx: &Context) -> Result<u64, JobError> {
    ///     let state = cx.state();
    ///     let before = state.get("invoice")?;
    ///     let next = match &before {
    ///         Some(text) => std::str::from_utf8(text)?.parse::<u64>()? + 1,
    ///         None => 1,
    ///     };
    ///     // This attempt has just read it, so here it is still there; another run may be
    ///     // faster all the same.
    ///     state.compare_and_set("invoice", before.as_deref(), Some(next.to_string().as_bytes()))?;
    ///     Ok(next)
    /// }
    /// ```
    pub fn compare_and_set(
        self,
        key: &str,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, StateError> {
        Ok(state::compare_and_set(key, expected, new)?)
    }

    /// Removes a key and its value, and says whether there was one.
    pub fn delete(self, key: &str) -> Result<bool, StateError> {
        Ok(state::delete(key)?)
    }

    /// The keys that begin with `prefix`; all of them for `""`.
    ///
    /// ```no_run
    /// use cronlet_plugin::prelude::*;
    ///
    /// fn forget_old_days(cx: &Context, today: &str) -> Result<(), JobError> {
    ///     let state = cx.state();
    ///     for key in state.keys("day/") {
    ///         let key = key?;
    ///         if key["day/".len()..] < *today {
    ///             state.delete(&key)?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn keys(self, prefix: impl Into<String>) -> Keys<'a> {
        Keys {
            _state: self,
            prefix: prefix.into(),
            page: Vec::new().into_iter(),
            last: None,
            over: false,
        }
    }

    /// The value of a key, read as JSON; `None` if there is none.
    ///
    /// One that is not a `T` is an error with the code `bad-state`: perhaps an older
    /// version of the job wrote it.
    pub fn get_json<T: DeserializeOwned>(self, key: &str) -> Result<Option<T>, StateError> {
        let value = self.get(key)?;
        value.map(|value| from_json(key, &value)).transpose()
    }

    /// Gives a key a value, written as JSON.
    pub fn set_json(self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), StateError> {
        self.set(key, to_json(key, value)?)
    }
}

fn from_json<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, StateError> {
    serde_json::from_slice(value).map_err(|e| StateError {
        code: BAD_STATE.to_owned(),
        message: format!(
            "`{key}` is not what this job reads: {}",
            without_position(&e)
        ),
    })
}

fn to_json(key: &str, value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, StateError> {
    serde_json::to_vec(value).map_err(|e| StateError {
        code: BAD_STATE.to_owned(),
        message: format!("the value of `{key}` does not fit into JSON: {e}"),
    })
}

impl StateError {
    /// Short and stable: `value-too-large`, `state-full`, `key-too-long`,
    /// `empty-key`, `bad-state`. More may be added.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether every attempt would fail the same way.
    fn is_permanent(&self) -> bool {
        ["value-too-large", "key-too-long", "empty-key", BAD_STATE].contains(&self.code.as_str())
    }
}

impl Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<types::Failure> for StateError {
    fn from(failure: types::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
        }
    }
}

impl From<StateError> for JobError {
    fn from(error: StateError) -> Self {
        let new = if error.is_permanent() {
            Self::permanent
        } else {
            Self::retryable
        };
        new(error.message).code(error.code)
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<String, StateError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(key) = self.page.next() {
            return Some(Ok(key));
        }
        if self.over {
            return None;
        }
        match state::keys(&self.prefix, self.last.as_deref()) {
            Ok(page) => {
                self.over = page.is_empty();
                self.last = page.last().cloned();
                self.page = page.into_iter();
                self.page.next().map(Ok)
            }
            Err(error) => {
                self.over = true;
                Some(Err(error.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(error: JobError) -> (bool, String, String) {
        match error.into_wit() {
            types::JobError::Permanent(failure) => (true, failure.code, failure.message),
            types::JobError::Retryable(failure) => (false, failure.code, failure.message),
            other => panic!("{other:?}"),
        }
    }

    fn said(code: &str) -> StateError {
        StateError::from(types::Failure {
            code: code.to_owned(),
            message: "no".to_owned(),
            attributes: Vec::new(),
        })
    }

    #[test]
    fn what_would_fail_again_is_permanent() {
        for (code, permanent) in [
            ("value-too-large", true),
            ("empty-key", true),
            ("key-too-long", true),
            ("state-full", false),
            ("state-unavailable", false),
            ("a code of the future", false),
        ] {
            let expected = (permanent, code.to_owned(), "no".to_owned());
            assert_eq!(code_of(said(code).into()), expected);
        }
    }

    #[test]
    fn what_is_not_json_of_the_type_says_which_key() {
        let error = from_json::<u64>("total", b"[1]").unwrap_err();
        assert_eq!(error.code(), "bad-state");
        let message = "`total` is not what this job reads: invalid type: sequence, expected u64";
        assert_eq!(error.to_string(), message);
        assert_eq!(from_json("total", b"7"), Ok(7));
        assert_eq!(to_json("total", &[1, 2]).unwrap(), b"[1,2]");
        let lists = std::collections::BTreeMap::from([([1, 2], "a")]);
        let error = to_json("map", &lists).unwrap_err();
        let message = "the value of `map` does not fit into JSON: key must be a string";
        assert_eq!(error.to_string(), message);
    }
}
