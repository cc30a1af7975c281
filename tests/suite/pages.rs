//! The pages that are held against what happens, and the blocks in them. Their links lead somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

/// What is in a file of the repository.
pub(crate) fn file(name: &str) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(name)).with_context(|| format!("read {name}"))
}

/// The blocks of a page: what stands after the fence, and the text.
pub(crate) fn blocks(page: &str) -> Result<Vec<(String, String)>> {
    let page = file(page)?;
    let mut blocks = Vec::new();
    let mut rest = page.as_str();
    while let Some((_, after)) = rest.split_once("\n```") {
        let (fence, body) = after.split_once('\n').context("a block has a first line")?;
        let (body, behind) = body.split_once("\n```").context("a block has an end")?;
        blocks.push((fence.to_owned(), format!("{body}\n")));
        rest = behind;
    }
    Ok(blocks)
}

/// The text of those in this language, of which there are some.
pub(crate) fn blocks_in(language: &str, page: &str) -> Result<Vec<String>> {
    let mut blocks = blocks(page)?;
    blocks.retain(|(fence, _)| fence == language);
    ensure!(!blocks.is_empty(), "{page} has no {language} block");
    Ok(blocks.into_iter().map(|(_, text)| text).collect())
}

/// The pages that link to others or to themselves.
const LINKED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "docs/operating.md",
    "docs/schedules.md",
    "docs/store.md",
    "plugins/csv-import/README.md",
];

/// The name that a heading has in links: small letters, and hyphens for blanks.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    let heading = heading.trim_start_matches('#').trim();
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[test]
fn each_link_leads_somewhere() -> Result<()> {
    assert_eq!(anchor("### `[jobs.NAME]`"), "jobsname");
    assert_eq!(anchor("## H: spreading jobs"), "h-spreading-jobs");
    let mut seen = 0;
    for page in LINKED {
        for link in file(page)?.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            if link.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => PathBuf::from(page),
                path => Path::new(page).parent().context("a folder")?.join(path),
            };
            let text = file(&target.to_string_lossy())?;
            let found = text
                .lines()
                .filter(|line| line.starts_with('#'))
                .any(|line| anchor(line) == heading);
            ensure!(heading.is_empty() || found, "{page}: `{link}`");
        }
    }
    ensure!(seen > 40, "only {seen} links were found");
    Ok(())
}
