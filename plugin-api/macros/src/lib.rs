//! The attribute macros of cronlet-plugin, which re-exports them.

mod job;

use proc_macro::TokenStream;

/// Makes a component of a function: one crate, one job.
///
/// ```text
/// #[job]
/// fn name(cx: &Context) -> Result<Outcome, JobError>
///
/// #[job(name = "other-name")]
/// fn name(cx: &Context, params: Params) -> Result<Outcome, JobError>
/// ```
///
/// `Params` implements `serde::Deserialize` and `schemars::JsonSchema`. The result
/// may hold `()` in place of an `Outcome`, and any ordinary error in place of a
/// `JobError`.
///
/// The job describes itself to the host: its name is the function's, with hyphens
/// for underscores, unless one is given; its version is the crate's; its
/// description is the first paragraph of the doc comment.
#[proc_macro_attribute]
pub fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    job::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
