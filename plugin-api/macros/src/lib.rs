//! The attribute macros of cronlet-plugin, which re-exports them.

mod job;

use proc_macro::TokenStream;

/// Makes a component of a function.
#[proc_macro_attribute]
pub fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    job::expand(attribute.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
