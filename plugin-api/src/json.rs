//! JSON from the host, read into the types a job asks for.

use serde::de::DeserializeOwned;

use crate::JobError;

/// A value of JSON text. What does not fit is permanent, since the same text
/// comes with every attempt; the code tells which text it was.
pub(crate) fn parse<T: DeserializeOwned>(
    json: &str,
    code: &str,
    what: &str,
) -> Result<T, JobError> {
    serde_json::from_str(json)
        .map_err(|e| JobError::permanent(format!("{what}: {}", without_position(&e))).code(code))
}

/// serde's message without ` at line 1 column 12`: the text was written by the
/// host, so its user has never seen that line.
pub(crate) fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    message
        .strip_suffix(&position)
        .unwrap_or(&message)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::bindings::cronlet::job::types;

    #[derive(Debug, Deserialize)]
    struct Params {
        name: String,
    }

    fn message(json: &str) -> String {
        let error = parse::<Params>(json, "bad-params", "params").unwrap_err();
        let types::JobError::Permanent(failure) = error.into_wit() else {
            panic!("not permanent");
        };
        assert_eq!(failure.code, "bad-params");
        failure.message
    }

    #[test]
    fn reads_what_fits() {
        let params: Params = parse(r#"{"name":"world"}"#, "bad-params", "params").unwrap();
        assert_eq!(params.name, "world");
    }

    #[test]
    fn says_what_does_not_fit() {
        assert_eq!(message("{}"), "params: missing field `name`");
        assert_eq!(
            message(r#"{"name":3}"#),
            "params: invalid type: integer `3`, expected a string"
        );
    }
}
