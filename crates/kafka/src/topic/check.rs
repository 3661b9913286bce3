//! What must hold of the topics.

use std::time::Duration;

use headwater_store::Error;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, OwnedResourceSpecifier, ResourceSpecifier};

use super::{Identity, metadata::Found};
use crate::{context::Context, failure, names::Names};

/// A setting of a topic that carries the number it was made with, so that a topic that was deleted and made again is
/// known for another one. Of all settings it is the one without effect: it bounds the time until compaction, and
/// everything from [`BEGIN`] on is longer than any machine will run. Clients do not get to see the topic's own id.
pub(super) const MARKER: &str = "max.compaction.lag.ms";
/// Half of what the setting may be.
const BEGIN: u64 = 1 << 62;

/// How long the server may take to show them.
const PATIENCE: Duration = Duration::from_secs(5);

/// The setting's value for a random number.
pub(super) fn marker(random: u64) -> String {
    (BEGIN + (random >> 32)).to_string()
}

/// The number that a topic was made with.
fn number_of(setting: &str) -> Option<u32> {
    let value: u64 = setting.parse().ok()?;
    u32::try_from(value.checked_sub(BEGIN)?).ok()
}

/// The number of lanes is for ever: where each run lies follows from it.
pub(super) fn partitions(names: &Names, found: Found, lanes: u16) -> Result<(), Error> {
    let (log, state) = (found.log.unwrap_or_default(), found.state.unwrap_or_default());
    if log != usize::from(lanes) {
        return Err(Error::config(format_args!(
            "the topic `{}` on {} has {log} partitions, not {lanes}: write lanes={log} into the URL, or use another \
             topic; partitions that were added later cannot be used",
            names.topic, names.servers
        )));
    }
    if state != 1 {
        return Err(Error::config(format_args!(
            "the topic `{}` on {} has {state} partitions: it needs exactly one; use another topic",
            names.state, names.servers
        )));
    }
    Ok(())
}

/// Checks the settings, as far as this user may see them.
pub(super) async fn configs(admin: &AdminClient<Context>, names: &Names) -> Result<Identity, Error> {
    let topics = [&names.topic, &names.state].map(|topic| ResourceSpecifier::Topic(topic));
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let answers = admin
        .describe_configs(&topics, &options)
        .await
        .map_err(|error| failure::explain(names, "looking at the topics' settings", &error))?;
    let mut identity = Identity { log: None, state: None };
    for answer in answers {
        match answer {
            Ok(resource) => look(names, &resource, &mut identity)?,
            Err(code) if failure::is_missing_code(code) => {
                return Err(failure::explain_code(names, "looking at the topics' settings", code));
            }
            Err(code) => tracing::debug!(%code, "the settings of the topics are not shown to this user"),
        }
    }
    Ok(identity)
}

fn look(names: &Names, resource: &ConfigResource, identity: &mut Identity) -> Result<(), Error> {
    let OwnedResourceSpecifier::Topic(topic) = &resource.specifier else { return Ok(()) };
    let setting = |name: &str| resource.get(name).and_then(|entry| entry.value.as_deref());
    let number = setting(MARKER).and_then(number_of);
    let (wanted, slot) = if *topic == names.topic {
        (("message.timestamp.type", "LogAppendTime"), &mut identity.log)
    } else {
        (("cleanup.policy", "compact"), &mut identity.state)
    };
    *slot = number;
    match setting(wanted.0) {
        Some(value) if value != wanted.1 => Err(Error::config(format_args!(
            "the topic `{topic}` on {} has {}={value}: set it to {}",
            names.servers, wanted.0, wanted.1
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_number_comes_back() {
        for random in [0, 1, 77 << 32, u64::MAX] {
            assert_eq!(number_of(&marker(random)), Some(u32::try_from(random >> 32).unwrap()));
        }
        // What a topic has that somebody else made.
        assert_eq!(number_of("9223372036854775807"), None);
        assert_eq!(number_of("604800000"), None);
    }
}
