//! Retention, as readers see it.

use std::time::Duration;

use headwater_events::Filter;
use headwater_store::{
    GapReason, Limits, Retention,
    suite::{Time, report},
};
use serde_json::json;

use super::{
    Factory, Setup, Subject,
    kit::{
        self, completed, delta, id, ids, note, publish, publish_all, publish_notes, started, stream, typed,
    },
    tape::{Tape, same},
};
use crate::{Start, Subscription};

/// A broker whose time passes in days: real ones, on a clock that is moved, or very short ones that are waited for.
pub(super) struct Ageing {
    subject: Box<dyn Subject>,
    setup: Setup,
    time: Time,
}

/// How long a day is. Some servers count whole seconds.
fn day(time: Time) -> Duration {
    match time {
        Time::Manual => Duration::from_secs(24 * 3600),
        Time::Real => Duration::from_secs(2),
    }
}

/// A broker that keeps durable events for so many days and transient ones for one.
pub(super) async fn days(factory: &dyn Factory, durable: u32) -> Option<Ageing> {
    let time = factory.time();
    let retention = Retention {
        durable: Limits { max_age: Some(day(time) * durable), ..Limits::default() },
        transient: Limits { max_age: Some(day(time)), ..Limits::default() },
        ..Retention::default()
    };
    let setup = Setup { retention, ring_events: 16, ..kit::setup() };
    let subject = factory.make(setup.clone()).await;
    if !subject.capabilities().retention {
        report::lacks("retention");
        return None;
    }
    Some(Ageing { subject, setup, time })
}

impl Ageing {
    pub(super) fn broker(&self) -> std::sync::Arc<dyn crate::EventBroker> {
        self.subject.broker()
    }

    /// Time passes, and what is too old is removed.
    pub(super) async fn pass(&self, days: f32) {
        let time = day(self.time).mul_f32(days);
        match self.time {
            Time::Manual => self.setup.clock.advance(time),
            Time::Real => tokio::time::sleep(time).await,
        }
        self.subject.trim().await;
    }
}

/// Who resumes behind what was removed is told, and gets what is kept: each event comes or lies in the gap.
pub async fn retention_that_passes_a_cursor_is_told(factory: &dyn Factory) {
    let Some(ageing) = days(factory, 2).await else {
        return;
    };
    let broker = ageing.subject.broker();
    let mut cursors = publish_notes(&*broker, "rt", 0..100).await;
    ageing.pass(3.5).await;
    cursors.extend(publish_notes(&*broker, "rt", 100..120).await);
    for n in [0, 10, 98] {
        let mut reader =
            Tape::start(&*broker, Subscription::new(stream("rt")).start(Start::After(cursors[n].clone())))
                .await;
        reader.until(&id("rt", 119)).await;
        same(&reader.ids(), &ids("rt", 100..120));
        reader.accounts_for(&cursors[n + 1..]);
        assert_eq!(reader.gaps.len(), 1, "{}", reader.story());
        assert_eq!(reader.gaps[0].reason, GapReason::Retention, "{}", reader.story());
        let page = broker
            .read(&stream("rt"), &Filter::all(), Start::After(cursors[n].clone()), 100)
            .await
            .expect("a page");
        assert_eq!(page.gaps.iter().map(|gap| gap.reason).collect::<Vec<_>>(), [GapReason::Retention]);
        same(&page.events.iter().map(|d| d.event().id()).collect::<Vec<_>>(), &ids("rt", 100..120));
    }
    for n in [99, 105] {
        let mut reader =
            Tape::start(&*broker, Subscription::new(stream("rt")).start(Start::After(cursors[n].clone())))
                .await;
        reader.until(&id("rt", 119)).await;
        reader.is_exactly(&ids("rt", n + 1..120));
    }
}

/// Who reads so slowly that retention overtakes it is told what it did not get.
pub async fn retention_that_passes_a_reader_is_told(factory: &dyn Factory) {
    let Some(ageing) = days(factory, 2).await else {
        return;
    };
    let broker = ageing.subject.broker();
    let pad = ageing.subject.buffered_bytes() * 2 / 1000;
    let mut reader = Tape::start(&*broker, Subscription::new(stream("ro"))).await;
    let mut cursors = publish_all(&*broker, &[note("ro", 0)]).await;
    reader.events(1).await;
    let events: Vec<_> = (1..1000).map(|n| kit::padded("ro", n, pad)).collect();
    cursors.extend(publish_all(&*broker, &events).await);
    ageing.pass(3.5).await;
    cursors.extend(publish_notes(&*broker, "ro", 1000..1010).await);
    reader.until(&id("ro", 1009)).await;
    assert!(!reader.gaps.is_empty(), "so slow a reader loses something; {}", reader.story());
    assert!(reader.gaps.iter().all(|gap| gap.reason == GapReason::Retention), "{}", reader.story());
    reader.accounts_for(&cursors);
    assert_eq!(reader.caught_up.len(), 1, "{}", reader.story());
}

/// A read across trimmed deltas has one gap that says so, and every durable event.
pub async fn trimmed_deltas_are_told_once(factory: &dyn Factory) {
    let Some(ageing) = days(factory, 20).await else {
        return;
    };
    if !ageing.subject.capabilities().trim_transient {
        return report::lacks("trim_transient");
    }
    let broker = ageing.subject.broker();
    let mut events = vec![started("td", 0)];
    events.extend((1..51).map(|n| delta("td", n, "p", "t")));
    events.push(typed("td", 51, "llm.completed.v1", "td/llm/p", &json!({ "text": "t".repeat(50) })));
    events.push(completed("td", 52));
    let cursors = publish_all(&*broker, &events).await;
    ageing.pass(1.5).await;
    let kept = [id("td", 0), id("td", 51), id("td", 52)];
    for (start, want) in [
        (Start::Earliest, &kept[..]),
        (Start::After(cursors[0].clone()), &kept[1..]),
        (Start::After(cursors[20].clone()), &kept[1..]),
    ] {
        let mut reader = Tape::start(&*broker, Subscription::new(stream("td")).start(start.clone())).await;
        reader.finish().await;
        same(&reader.ids(), want);
        assert_eq!(reader.gaps.len(), 1, "{start:?}: {}", reader.story());
        assert_eq!(reader.gaps[0].reason, GapReason::Trimmed, "{}", reader.story());
        assert!(reader.end.is_some());
        // Wherever it stops, what its cursor leads to is exactly what it had not got.
        for items in 0..6 {
            let mut reader =
                Tape::start(&*broker, Subscription::new(stream("td")).start(start.clone())).await;
            for _ in 0..items {
                reader.step().await;
            }
            let rest = Subscription::new(stream("td")).start(Start::After(reader.cursor()));
            let mut rest = Tape::start(&*broker, rest).await;
            rest.finish().await;
            same(&[reader.ids(), rest.ids()].concat(), want);
        }
        let (mut gaps, mut seen, mut next) = (Vec::new(), Vec::new(), start.clone());
        loop {
            let page = broker.read(&stream("td"), &Filter::all(), next, 1).await.expect("a page");
            gaps.extend(page.gaps.iter().map(|gap| gap.reason));
            seen.extend(page.events.iter().map(|d| d.event().id().to_owned()));
            next = Start::After(page.next);
            if !page.more {
                break;
            }
        }
        same(&seen, want);
        assert_eq!(gaps, [GapReason::Trimmed], "{start:?}: pages tell it once");
    }
    let behind = Subscription::new(stream("td")).start(Start::After(cursors[51].clone()));
    let mut behind = Tape::start(&*broker, behind).await;
    behind.finish().await;
    behind.is_exactly(&kept[2..]);
}

/// A cursor that is merely old has no gap: nothing behind it was removed.
pub async fn a_quiet_stream_has_no_gap(factory: &dyn Factory) {
    let Some(ageing) = days(factory, 2).await else {
        return;
    };
    let broker = ageing.subject.broker();
    let quiet = publish_notes(&*broker, "quiet", 0..3).await;
    let tail = broker.cursor(&stream("quiet")).await.expect("a cursor");
    publish_notes(&*broker, "busy", 0..50).await;
    ageing.pass(3.5).await;
    publish_notes(&*broker, "busy", 50..60).await;
    publish(&*broker, &[note("quiet", 3)]).await;
    for cursor in [quiet[2].clone(), tail] {
        let mut reader =
            Tape::start(&*broker, Subscription::new(stream("quiet")).start(Start::After(cursor))).await;
        reader.until(&id("quiet", 3)).await;
        reader.is_exactly(&[id("quiet", 3)]);
    }
}
