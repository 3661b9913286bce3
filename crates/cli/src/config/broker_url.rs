//! The URL of a broker as a flag takes it: whatever is wrong with it, its password is not repeated.

use std::ffi::OsStr;

use clap::{Arg, Command, Error, builder::TypedValueParser, error::ErrorKind};
use headwater::BrokerUrl;

/// Reads the URL of a broker. Clap's own way would show the whole value beside what is wrong with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokerUrlParser;

impl TypedValueParser for BrokerUrlParser {
    type Value = BrokerUrl;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<BrokerUrl, Error> {
        let parsed = match value.to_str() {
            Some(text) => text.parse::<BrokerUrl>().map_err(|error| error.to_string()),
            None => Err("must be UTF-8".to_owned()),
        };
        parsed.map_err(|why| {
            let arg = arg.map_or_else(String::new, |arg| format!("'{arg}': "));
            let help = "For more information, try '--help'.";
            Error::raw(ErrorKind::ValueValidation, format!("invalid value for {arg}{why}\n\n{help}\n"))
                .with_cmd(command)
        })
    }
}
