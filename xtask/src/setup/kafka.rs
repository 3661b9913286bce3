//! Apache Kafka, and what its client is compiled with.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use super::apt::apt;
use crate::shell;

/// The oldest Java that runs the server.
const JAVA_MAJOR: u32 = 17;
/// Which libraries, at which versions.
const POM: &str = include_str!("kafka.pom.xml");
/// The goal that puts them into a folder, at a version so that two machines do the same.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Finds the libraries of the server beside the build, or fetches them with Maven.
pub(super) fn install(tools: &Path) -> Result<()> {
    if !java_found() {
        apt(&["default-jre-headless"]).with_context(|| {
            format!("java is missing or older than {JAVA_MAJOR}: install Java {JAVA_MAJOR} or newer")
        })?;
        ensure!(java_found(), "java is older than {JAVA_MAJOR}: install Java {JAVA_MAJOR} or newer");
    }
    let home = tools.join("kafka");
    let stamp = home.join("pom.xml");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == POM) {
        eprintln!("kafka: found");
        return Ok(());
    }
    if shell::probe("mvn", &["--version"]).is_none() {
        apt(&["maven"]).context("mvn is missing: install Maven, which fetches Kafka")?;
    }
    eprintln!("kafka: installing with Maven");
    // Into a folder of its own first: a fetch that was broken off leaves nothing that looks whole.
    let fresh = tools.join("kafka.new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    fs::write(fresh.join("pom.xml"), POM)?;
    let mut fetch = Command::new("mvn");
    fetch.current_dir(&fresh).args(["-q", "-B", COPY, "-DincludeScope=runtime", "-DoutputDirectory=libs"]);
    shell::run(&mut fetch)?;
    let _ = fs::remove_dir_all(&home);
    fs::rename(&fresh, &home).context("kafka cannot be moved into its place")
}

/// Looks for what the C library under the Rust client is compiled with.
pub(super) fn build_tools() -> Result<()> {
    let needs = [("cc", "gcc"), ("make", "make"), ("perl", "perl"), ("bash", "bash")];
    let missing = |program: &str| shell::probe(program, &["--version"]).is_none();
    let absent: Vec<&str> =
        needs.iter().filter(|(program, _)| missing(program)).map(|(_, package)| *package).collect();
    if absent.is_empty() {
        eprintln!("kafka client: cc, make, perl and bash found");
        return Ok(());
    }
    let mut packages = absent.clone();
    if absent.contains(&"gcc") {
        packages.push("libc6-dev");
    }
    if let Err(error) = apt(&packages) {
        bail!("install {}: {error:#}", absent.join(", "));
    }
    Ok(())
}

fn java_found() -> bool {
    // Says its version on stderr.
    let Ok(out) = Command::new("java").arg("-version").output() else { return false };
    let said = String::from_utf8_lossy(&out.stderr);
    let version = said.split('"').nth(1).unwrap_or_default();
    let good = major(version).is_some_and(|major| major >= JAVA_MAJOR);
    if good {
        eprintln!("java: found {version}");
    }
    good
}

/// Java 8 called itself 1.8, which is older than any number here.
fn major(version: &str) -> Option<u32> {
    version.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version_of_java() {
        assert_eq!(major("17.0.15"), Some(17));
        assert_eq!(major("26-ea"), Some(26));
        assert_eq!(major("1.8.0_402"), Some(1));
        assert_eq!(major(""), None);
    }
}
