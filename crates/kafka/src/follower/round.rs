//! What comes at once is taken in at once.

use headwater_events::{Lane, Position};
use headwater_store::{GapReason, Record};
use rdkafka::Message;

use crate::{body, engine::Engine, metric_definitions};

/// Messages of all partitions that were ready together.
#[derive(Default)]
pub(super) struct Round {
    /// By lane.
    lanes: Vec<Vec<Record>>,
    touched: Vec<Lane>,
    state: Position,
}

impl Round {
    pub(super) fn new(lanes: u16) -> Self {
        Self { lanes: vec![Vec::new(); usize::from(lanes)], ..Self::default() }
    }

    /// The next message.
    pub(super) fn take(&mut self, engine: &Engine, message: &impl Message) {
        if message.topic() == engine.names.state {
            engine.take_state(message);
            self.state = body::position(message.offset());
            return;
        }
        let Ok(lane) = u16::try_from(message.partition()).map(Lane) else { return };
        let Some(log) = engine.lane(lane) else { return };
        let position = body::position(message.offset());
        let reached = self.lanes[usize::from(lane.0)].last().map_or(log.reached(), Record::position);
        if position <= reached {
            return;
        }
        match body::decode(message, lane, engine.lanes()) {
            Some(record) => {
                let records = &mut self.lanes[usize::from(lane.0)];
                if records.is_empty() {
                    self.touched.push(lane);
                }
                records.push(record);
            }
            None => {
                // What came before it stands before the gap.
                self.finish_lane(engine, lane);
                tracing::warn!(topic = engine.names.topic, %lane, %position, "a record that is none of ours");
                metrics::counter!(metric_definitions::UNDECODABLE).increment(1);
                log.note_undecodable(position, message.key().unwrap_or_default());
                log.ring.lost(reached, position, GapReason::Undecodable);
                log.reach(position);
            }
        }
    }

    /// Shows what was taken in to everyone.
    pub(super) fn finish(&mut self, engine: &Engine) {
        while let Some(lane) = self.touched.pop() {
            self.finish_lane(engine, lane);
        }
        if self.state > Position::ZERO {
            engine.reach_state(std::mem::take(&mut self.state));
        }
    }

    fn finish_lane(&mut self, engine: &Engine, lane: Lane) {
        let records = std::mem::take(&mut self.lanes[usize::from(lane.0)]);
        self.touched.retain(|touched| *touched != lane);
        let (Some(last), Some(log)) = (records.last().map(Record::position), engine.lane(lane)) else {
            return;
        };
        // In this order: who was shown a record finds it in the record of its run.
        engine.runs.follow(lane, &records);
        log.ring.push(records.into());
        log.reach(last);
    }
}
