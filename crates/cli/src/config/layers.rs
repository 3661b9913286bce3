//! The layers put together and laid under the flags.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use clap::{Arg, Command};

use super::{Env, file, secret, value, variable};
use crate::exit::BadConfig;

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Env(name) => f.write_str(name),
        }
    }
}

/// A value and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The value, as its flag takes it; `None` where there is no default.
    pub(crate) value: Option<String>,
    /// Where it was found.
    pub(crate) origin: Origin,
}

/// What file and environment set, checked.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    set: BTreeMap<String, (String, Origin)>,
}

impl Layers {
    /// Reads the file and the environment.
    ///
    /// Every key of the file is checked, whichever command it is for, so that a mistake does not wait for the command
    /// that needs it. Only variables that name a flag are looked at: the environment may hold others.
    pub(crate) fn read(command: &Command, config: Option<&Path>, env: Env<'_>) -> Result<Self, BadConfig> {
        let flags = flags(command);
        let mut set = BTreeMap::new();
        if let Some(path) = file::path(config)? {
            for (key, value) in file::read(&path)? {
                let shown = path.display();
                let args = flags.get(&key).filter(|_| key != "config");
                let args = args.ok_or_else(|| BadConfig(unknown(&shown.to_string(), &key, &flags)))?;
                let value =
                    check(args, &value).map_err(|e| BadConfig(format!("{shown}: key `{key}`: {e}")))?;
                set.insert(key, (value, Origin::File(path.clone())));
            }
        }
        for (key, args) in flags.iter().filter(|(key, _)| *key != "config") {
            let name = variable(key);
            let Some(value) = env(&name) else { continue };
            let value = value.into_string().map_err(|_| BadConfig(format!("{name}: must be UTF-8")))?;
            let value = check(args, &value).map_err(|e| BadConfig(format!("{name}: {e}")))?;
            set.insert(key.clone(), (value, Origin::Env(name)));
        }
        Ok(Self { set })
    }

    /// Makes what was set the defaults of the flags.
    pub(crate) fn lay_under(&self, command: Command) -> Command {
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let command = command.mut_args(|arg| match arg.get_long().and_then(|long| self.set.get(long)) {
            Some((value, _)) => {
                let hide = arg.get_long().is_some_and(secret::may_hold);
                arg.required(false).default_value(value.clone()).hide_default_value(hide)
            }
            None => arg,
        });
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |sub| self.lay_under(sub)))
    }

    /// Every setting there is, with the value it has when no flag is given.
    pub(crate) fn effective(&self, command: &Command) -> BTreeMap<String, Setting> {
        let settings = flags(command).into_iter().filter(|(key, _)| key != "config").map(|(key, args)| {
            let setting = match self.set.get(&key) {
                Some((value, origin)) => Setting { value: Some(value.clone()), origin: origin.clone() },
                None => Setting { value: default_of(&args[0]), origin: Origin::Default },
            };
            (key, setting)
        });
        settings.collect()
    }
}

/// Every long flag of every command, and the arguments that carry it.
fn flags(command: &Command) -> BTreeMap<String, Vec<Arg>> {
    let mut flags: BTreeMap<String, Vec<Arg>> = BTreeMap::new();
    collect(command, &mut flags);
    flags
}

fn collect(command: &Command, into: &mut BTreeMap<String, Vec<Arg>>) {
    for arg in command.get_arguments() {
        if let Some(long) = arg.get_long().filter(|long| !matches!(*long, "help" | "version")) {
            into.entry(long.to_owned()).or_default().push(arg.clone());
        }
    }
    command.get_subcommands().for_each(|sub| collect(sub, into));
}

fn check(args: &[Arg], text: &str) -> Result<String, String> {
    args.iter().try_fold(text.to_owned(), |text, arg| value::check(arg, &text))
}

fn default_of(arg: &Arg) -> Option<String> {
    if value::is_switch(arg) {
        return Some("false".to_owned());
    }
    let values: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// What to say of a key that no flag has: with the nearest that exists.
fn unknown(file: &str, key: &str, flags: &BTreeMap<String, Vec<Arg>>) -> String {
    let near = flags.keys().filter(|have| *have != "config").map(|have| (distance(key, have), have)).min();
    match near {
        Some((far, have)) if far <= 3 => format!("{file}: unknown key `{key}`: did you mean `{have}`?"),
        _ => format!(
            "{file}: unknown key `{key}`: every key is a flag without its dashes, see `headwater config check`"
        ),
    }
}

/// How many letters must be added, dropped or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn read(toml: &str, env: &[(&str, &str)]) -> Result<BTreeMap<String, Setting>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("headwater.toml");
        std::fs::write(&path, toml).unwrap();
        let command = crate::cli::Cli::command();
        let env = |name: &str| env.iter().find(|(have, _)| *have == name).map(|(_, value)| value.into());
        let layers = Layers::read(&command, Some(&path), &env).map_err(|e| e.0)?;
        Ok(layers.effective(&command))
    }

    #[test]
    fn environment_wins_over_file_wins_over_default() {
        let all =
            read("listen = \"127.0.0.1:1\"\nurl = \"http://a\"", &[("HEADWATER_URL", "http://b")]).unwrap();
        assert_eq!(all["listen"].value.as_deref(), Some("127.0.0.1:1"));
        assert!(matches!(all["listen"].origin, Origin::File(_)));
        assert_eq!(all["url"].value.as_deref(), Some("http://b"));
        assert_eq!(all["url"].origin, Origin::Env("HEADWATER_URL".into()));
        assert_eq!(all["broker"].value.as_deref(), Some("embedded:./headwater-data"));
        assert_eq!(all["broker"].origin, Origin::Default);
    }

    #[test]
    fn a_section_is_a_prefix() {
        let all = read("[retention]\ndurable = \"3d\"\n[log]\nformat = \"json\"", &[]).unwrap();
        assert_eq!(all["retention-durable"].value.as_deref(), Some("3d"));
        assert_eq!(all["log-format"].value.as_deref(), Some("json"));
    }

    #[test]
    fn mistakes_name_key_and_origin() {
        let error = read("lisen = \"x\"", &[]).unwrap_err();
        assert!(
            error.contains("unknown key `lisen`: did you mean `listen`?") && error.contains(".toml"),
            "{error}"
        );
        let error = read("listen = \"nowhere\"", &[]).unwrap_err();
        assert!(error.contains("key `listen`: ") && error.contains(".toml"), "{error}");
        let error = read("", &[("HEADWATER_LOG_FORMAT", "xml")]).unwrap_err();
        assert!(error.starts_with("HEADWATER_LOG_FORMAT: `xml` is not one of"), "{error}");
        let error = read("json = \"maybe\"", &[]).unwrap_err();
        assert!(error.contains("key `json`: `maybe` is neither true nor false"), "{error}");
        assert!(read("listen = ", &[]).is_err());
    }
}
