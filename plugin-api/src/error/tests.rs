use std::fmt;

use super::*;

/// An error with a source, that may quote it too.
#[derive(Debug)]
struct Wrapped {
    text: &'static str,
    source: Option<Box<Wrapped>>,
}

impl Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

fn wrapped(texts: &[&'static str]) -> Wrapped {
    Wrapped {
        text: texts[0],
        source: (texts.len() > 1).then(|| Box::new(wrapped(&texts[1..]))),
    }
}

fn failed(texts: &[&'static str]) -> Result<(), JobError> {
    Err(wrapped(texts))?;
    Ok(())
}

#[test]
fn each_constructor_is_its_case() {
    let types::JobError::Retryable(failure) = JobError::retryable("a").into_wit() else {
        panic!("not retryable");
    };
    assert_eq!((&*failure.code, &*failure.message), ("error", "a"));

    let types::JobError::Permanent(failure) = JobError::permanent("b").into_wit() else {
        panic!("not permanent");
    };
    assert_eq!((&*failure.code, &*failure.message), ("error", "b"));

    let types::JobError::Cancelled(failure) = JobError::cancelled("c").into_wit() else {
        panic!("not cancelled");
    };
    assert_eq!((&*failure.code, &*failure.message), ("cancelled", "c"));
}

#[test]
fn delay_is_in_milliseconds_and_saturates() {
    for (delay, millis) in [
        (Duration::ZERO, 0),
        (Duration::from_micros(1_500), 1),
        (Duration::from_mins(1), 60_000),
        (Duration::MAX, u64::MAX),
    ] {
        let types::JobError::RetryAfter(delayed) = JobError::retry_after("busy", delay).into_wit()
        else {
            panic!("not retry-after");
        };
        assert_eq!(delayed.delay, millis);
        assert_eq!(delayed.failure.message, "busy");
    }
}

#[test]
fn code_and_attributes_are_kept() {
    let error = JobError::permanent("no such feed")
        .code("upstream-404")
        .attribute("status", 404);
    let types::JobError::Permanent(failure) = error.into_wit() else {
        panic!("not permanent");
    };
    assert_eq!(failure.code, "upstream-404");
    assert_eq!(
        failure.attributes,
        [("status".to_owned(), "404".to_owned())]
    );
}

#[test]
fn ordinary_error_is_retryable_with_its_sources() {
    let error = failed(&["cannot read the list", "permission denied"]).unwrap_err();
    let types::JobError::Retryable(failure) = error.into_wit() else {
        panic!("not retryable");
    };
    assert_eq!(failure.code, "error");
    assert_eq!(failure.message, "cannot read the list: permission denied");
}

#[test]
fn source_that_is_quoted_is_not_said_twice() {
    let error = failed(&["read: no such file", "no such file"]).unwrap_err();
    let types::JobError::Retryable(failure) = error.into_wit() else {
        panic!("not retryable");
    };
    assert_eq!(failure.message, "read: no such file");
}

#[test]
fn job_error_passes_through_the_question_mark() {
    fn outer() -> Result<(), JobError> {
        Err(JobError::permanent("inner"))?;
        Ok(())
    }
    assert!(matches!(
        outer().unwrap_err().into_wit(),
        types::JobError::Permanent(_)
    ));
}
