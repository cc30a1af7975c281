use serde_json::{Value, json};

use super::*;

#[derive(Deserialize, JsonSchema)]
struct Greeting {
    name: String,
}

struct Hello;

impl Job for Hello {
    type Params = Greeting;

    const NAME: &'static str = "hello";
    const VERSION: &'static str = "1.2.3";
    const DESCRIPTION: &'static str = "Says hello.";

    fn run(_cx: &Context, params: Greeting) -> Result<Outcome, JobError> {
        Ok(Outcome::summary(format!("hello {}", params.name)))
    }
}

struct Tick;

impl Job for Tick {
    type Params = NoParams;

    const NAME: &'static str = "tick";
    const VERSION: &'static str = "0.1.0";
    const DESCRIPTION: &'static str = "";

    fn run(_cx: &Context, _params: NoParams) -> Result<Outcome, JobError> {
        result(Err::<(), _>(std::io::Error::other("no clock")))
    }
}

fn run<J: Job>(params: &str) -> Result<types::Outcome, types::JobError> {
    <J as runner::Guest>::run(params.to_owned())
}

fn schema<J: Job>() -> Value {
    let schema = <J as describe::Guest>::describe().params_schema.unwrap();
    serde_json::from_str(&schema).unwrap()
}

#[test]
fn runs_with_typed_params() {
    let outcome = run::<Hello>(r#"{"name":"world"}"#).unwrap();
    assert_eq!(outcome.summary, "hello world");
}

#[test]
fn params_that_do_not_fit_are_permanent() {
    let Err(types::JobError::Permanent(failure)) = run::<Hello>("{}") else {
        panic!("not permanent");
    };
    assert_eq!(failure.code, "bad-params");
    assert_eq!(failure.message, "params: missing field `name`");
}

#[test]
fn ordinary_error_is_retryable() {
    let Err(types::JobError::Retryable(failure)) = run::<Tick>("{}") else {
        panic!("not retryable");
    };
    assert_eq!(failure.message, "no clock");
}

#[test]
fn describes_itself() {
    let metadata = <Hello as describe::Guest>::describe();
    assert_eq!(metadata.name, "hello");
    assert_eq!(metadata.version, "1.2.3");
    assert_eq!(metadata.description, "Says hello.");
    assert!(metadata.attributes.is_empty());
}

#[test]
fn schema_says_what_params_are() {
    let schema = schema::<Hello>();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["properties"]["name"]["type"], "string");
    assert_eq!(schema["required"], json!(["name"]));
}

#[test]
fn schema_of_no_params_allows_none() {
    let schema = schema::<Tick>();
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["additionalProperties"], false);
}
