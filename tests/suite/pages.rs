//! The pages that are held against what happens, and the blocks in them.

use std::{fs, path::Path};

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
