//! `docs/cli.md`: written from the same declarations as the command line, and compared with it.

use clap::CommandFactory as _;

use crate::cli::Cli;

const HEAD: &str = "\
# Command line

This page is written from the binary's own help: after a change of the command line, \
`HEADWATER_WRITE_DOCS=1 cargo test -p headwater-cli reference` writes it anew.

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 the work failed, 2 bad usage, 64 bad
configuration.

Every flag is also an environment variable (`--log-format` is `HEADWATER_LOG_FORMAT`) and a key of `headwater.toml`
(`log-format = \"json\"`). A section of the file is a prefix, so that these two mean the same:

```toml
retention-durable = \"30d\"
retention-transient = \"6h\"

[retention]
durable = \"30d\"
transient = \"6h\"
```

A flag wins over the environment, the environment over the file, the file over the default. `headwater config check`
prints what holds and where it comes from; an unknown key or a value that its flag would refuse ends every command
with 64.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let command = Cli::command().term_width(96);
    section(command, "", &mut page);
    page
}

/// The help of a command and of all below it.
fn section(mut command: clap::Command, above: &str, page: &mut String) {
    let name = format!("{above}{}", command.get_name());
    command = command.display_name(name.clone()).bin_name(name.clone());
    let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    page.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end()));
    for sub in below {
        section(sub.term_width(96), &format!("{name} "), page);
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("HEADWATER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == committed,
        "docs/cli.md is old: HEADWATER_WRITE_DOCS=1 cargo test -p headwater-cli reference"
    );
}
