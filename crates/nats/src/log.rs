//! The log on the server: looked for, made, checked, and made again when somebody took it away.

use headwater_events::Epoch;
use headwater_store::{Error, StatusKind};
use serde_json::{Value, json};

use crate::{
    api::{Answer, Refusal, StreamInfo, code},
    connect::{has_atomic_batches, has_time_to_live},
    link::Link,
};

/// Which log it is: kept with the stream on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) epoch: Epoch,
    pub(crate) lanes: u16,
    /// Goes into the hashes by which events are recognized, so that nobody outside can make two events meet.
    pub(crate) seed: u64,
    /// How often the log was found to be another one since the store was opened.
    pub(crate) resets: u64,
}

impl Identity {
    /// That of no log.
    pub(crate) const NONE: Self = Self { epoch: Epoch(0), lanes: 0, seed: 0, resets: 0 };
}

/// The version of what is written.
const FORMAT: &str = "1";

impl Link {
    /// Looks for the log, and makes one where there is none. When it is another one than before, everyone who follows
    /// is told.
    pub(crate) async fn verify(&self) -> Result<(), Error> {
        let _one = self.verifying.lock().await;
        self.open_or()?;
        self.bucket().await?;
        let info = match self.info().await? {
            Some(info) => info,
            None => self.create().await?,
        };
        let found = self.identify(&info)?;
        let before = *self.identity.borrow();
        if before.epoch != found.epoch || before.seed != found.seed {
            let resets = before.resets + u64::from(before.lanes != 0);
            if before.lanes != 0 {
                if before.lanes != found.lanes {
                    return Err(Error::config(format_args!(
                        "{}: the log was replaced by one with {} lanes instead of {}: open it anew",
                        self.address.shown(),
                        found.lanes,
                        before.lanes
                    )));
                }
                tracing::warn!(server = self.address.shown(), epoch = %found.epoch, "the log begins anew");
            }
            self.identity.send_replace(Identity { resets, ..found });
        }
        self.set_status(StatusKind::Ready, format!("connected to {}", self.address.shown()));
        Ok(())
    }

    fn identify(&self, info: &StreamInfo) -> Result<Identity, Error> {
        let metadata = |key: &str| info.config["metadata"][key].as_str().unwrap_or_default();
        let foreign = || {
            Error::config(format_args!(
                "{}: the stream {} is none of ours, or of a newer version: choose another namespace",
                self.address.shown(),
                self.names.events
            ))
        };
        if metadata("headwater-format") != FORMAT {
            return Err(foreign());
        }
        let epoch = u32::from_str_radix(metadata("headwater-epoch"), 16).map_err(|_| foreign())?;
        let seed = u64::from_str_radix(metadata("headwater-seed"), 16).map_err(|_| foreign())?;
        let lanes = metadata("headwater-lanes").parse().ok().filter(|n| *n > 0).ok_or_else(foreign)?;
        Ok(Identity { epoch: Epoch(epoch), lanes, seed, resets: 0 })
    }

    async fn create(&self) -> Result<StreamInfo, Error> {
        let random = uuid::Uuid::new_v4().as_u128();
        let mut config = self.wanted();
        config["metadata"] = json!({
            "headwater-format": FORMAT,
            "headwater-epoch": format!("{:08x}", (random >> 96) as u32),
            "headwater-seed": format!("{:016x}", random as u64),
            "headwater-lanes": self.options.lanes.max(1).to_string(),
        });
        match self.stream("CREATE", &config).await? {
            Ok(info) => Ok(info),
            // Another process was first.
            Err(refusal) if refusal.err_code == code::STREAM_NAME_IN_USE => self
                .info()
                .await?
                .ok_or_else(|| self.unavailable("the log is being made and removed at once")),
            Err(refusal) => Err(self.cannot("make", &refusal)),
        }
    }

    async fn stream(&self, verb: &str, config: &Value) -> Result<Answer<StreamInfo>, Error> {
        let name = config["name"].as_str().unwrap_or_default();
        self.call(&format!("STREAM.{verb}.{name}"), config).await
    }

    fn cannot(&self, what: &str, refusal: &Refusal) -> Error {
        Error::config(format_args!(
            "{}: cannot {what} the stream {}: {refusal}",
            self.address.shown(),
            self.names.events
        ))
    }

    /// What the stream is configured as. Nothing is left to its own limits: the server would tell nobody of what it
    /// removed.
    fn wanted(&self) -> Value {
        let window = u64::try_from(self.options.dedup_window.as_nanos()).unwrap_or(u64::MAX);
        let mut config = json!({
            "name": self.names.events,
            "subjects": [self.names.all()],
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "num_replicas": self.options.replicas,
            "duplicate_window": window.max(100_000_000),
            "allow_direct": true,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
        });
        if has_atomic_batches(&self.client) {
            config["allow_atomic"] = json!(true);
        }
        config
    }

    /// Brings the dedup window of a log that was there to what was asked for. Once, when the store is opened.
    pub(crate) async fn adjust(&self) -> Result<bool, Error> {
        let Some(info) = self.info().await? else { return Err(self.unavailable("the log is gone")) };
        let mut config = info.config;
        let wanted = self.wanted();
        let mut changed = false;
        for key in ["duplicate_window", "allow_atomic", "allow_direct"] {
            if !wanted[key].is_null() && config[key] != wanted[key] {
                config[key] = wanted[key].clone();
                changed = true;
            }
        }
        if changed {
            self.stream("UPDATE", &config).await?.map_err(|refusal| self.cannot("change", &refusal))?;
        }
        Ok(config["allow_atomic"] == json!(true))
    }

    /// The key-value bucket, made where there is none.
    async fn bucket(&self) -> Result<(), Error> {
        let name = &self.names.state;
        let found = self.call::<StreamInfo>(&format!("STREAM.INFO.{name}"), &json!({})).await?;
        match found {
            Ok(info) => return self.bucket_forgets(info.config).await,
            Err(refusal) if refusal.err_code == code::STREAM_NOT_FOUND => {}
            Err(refusal) if code::JETSTREAM_OFF.contains(&refusal.err_code) => {
                return Err(Error::config(format_args!(
                    "{}: JetStream is off for this user: {refusal}",
                    self.address.shown()
                )));
            }
            Err(refusal) => return Err(self.unavailable(refusal)),
        }
        let mut config = json!({
            "name": name,
            "subjects": [format!("{}.>", self.names.keys)],
            "storage": "file",
            "discard": "new",
            "num_replicas": self.options.replicas,
            "max_msgs_per_subject": 1,
            "duplicate_window": 120_000_000_000_u64,
            "allow_direct": true,
            "allow_rollup_hdrs": true,
            "deny_delete": true,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
        });
        if has_time_to_live(&self.client) {
            config["allow_msg_ttl"] = json!(true);
        }
        match self.stream("CREATE", &config).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.err_code == code::STREAM_NAME_IN_USE => Ok(()),
            Err(refusal) => Err(self.cannot("make", &refusal)),
        }
    }

    /// Lets the server forget single values, which one that was upgraded since could not.
    async fn bucket_forgets(&self, mut config: Value) -> Result<(), Error> {
        if !has_time_to_live(&self.client) || config["allow_msg_ttl"] == json!(true) {
            return Ok(());
        }
        config["allow_msg_ttl"] = json!(true);
        self.stream("UPDATE", &config).await?.map(drop).map_err(|refusal| self.cannot("change", &refusal))
    }
}
