//! Components that cannot be used, and those that take their place.

use cronlet_core::{
    catalog::{Loaded, Need, Unusable},
    job::Component,
};

use super::*;

#[test]
fn a_component_that_cannot_be_used_is_refused_or_kept() {
    let draft = draft("[jobs.a]\nplugin = \"a\"\n[jobs.b]\nplugin = \"b\"\n");
    let mut catalog = catalog(&draft);
    let unusable = Unusable {
        code: "missing",
        message: "there is no file `plugins/b.wasm`".to_owned(),
        help: None,
    };
    catalog.components.insert("b".to_owned(), Err(unusable));
    let refused = draft.unusable(&catalog, Severity::Error).unwrap();
    assert_eq!(refused.count(Severity::Error), 1);
    assert_eq!(
        refused.to_string(),
        "schedules.toml:4:10: plugin `b` cannot be used: there is no file `plugins/b.wasm`"
    );
    let plan = draft.resolve(&catalog);
    assert!(matches!(plan.jobs["a"].component, Component::Ready(_)));
    let why = "there is no file `plugins/b.wasm`".to_owned();
    assert_eq!(plan.jobs["b"].component, Component::Unusable(why));
    let told = draft.unusable(&catalog, Severity::Warning).unwrap();
    assert_eq!(
        (told.count(Severity::Error), told.count(Severity::Warning)),
        (0, 1)
    );
}

#[test]
fn the_last_good_component_takes_the_place_of_one_that_cannot_be_used() {
    let good = Digest::of(b"good");
    let other = Digest::of(b"other");
    let draft = draft(&format!(
        "[jobs.any]\nplugin = \"a\"\n\
         [jobs.pinned]\nplugin = \"a\"\nsha256 = \"{good}\"\n\
         [jobs.other]\nplugin = \"a\"\nsha256 = \"{other}\"\n\
         [jobs.fine]\nplugin = \"b\"\n"
    ));
    let mut catalog = catalog(&draft);
    let need = |sha256| Need {
        plugin: "a".to_owned(),
        sha256,
    };
    assert_eq!(
        draft.lacking(&catalog),
        [need(Some(good)), need(Some(other))].into()
    );
    let unusable = Unusable {
        code: "missing",
        message: "it is gone".to_owned(),
        help: None,
    };
    catalog.components.insert("a".to_owned(), Err(unusable));
    assert_eq!(
        draft.lacking(&catalog),
        [need(None), need(Some(good)), need(Some(other))].into()
    );
    for sha256 in [None, Some(good)] {
        let loaded = Loaded {
            digest: good,
            world: "job".to_owned(),
        };
        catalog.last_good.insert(need(sha256), loaded);
    }
    let plan = draft.resolve(&catalog);
    let last_good = Component::LastGood(good, "it is gone".to_owned());
    assert_eq!(plan.jobs["any"].component, last_good);
    assert_eq!(plan.jobs["pinned"].component, last_good);
    let other = &plan.jobs["other"].component;
    assert!(matches!(other, Component::Unusable(_)), "a pin is a pin");
    assert!(matches!(plan.jobs["fine"].component, Component::Ready(_)));
    let told = draft.unusable(&catalog, Severity::Warning).unwrap();
    let flagged = told
        .iter()
        .filter(|it| it.message.contains("takes its place"));
    assert_eq!((told.iter().count(), flagged.count()), (3, 2));
    assert_eq!(
        catalog.accepted(),
        [("a", good), ("b", Digest::of(b"b"))]
            .map(|(plugin, digest)| (plugin.to_owned(), digest))
            .into()
    );
}

#[test]
fn a_pinned_component_is_the_only_one_that_will_do() {
    let pinned = |digest: Digest| format!("[jobs.a]\nplugin = \"a\"\nsha256 = \"{digest}\"\n");
    let right = draft(&pinned(Digest::of(b"a")));
    assert!(right.unusable(&catalog(&right), Severity::Error).is_none());
    let wrong = draft(&pinned(Digest::of(b"b")));
    let problems = wrong.unusable(&catalog(&wrong), Severity::Error).unwrap();
    assert_eq!(problems.into_vec()[0].code, "plugin::sha256");
    let plan = wrong.resolve(&catalog(&wrong));
    assert!(matches!(plan.jobs["a"].component, Component::Unusable(_)));
}

#[test]
fn components_of_broken_jobs_can_be_looked_at() {
    let text = "[jobs.a]\nplugin = \"a\"\ntimeout = 5\n";
    let (draft, problems) = survey("schedules.toml", text, &Environment::new());
    assert_eq!(problems.unwrap().count(Severity::Error), 1);
    assert_eq!(draft.references().len(), 1);
}
