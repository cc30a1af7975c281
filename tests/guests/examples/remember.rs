//! Uses its job's state as its params say: one operation after the other, and gives back what each said.

use std::thread;
use std::time::Duration;

use cronlet_plugin::prelude::*;
use cronlet_plugin::{State, StateError};
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct Params {
    #[serde(default)]
    ops: Vec<Op>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Op {
    Get(String),
    Set(String, String),
    /// Gives a key a value of so many bytes.
    Large(String, usize),
    /// Gives so many keys, each with this prefix and a number, the same value.
    Many(String, u32, String),
    Swap(String, Option<String>, Option<String>),
    /// Counts a key up, and gives the new number.
    Count(String),
    Delete(String),
    Keys(String),
    /// A key of so many bytes.
    LongKey(usize),
    Say(String),
    Sleep(u64),
    Fail,
    Trap,
    Spin,
    /// Sleeps until it is asked to end, and returns as if nothing had been.
    UntilCancelled,
}

/// Does what it is told with its state.
#[job]
fn remember(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    let mut said = Vec::new();
    for op in params.ops {
        said.push(perform(cx, op)?);
    }
    Ok(Outcome::summary("remembered").output(said))
}

fn perform(cx: &Context, op: Op) -> Result<Value, JobError> {
    let state = cx.state();
    let bytes = |text: &Option<String>| text.clone().map(String::into_bytes);
    Ok(match op {
        Op::Get(key) => match state.get(&key) {
            Ok(value) => json!(value.map(|value| String::from_utf8_lossy(&value).into_owned())),
            Err(error) => code(&error),
        },
        Op::Set(key, value) => done(state.set(&key, value)),
        Op::Large(key, bytes) => done(state.set(&key, vec![b'x'; bytes])),
        Op::Many(prefix, count, value) => many(state, &prefix, count, &value),
        Op::Swap(key, expected, new) => {
            let (expected, new) = (bytes(&expected), bytes(&new));
            match state.compare_and_set(&key, expected.as_deref(), new.as_deref()) {
                Ok(swapped) => json!(swapped),
                Err(error) => code(&error),
            }
        }
        Op::Count(key) => json!(count(state, &key)?),
        Op::Delete(key) => match state.delete(&key) {
            Ok(there) => json!(there),
            Err(error) => code(&error),
        },
        Op::Keys(prefix) => json!(state.keys(prefix).collect::<Result<Vec<_>, _>>()?),
        Op::LongKey(bytes) => done(state.set(&"k".repeat(bytes), "")),
        Op::Say(text) => {
            info!("{text}");
            json!(null)
        }
        Op::Sleep(ms) => {
            thread::sleep(Duration::from_millis(ms));
            json!(null)
        }
        Op::Fail => return Err(JobError::retryable("told to")),
        Op::Trap => panic!("told to"),
        Op::Spin => loop {
            std::hint::spin_loop();
        },
        Op::UntilCancelled => {
            while !cx.cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            json!(null)
        }
    })
}

fn many(state: State<'_>, prefix: &str, count: u32, value: &str) -> Value {
    for n in 0..count {
        if let Err(error) = state.set(&format!("{prefix}{n:06}"), value) {
            return json!({ "error": error.code(), "after": n });
        }
    }
    json!(count)
}

fn count(state: State<'_>, key: &str) -> Result<u64, JobError> {
    let before = state.get(key)?;
    let next = match &before {
        Some(text) => std::str::from_utf8(text)?.parse::<u64>()? + 1,
        None => 1,
    };
    let new = next.to_string();
    state.compare_and_set(key, before.as_deref(), Some(new.as_bytes()))?;
    Ok(next)
}

fn done(result: Result<(), StateError>) -> Value {
    match result {
        Ok(()) => json!("ok"),
        Err(error) => code(&error),
    }
}

fn code(error: &StateError) -> Value {
    json!({ "error": error.code(), "message": error.to_string() })
}
