//! The suite every broker must pass: the laws of the design and the clauses on the traits, tested from outside.
//!
//! Whoever makes a broker (over another wire) writes a [`Factory`] and names it once in a test target; whoever makes a
//! store writes an [`OpenStore`] and names [`OverStore`]:
//!
//! ```text
//! headwater_broker::broker_suite!(MyFactory);
//! ```
//!
//! That makes one test a clause. What a broker declares not to have ([`Subject::capabilities`]) is not tested, and the
//! test says so ([`report`](headwater_store::suite::report) collects it). Random choices come from a seed that is printed; set `HEADWATER_SEED` to run with the same one.
//!
//! The suite measures no time. A clause that waits for what never comes fails after [`PATIENCE`].

pub mod closing;
pub mod end;
pub mod faults;
pub mod filters;
pub mod gaps;
pub mod groups;
pub mod join;
mod kit;
mod over_store;
mod pick;
pub mod publish;
pub mod reading;
pub mod retention;
pub mod several;
pub mod slow;
mod tape;
pub mod tenants;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use headwater_store::{
    ManualClock, Retention,
    suite::{Faults, Time, report::Report},
};

use crate::{Capabilities, EventBroker};
pub use over_store::{OpenStore, OverStore};

/// How long a clause waits for one thing before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a clause may take.
const WHOLE: Duration = Duration::from_secs(600);

/// Makes brokers to test, each empty and on its own.
#[async_trait]
pub trait Factory: Send + Sync + 'static {
    /// A new, empty broker.
    async fn make(&self, setup: Setup) -> Box<dyn Subject>;

    /// What its brokers are called in the report of the run: the store's name, or that of the way to it.
    fn name(&self) -> String {
        short_name::<Self>()
    }

    /// Whose clock the stores of its brokers go by.
    fn time(&self) -> Time {
        Time::Manual
    }
}

/// What a clause asks of the broker it tests.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How many recent events each scope keeps at hand.
    pub ring_events: usize,
    /// How long events are kept.
    pub retention: Retention,
    /// The store's clock (with [`Time::Manual`]).
    pub clock: ManualClock,
    /// The clause will do harm: the subject gives its [`Faults`] if it can, which then hit nobody else.
    pub harm: bool,
}

/// One broker under test.
#[async_trait]
pub trait Subject: Send + Sync + 'static {
    /// The broker; another one after [`Subject::restart`].
    fn broker(&self) -> Arc<dyn EventBroker>;

    /// What the store underneath can do.
    fn capabilities(&self) -> Capabilities {
        self.broker().capabilities()
    }

    /// Whether the feed of a tenant can be read.
    fn has_feed(&self) -> bool {
        true
    }

    /// How many bytes may be on their way to a reader who does not read: a slow reader is slow beyond that.
    fn buffered_bytes(&self) -> usize {
        0
    }

    /// What can be done to the server behind the store, where [`Setup::harm`] asked for it.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// Removes what retention no longer keeps, now.
    async fn trim(&self);

    /// Closes the broker and opens it again over the same data.
    async fn restart(&mut self);
}

/// The name of a type without its path and parameters, in lower case.
fn short_name<T: ?Sized>() -> String {
    let name = std::any::type_name::<T>().split('<').next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or(name).to_lowercase()
}

/// Runs one clause. [`broker_suite`](crate::broker_suite) calls it.
///
/// # Panics
/// The clause does not hold.
pub fn run<F: Factory>(
    group: &str,
    clause: &str,
    factory: &F,
    test: impl for<'a> FnOnce(&'a dyn Factory) -> BoxFuture<'a, ()>,
) {
    let _turn = headwater_store::suite::Turn::of(group);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be started");
    let report = Report::begin("broker", &factory.name(), group, clause);
    let done = runtime.block_on(report.watch(async { tokio::time::timeout(WHOLE, test(factory)).await }));
    // What the clause left behind must not keep the test.
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert!(done.is_ok(), "{clause} did not come to an end within {WHOLE:?}");
    report.held();
}

/// Makes one test for each clause of the suite. The argument is an expression that gives a
/// [`Factory`](crate::suite::Factory).
#[macro_export]
macro_rules! broker_suite {
    ($factory:expr) => {
        $crate::broker_suite! { @clauses $factory;
            publish: [
                what_is_published_can_be_read,
                a_batch_is_checked_whole,
                a_batch_over_the_limit_is_refused,
                a_duplicate_gets_the_answer_of_the_first,
                concurrent_publishers_keep_their_order,
                what_was_stored_survives_a_restart,
            ];
            tenants: [
                tenants_see_only_their_own,
                foreign_cursors_are_refused,
                runs_are_listed_in_order,
            ];
            reading: [
                pages_continue_exactly,
                pages_and_subscriptions_share_cursors,
                internal_events_are_not_shown,
                the_tenant_shows_durable_events_only,
                the_feed_shows_every_class,
            ];
            filters: [
                a_filter_means_the_same_everywhere,
                hidden_events_move_the_cursor,
            ];
            join: [
                at_every_position_of_a_run_that_is_being_written,
                a_stream_can_be_subscribed_before_its_first_event,
                live_is_resolved_once,
                every_cursor_resumes_exactly,
                caught_up_comes_exactly_once,
                many_readers_of_one_stream_all_see_everything,
            ];
            several: [
                several_streams_come_in_one_order,
                several_streams_join_while_they_are_written,
                every_cursor_of_several_streams_resumes_exactly,
                a_tenant_joins_while_it_is_written,
            ];
            end: [
                the_end_comes_last,
                the_end_comes_though_the_filter_hides_it,
                who_comes_behind_the_end_gets_it_at_once,
                late_events_are_behind_the_end,
                a_reopened_run_ends_again,
                what_never_ended_never_ends,
            ];
            slow: [
                catch_up_loses_nothing,
                drop_oldest_tells_exactly_what_is_missing,
                conflate_keeps_the_text,
                conflate_merges_only_neighbours_of_one_part,
                disconnect_gives_a_usable_cursor,
                a_slow_reader_delays_nobody,
            ];
            gaps: [
                a_deleted_stream_is_told_to_its_reader,
                a_deletion_leaves_other_streams_whole,
                another_numbering_is_told,
            ];
            retention: [
                retention_that_passes_a_cursor_is_told,
                retention_that_passes_a_reader_is_told,
                trimmed_deltas_are_told_once,
                a_quiet_stream_has_no_gap,
            ];
            groups: [
                every_event_comes_once_in_the_order_of_its_run,
                one_event_of_a_run_at_a_time,
                a_retry_keeps_the_order_of_its_run,
                a_release_spends_no_attempt,
                what_cannot_be_handled_is_dead_lettered,
                a_replayed_letter_lives_again,
                a_parked_run_waits_for_its_letter,
                workers_share_and_come_and_go,
                a_dead_workers_events_are_taken_over,
                an_extended_lease_is_kept,
                groups_are_independent,
                a_group_may_cover_all_tenants,
                a_group_begins_where_it_is_told,
                a_group_survives_a_restart,
                order_holds_through_random_failures,
                lag_is_what_is_not_acked,
                many_publishers_and_many_workers_lose_nothing,
                workers_that_come_and_go_at_once_take_nothing_with_them,
                what_a_worker_left_is_gone_on_with,
                a_fetch_that_is_dropped_loses_nothing,
                a_new_group_gets_the_old_events,
                attempts_count_up_and_waits_are_floors,
                what_retention_took_is_told_to_the_group,
                a_letter_that_expired_is_gone_and_its_run_goes_on,
                letters_are_found_by_what_they_are,
                restarts_lose_no_work,
                kills_lose_no_work,
            ];
            faults: [
                restarts_are_not_seen_by_readers,
                kills_are_not_seen_by_readers,
                pauses_are_not_seen_by_readers,
                cut_connections_are_not_seen_by_readers,
                a_wiped_log_is_told_to_live_readers,
                a_stream_deleted_under_a_reader_is_told,
                foreign_entries_are_told,
            ];
            closing: [
                closing_ends_readers_and_refuses_publishers,
            ];
        }
    };
    (@clauses $factory:expr; $($group:ident: [$($clause:ident),* $(,)?];)*) => {
        $(
            mod $group {
                #[allow(unused_imports)]
                use super::*;

                $(
                    #[test]
                    fn $clause() {
                        $crate::suite::run(stringify!($group), stringify!($clause), &$factory, |factory| {
                            Box::pin($crate::suite::$group::$clause(factory))
                        });
                    }
                )*
            }
        )*
    };
}
