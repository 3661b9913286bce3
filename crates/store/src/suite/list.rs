//! The clauses by name: what the macro turns into tests.

/// Makes a test of every clause of the [`suite`](crate::suite). The expression makes a new
/// [`Fixture`](crate::suite::Fixture) each time.
#[macro_export]
macro_rules! store_suite {
    ($fixture:expr) => {
        $crate::store_suite!(@clauses $fixture;
            order: positions_ascend_within_and_across_calls, concurrent_appenders_get_one_order,
                an_empty_batch_is_nothing, a_thousand_events_in_one_millisecond,
                clock_jumps_do_not_disturb_the_order, positions_become_visible_in_order;
            content: events_come_back_as_they_were, class_and_mark_are_those_of_the_append,
                stored_at_is_the_logs_time;
            dedup: a_second_append_is_a_duplicate, after_the_window_it_is_stored_again, duplicates_inside_a_batch,
                the_key_is_tenant_source_and_id, concurrent_duplicates_are_stored_once,
                a_duplicate_is_answered_once_it_is_visible, deleted_events_may_be_stored_again;
            read: every_scope_in_pages_of_any_size, reading_on_from_every_position, more_and_next,
                pages_are_bounded_in_bytes, ahead_of_the_tail_is_an_empty_page, unknown_scopes_are_empty,
                classes_stand_where_they_belong, tenant_order_is_declared;
            follow: from_now_on, before_the_first_event, from_every_earlier_position,
                a_slow_follower_is_told_what_it_missed, many_followers, every_scope,
                what_is_followed_is_or_will_be_answered;
            join: follow_then_read_while_it_is_written, at_every_position, reading_along_misses_nothing;
            runs: a_record_keeps_up_with_its_run, a_run_ends_and_reopens, whole_runs_in_one_batch,
                a_record_counts_concurrent_appends, runs_are_listed_in_order;
            remove: a_deleted_stream_is_gone_from_every_scope, who_reads_on_gets_nothing_that_was_deleted,
                deleting_nothing, a_name_used_again_starts_anew, followers_do_not_get_what_was_deleted,
                followers_are_told, deleting_while_it_is_written;
            retention: durable_events_go_by_age, transient_events_go_by_age, durable_events_go_by_count,
                transient_events_go_by_count, events_go_by_bytes, transient_events_go_after_the_end,
                runs_go_after_their_end, trimming_while_it_is_written;
            gaps: removed_events_are_told, trimmed_events_are_told, records_say_what_is_missing,
                other_tenants_losses_are_not_told;
            state: compare_and_set, delete_compares_too, versions_never_come_back, lists_are_in_order,
                keys_and_values_have_limits, concurrent_writers_lose_no_update, one_of_many_creates;
            close: an_open_store_is_ready, every_later_call_fails, followers_end, appends_in_flight_are_answered;
            durable: what_is_not_durable_begins_anew, reopening_keeps_everything,
                reopening_keeps_recognizing_duplicates, reopening_keeps_state, reopening_brings_nothing_back,
                reopening_keeps_telling_gaps, followers_go_on_after_reopening;
            faults: a_crash_keeps_what_was_answered, failing_writes_lose_nothing, restarts_lose_nothing,
                kills_lose_nothing, pauses_lose_nothing, cut_connections_lose_nothing,
                a_stream_deleted_under_its_readers_is_told, a_wiped_log_begins_anew, foreign_entries_are_told,
                retention_that_overtakes_a_follower_is_told, a_clock_that_jumps_disturbs_nobody;
        );
    };
    (@clauses $fixture:expr; $($module:ident: $($clause:ident),+;)+) => {
        $(
            mod $module {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[test]
                    fn $clause() {
                        let name = [env!("CARGO_PKG_NAME"), stringify!($module), stringify!($clause)];
                        $crate::suite::run(name, $fixture, $crate::suite::$module::$clause);
                    }
                )+
            }
        )+
    };
}
