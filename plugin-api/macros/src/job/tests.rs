use quote::quote;

use super::*;

fn expanded(attribute: TokenStream, item: TokenStream) -> String {
    expand(attribute, item).unwrap().to_string()
}

/// The first line of the complaint; the help behind it is the same for all.
fn refused(item: TokenStream) -> String {
    let error = expand(TokenStream::new(), item).unwrap_err().to_string();
    let (message, help) = error.split_once('\n').unwrap();
    assert_eq!(help, HELP);
    message.to_owned()
}

/// Whether the tokens come one behind the other in what is expanded.
fn holds(expanded: &str, tokens: &TokenStream) -> bool {
    expanded.contains(&tokens.to_string())
}

#[test]
fn exports_a_function_with_params() {
    let code = expanded(
        TokenStream::new(),
        quote! {
            /// Says hello.
            fn say_hello(cx: &Context, params: Params) -> Result<Outcome, JobError> { todo }
        },
    );
    assert!(holds(
        &code,
        &quote!(
            type Params = Params;
        )
    ));
    assert!(holds(
        &code,
        &quote!(
            const NAME: &'static str = "say-hello";
        )
    ));
    assert!(holds(
        &code,
        &quote!(
            const DESCRIPTION: &'static str = "Says hello.";
        )
    ));
    assert!(holds(&code, &quote!(say_hello(cx, params))));
    assert!(holds(&code, &quote!(bindings::export!)));
}

#[test]
fn exports_a_function_without_params() {
    let code = expanded(
        TokenStream::new(),
        quote!(
            fn tick(cx: &Context) -> Result<(), JobError> {
                Ok(())
            }
        ),
    );
    assert!(holds(
        &code,
        &quote!(
            type Params = ::cronlet_plugin::export::NoParams;
        )
    ));
    assert!(holds(
        &code,
        &quote!(
            const DESCRIPTION: &'static str = "";
        )
    ));
    assert!(holds(&code, &quote!(tick(cx))));
}

#[test]
fn name_can_be_given() {
    let code = expanded(
        quote!(name = "other"),
        quote!(
            fn tick(cx: &Context) -> Result<(), JobError> {
                Ok(())
            }
        ),
    );
    assert!(holds(
        &code,
        &quote!(
            const NAME: &'static str = "other";
        )
    ));
}

#[test]
fn raw_name_loses_its_mark() {
    let code = expanded(
        TokenStream::new(),
        quote!(
            fn r#move(cx: &Context) -> Result<(), JobError> {
                Ok(())
            }
        ),
    );
    assert!(holds(
        &code,
        &quote!(
            const NAME: &'static str = "move";
        )
    ));
}

#[test]
fn context_need_not_be_used() {
    let code = expanded(
        TokenStream::new(),
        quote!(
            fn tick(context: &Context) -> Result<(), JobError> {
                Ok(())
            }
        ),
    );
    assert!(holds(
        &code,
        &quote!(#[allow(unused_variables)] context: &Context)
    ));
}

#[test]
fn description_is_the_first_paragraph_on_one_line() {
    let function: ItemFn = syn::parse_quote! {
        ///
        /// Fetches the papers
        /// of the day.
        ///
        /// And more.
        #[inline]
        fn fetch() {}
    };
    assert_eq!(
        first_paragraph(&function.attrs),
        "Fetches the papers of the day."
    );

    let function: ItemFn = syn::parse_quote! {
        #[doc = "One.\n\nTwo."]
        fn fetch() {}
    };
    assert_eq!(first_paragraph(&function.attrs), "One.");
}

#[test]
fn unknown_argument_is_refused() {
    let item = quote!(
        fn tick(cx: &Context) -> Result<(), JobError> {
            Ok(())
        }
    );
    let error = expand(quote!(nam = "other"), item).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the one argument is `name`\nhelp: `#[job(name = \"fetch-papers\")]`"
    );
}

#[test]
fn wrong_shapes_are_refused() {
    for (item, message) in [
        (
            quote!(
                struct Job;
            ),
            "`#[job]` goes on a function",
        ),
        (
            quote!(
                async fn tick(cx: &Context) -> Result<(), JobError> {}
            ),
            "a job is not `async`: the host runs each in its own sandbox",
        ),
        (
            quote!(
                fn tick<T>(cx: &Context, params: T) -> Result<(), JobError> {}
            ),
            "a job is not generic: the host names no type",
        ),
        (
            quote!(
                fn tick(cx: &Context) {}
            ),
            "a job returns a `Result`",
        ),
        (
            quote!(
                fn tick() -> Result<(), JobError> {}
            ),
            "a job takes the context: `cx: &Context`",
        ),
        (
            quote!(
                fn tick(params: Params) -> Result<(), JobError> {}
            ),
            "a job's first argument is the context: `cx: &Context`",
        ),
        (
            quote!(
                fn tick(&self, cx: &Context) -> Result<(), JobError> {}
            ),
            "a job is not a method",
        ),
        (
            quote!(
                fn tick(cx: &Context, params: &Params) -> Result<(), JobError> {}
            ),
            "a job takes its params by value",
        ),
        (
            quote!(
                fn tick(cx: &Context, a: A, b: B) -> Result<(), JobError> {}
            ),
            "a job takes the context and one struct of params, and nothing else",
        ),
    ] {
        assert_eq!(refused(item), message);
    }
}
