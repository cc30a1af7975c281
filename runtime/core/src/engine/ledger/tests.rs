use super::*;
use crate::{
    digest::Digest,
    state::{Value, Write},
};

fn job() -> JobName {
    JobName::new("a").unwrap()
}

fn write(value: Option<&str>, replaced: u64) -> Write {
    Write {
        value: value.map(|text| Value::new(text.as_bytes().into())),
        replaced,
    }
}

fn changes<const N: usize>(writes: [(&str, Write); N]) -> StateChanges {
    let writes = writes.map(|(key, write)| (key.into(), write));
    StateChanges::new(writes.into(), BTreeMap::new())
}

fn found(key: &str, value: Option<&str>) -> StateChanges {
    let digest = value.map(|text| Digest::of(text.as_bytes()));
    StateChanges::new(BTreeMap::new(), [(key.into(), digest)].into())
}

/// Keeps what is fine.
fn keep(ledger: &mut Ledger, terms: Terms, changes: &StateChanges) -> Result<u64, Lost> {
    let total = ledger.check(&job(), terms, changes)?;
    ledger.keep(&job(), changes, total, true);
    Ok(total)
}

#[test]
fn a_race_is_lost_by_the_second() {
    let mut ledger = Ledger::default();
    let terms = ledger.terms(1000);
    keep(&mut ledger, terms, &changes([("k", write(Some("1"), 0))])).unwrap();
    let lost = Err(Lost::Race("k".into()));
    assert_eq!(ledger.check(&job(), terms, &found("k", None)), lost);
    assert_eq!(ledger.check(&job(), terms, &found("k", Some("0"))), lost);
    assert_eq!(ledger.check(&job(), terms, &found("other", None)), Ok(66));
    // What it had read may be younger than its start.
    assert_eq!(ledger.check(&job(), terms, &found("k", Some("1"))), Ok(66));
    keep(&mut ledger, terms, &changes([("k", write(None, 66))])).unwrap();
    assert_eq!(ledger.check(&job(), terms, &found("k", None)), Ok(0));
}

#[test]
fn the_total_counts_what_is_replaced_now_and_not_what_was_read() {
    let mut ledger = Ledger::default();
    ledger.recover([(job(), 100)].into());
    let terms = ledger.terms(1000);
    // Both have read an entry of 100 bytes.
    let [first, second] = ["aaaa", "b"].map(|text| changes([("k", write(Some(text), 100))]));
    assert_eq!(keep(&mut ledger, terms, &first), Ok(64 + 1 + 4));
    assert_eq!(keep(&mut ledger, terms, &second), Ok(64 + 1 + 1));
    let gone = changes([("k", write(None, 100))]);
    assert_eq!(keep(&mut ledger, terms, &gone), Ok(0));
    assert!(ledger.totals.is_empty());
}

#[test]
fn two_that_fit_alone_may_be_too_much_together() {
    let mut ledger = Ledger::default();
    let terms = ledger.terms(140);
    let [one, two, three] = ["k", "l", "m"].map(|key| changes([(key, write(Some(""), 0))]));
    assert_eq!(keep(&mut ledger, terms, &one), Ok(65));
    assert_eq!(keep(&mut ledger, terms, &two), Ok(130));
    let full = Lost::Full {
        total: 195,
        max: 140,
    };
    assert_eq!(keep(&mut ledger, terms, &three), Err(full));
    let less = Terms { max: 1, ..terms };
    let smaller = changes([("k", write(None, 0))]);
    assert_eq!(keep(&mut ledger, less, &smaller), Ok(65));
}

#[test]
fn what_the_oldest_attempt_has_read_is_forgotten_first() {
    let mut recent = Recent::default();
    recent.add(1, &changes([("a", write(None, 0)), ("b", write(None, 0))]));
    recent.add(2, &changes([("b", write(None, 0)), ("c", write(None, 0))]));
    recent.thin_out(1);
    let keys: Vec<_> = recent.keys.keys().map(AsRef::as_ref).collect();
    assert_eq!(keys, ["b", "c"]);
    assert_eq!((recent.bytes, recent.forgotten), (2 * 65, 0));
    assert_eq!(recent.by_age.len(), 2);
}

#[test]
fn who_started_before_what_was_forgotten_keeps_nothing() {
    let mut ledger = Ledger::default();
    let early = ledger.terms(u64::MAX);
    let many = |from: u32| {
        let keys = (from..from + 100_000).map(|n| (Key::from(n.to_string()), write(None, 0)));
        StateChanges::new(keys.collect(), BTreeMap::new())
    };
    let mut terms = early;
    for round in 0..4 {
        terms = ledger.terms(u64::MAX);
        keep(&mut ledger, terms, &many(round * 100_000)).unwrap();
        if ledger.is_crowded(&job()) {
            ledger.thin_out(&job(), early.began);
        }
    }
    assert!(!ledger.is_crowded(&job()));
    let any = changes([("k", write(None, 0))]);
    assert_eq!(ledger.check(&job(), early, &any), Err(Lost::Forgotten));
    assert_eq!(ledger.check(&job(), terms, &any), Ok(0));
    ledger.rest(&job());
    assert!(!ledger.is_watching());
    assert_eq!(ledger.check(&job(), early, &any), Ok(0));
}
