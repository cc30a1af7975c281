use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    name: String,
}

/// Says hello.
#[job]
fn hello(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    info!("greeting {}", params.name);
    Ok(Outcome::summary(format!("hello {}", params.name)))
}
