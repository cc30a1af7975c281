//! `#[job]`: checks the function's shape and says what the SDK should export.
//!
//! The function stays as it is, so that its errors are rustc's own. What is added
//! is one impl of a trait of the SDK and its export; all behaviour is there.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, ItemFn, Lit, LitStr, Meta, Result, ReturnType,
    Signature, Type, parse_quote,
};

const HELP: &str = "help: `fn name(cx: &Context, params: Params) -> Result<Outcome, JobError>`";

/// The function, with its export behind it.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn =
        syn::parse2(item).map_err(|e| wrong(e.span(), "`#[job]` goes on a function"))?;
    let shape = Shape::of(&function.sig)?;
    let name = name_argument(attribute)?.unwrap_or_else(|| default_name(&function.sig));
    let description = first_paragraph(&function.attrs);
    let (params, call) = shape.call(&function.sig);
    allow_unused_context(&mut function);
    Ok(quote! {
        // By value, and a result even where nothing can fail: a job's shape is given.
        #[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]
        #function

        const _: () = {
            struct Job;

            impl ::cronlet_plugin::export::Job for Job {
                type Params = #params;

                const NAME: &'static str = #name;
                const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const DESCRIPTION: &'static str = #description;

                fn run(
                    cx: &::cronlet_plugin::Context,
                    params: #params,
                ) -> ::core::result::Result<::cronlet_plugin::Outcome, ::cronlet_plugin::JobError> {
                    ::cronlet_plugin::export::result(#call)
                }
            }

            ::cronlet_plugin::bindings::export!(Job with_types_in ::cronlet_plugin::bindings);
        };
    })
}

/// What can vary in a job's signature.
struct Shape<'a> {
    params: Option<&'a Type>,
    output: &'a Type,
}

impl<'a> Shape<'a> {
    fn of(signature: &'a Signature) -> Result<Self> {
        if let Some(token) = &signature.asyncness {
            return Err(wrong(
                token.span(),
                "a job is not `async`: the host runs each in its own sandbox",
            ));
        }
        if !signature.generics.params.is_empty() {
            return Err(wrong(
                signature.generics.span(),
                "a job is not generic: the host names no type",
            ));
        }
        let ReturnType::Type(_, output) = &signature.output else {
            return Err(wrong(
                signature.paren_token.span.close(),
                "a job returns a `Result`",
            ));
        };
        Ok(Self {
            params: params(signature)?,
            output,
        })
    }

    /// The type of the params, and the call. The call has the span of the return
    /// type, so that a wrong one is reported there.
    fn call(&self, signature: &Signature) -> (TokenStream, TokenStream) {
        let name = &signature.ident;
        let span = self.output.span();
        match self.params {
            Some(params) => (quote!(#params), quote_spanned!(span=> #name(cx, params))),
            None => (
                quote!(::cronlet_plugin::export::NoParams),
                quote_spanned!(span=> { let _ = params; #name(cx) }),
            ),
        }
    }
}

/// The type of the argument behind the context, if there is one.
fn params(signature: &Signature) -> Result<Option<&Type>> {
    let mut types = Vec::new();
    for argument in &signature.inputs {
        match argument {
            FnArg::Typed(argument) => types.push(&*argument.ty),
            FnArg::Receiver(this) => return Err(wrong(this.span(), "a job is not a method")),
        }
    }
    match types[..] {
        [] => Err(wrong(
            signature.paren_token.span.join(),
            "a job takes the context: `cx: &Context`",
        )),
        [Type::Reference(_)] => Ok(None),
        [Type::Reference(_), params @ Type::Reference(_)] => {
            Err(wrong(params.span(), "a job takes its params by value"))
        }
        [Type::Reference(_), params] => Ok(Some(params)),
        [Type::Reference(_), _, third, ..] => Err(wrong(
            third.span(),
            "a job takes the context and one struct of params, and nothing else",
        )),
        [context, ..] => Err(wrong(
            context.span(),
            "a job's first argument is the context: `cx: &Context`",
        )),
    }
}

/// Many a job needs no fact of its run, and is not to call the context `_cx`.
fn allow_unused_context(function: &mut ItemFn) {
    if let Some(FnArg::Typed(context)) = function.sig.inputs.first_mut() {
        context.attrs.push(parse_quote!(#[allow(unused_variables)]));
    }
}

/// `name = "…"` of `#[job(name = "…")]`.
fn name_argument(attribute: TokenStream) -> Result<Option<LitStr>> {
    let mut name = None;
    let argument = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            name = Some(meta.value()?.parse()?);
            Ok(())
        } else {
            Err(meta.error("the one argument is `name`\nhelp: `#[job(name = \"fetch-papers\")]`"))
        }
    });
    argument.parse2(attribute)?;
    Ok(name)
}

/// `fetch_papers` is the plugin `fetch-papers`.
fn default_name(signature: &Signature) -> LitStr {
    let name = signature.ident.to_string();
    let name = name.trim_start_matches("r#").replace('_', "-");
    LitStr::new(&name, signature.ident.span())
}

/// The first paragraph of the doc comment, on one line.
fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines: Vec<_> = attributes.iter().filter_map(doc_text).collect();
    let text = lines.join("\n");
    let lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty());
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

/// A doc comment is a `#[doc = "…"]`.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = &meta.value
    else {
        return None;
    };
    meta.path.is_ident("doc").then(|| text.value())
}

fn wrong(span: proc_macro2::Span, message: &str) -> Error {
    Error::new(span, format!("{message}\n{HELP}"))
}

#[cfg(test)]
mod tests;
