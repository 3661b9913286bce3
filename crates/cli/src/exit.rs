//! How the process ends: 0 done, 1 the work failed, 2 bad usage, 64 bad configuration.

use std::{io, process::ExitCode};

/// The work failed.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// The configuration is wrong.
pub(crate) const CONFIG: u8 = 64;

/// What was configured cannot work: ends the process with 64.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadConfig(pub(crate) String);

/// The command line cannot be carried out as written: ends the process with 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadUsage(pub(crate) String);

/// Says on stderr why the process ends, and with which code. A reader that closed our pipe is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("headwater: {error:#}");
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    use headwater::{Error, StoreError};
    for cause in error.chain() {
        if cause.is::<BadUsage>() {
            return USAGE;
        }
        let bad = cause.is::<BadConfig>()
            || cause
                .downcast_ref::<headwater::ConnectError>()
                .is_some_and(headwater::ConnectError::is_config)
            || matches!(cause.downcast_ref(), Some(Error::Store(StoreError::Config { .. })))
            || matches!(cause.downcast_ref(), Some(StoreError::Config { .. }));
        if bad {
            return CONFIG;
        }
    }
    FAILED
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
