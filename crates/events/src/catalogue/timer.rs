//! Timers and promises: what a workflow waits for.

use serde_json::Value;

use super::{Count, Failure, macros::family};

family! {
    /// A timer was set.
    TimerStarted = "timer.started", v 1, Durable, Opens(Timer)
    { Dotted: "timer.started"; Constant: "TIMER_STARTED"; Snake: "timer_started"; Model: "TimerStarted"; }
    must {}
    may {
        /// Which timer, where the subject does not say it.
        timer_id: String,
        /// After how long it fires.
        delay_ms: Count,
        /// When it fires, as RFC 3339 text.
        fire_at: String,
    }

    /// A timer fired.
    TimerFired = "timer.fired", v 1, Durable, Completes(Timer)
    { Dotted: "timer.fired"; Constant: "TIMER_FIRED"; Snake: "timer_fired"; Model: "TimerFired"; }
    must {}
    may {
        /// Which timer, where the subject does not say it.
        timer_id: String,
    }

    /// A timer was cancelled.
    TimerCancelled = "timer.cancelled", v 1, Durable, Cancels(Timer)
    { Dotted: "timer.cancelled"; Constant: "TIMER_CANCELLED"; Snake: "timer_cancelled"; Model: "TimerCancelled"; }
    must {}
    may {
        /// Which timer, where the subject does not say it.
        timer_id: String,
        /// Why.
        reason: String,
    }

    /// A promise was made.
    PromiseCreated = "promise.created", v 1, Durable, Opens(Promise)
    { Dotted: "promise.created"; Constant: "PROMISE_CREATED"; Snake: "promise_created"; Model: "PromiseCreated"; }
    must {}
    may {
        /// Which promise, where the subject does not say it.
        promise_id: String,
        /// What it is called.
        name: String,
    }

    /// A promise was kept.
    PromiseResolved = "promise.resolved", v 1, Durable, Completes(Promise)
    { Dotted: "promise.resolved"; Constant: "PROMISE_RESOLVED"; Snake: "promise_resolved"; Model: "PromiseResolved"; }
    must {}
    may {
        /// Which promise, where the subject does not say it.
        promise_id: String,
        /// What it brought.
        value: Value,
    }

    /// A promise was broken.
    PromiseRejected = "promise.rejected", v 1, Durable, Fails(Promise)
    { Dotted: "promise.rejected"; Constant: "PROMISE_REJECTED"; Snake: "promise_rejected"; Model: "PromiseRejected"; }
    must {}
    may {
        /// Which promise, where the subject does not say it.
        promise_id: String,
        /// Why.
        error: Failure,
    }
}
