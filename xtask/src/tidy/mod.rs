//! `cargo xtask tidy`: the house rules as checks.
//!
//! Every rule is a function from text or metadata to a list of complaints, tested with an example that breaks it.

mod docs;
mod duplicates;
mod files;
mod generated;
mod layers;
mod licences;
mod links;
mod manifests;
mod size;
mod words;

use std::process::ExitCode;

use anyhow::Result;

use crate::shell;

/// Prints what is wrong and fails if anything is.
pub(crate) fn run() -> Result<ExitCode> {
    let found = check()?;
    for complaint in &found {
        println!("{complaint}");
    }
    println!(
        "tidy: {}",
        if found.is_empty() { "clean".to_owned() } else { format!("{} complaints", found.len()) }
    );
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is wrong, one line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let metadata = shell::metadata()?;
    let files = files::all(&shell::root())?;
    let packages = manifests::packages(&metadata);
    eprintln!("{}", size::summary(&files));
    let mut found = Vec::new();
    found.extend(manifests::check(&packages));
    found.extend(layers::check(&packages));
    found.extend(duplicates::check(&metadata));
    found.extend(licences::check(&packages, &files));
    found.extend(size::check(&files));
    found.extend(docs::check(&files));
    found.extend(words::check(&files));
    found.extend(links::check(&files));
    found.extend(generated::check(&files));
    Ok(found)
}
