//! The conformance suite on both stores, and what only one of them has.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod faults;
mod fixture;
mod hardest;
mod plans;
mod restarts;
mod statements;
mod suite;

/// Runs each behaviour of the suite on each store, and checks the books afterwards.
macro_rules! conformance {
    ($($module:ident: $($name:ident)+;)+) => {
        mod on_sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let fixture = crate::fixture::Fixture::sqlite().await;
                    crate::suite::$module::$name(&fixture).await;
                    fixture.check_books().await;
                }
            )+)+
        }

        mod on_postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let fixture = crate::fixture::Fixture::postgres().await;
                    crate::suite::$module::$name(&fixture).await;
                    fixture.check_books().await;
                }
            )+)+
        }
    };
}

conformance! {
    signals:
        a_signal_column_is_kept_once_under_its_hash
        a_damaged_signal_column_is_refused;
    submitting:
        a_submitted_bundle_reads_back
        a_repeated_key_answers_the_first_bundle
        an_expired_key_is_new_again
        five_hundred_identical_submits_store_one_bundle
        a_job_whose_result_stands_is_cached_at_submit
        a_bundle_of_cached_jobs_is_final_at_submit
        a_bundle_without_jobs_is_completed
        a_bundle_with_a_repeated_seq_stores_nothing
        a_hundred_thousand_jobs_are_stored_in_order
        text_with_nul_is_stored;
    claiming:
        jobs_are_claimed_by_priority_then_creation_then_seq
        a_job_is_claimed_by_one_worker_only
        a_claim_of_nothing_is_empty
        the_first_claim_starts_the_bundle
        held_jobs_are_not_claimed
        ids_past_two_to_the_31_are_claimed
        a_submit_wakes_a_waiting_worker;
    finishing:
        each_ending_is_counted_once
        a_stale_attempt_writes_nothing
        a_finish_whose_answer_was_lost_is_already_stored
        answers_come_in_the_order_of_the_finishes
        equal_keys_share_one_result
        another_outcome_under_a_standing_key_is_a_fault
        a_job_is_not_completed_from_a_result_that_is_not_there
        results_read_back_bit_for_bit
        a_large_outcome_reads_back
        two_last_finishers_end_the_bundle_once
        a_bundle_fails_only_if_nothing_completed
        progress_is_shown_while_a_job_runs
        the_version_grows_with_every_change;
    releasing:
        a_drained_job_is_pending_again_at_once
        jobs_wait_while_their_source_is_away
        a_job_fails_when_its_source_stays_away
        progress_ends_the_wait_for_a_source
        the_third_passing_failure_is_final
        a_worker_that_leaves_frees_its_jobs
        a_worker_is_asked_to_drain_at_its_beat
        workers_are_listed_with_their_figures;
    cancelling:
        pending_jobs_are_cancelled_at_once
        running_jobs_are_called_off_at_the_next_beat
        a_job_that_completes_after_a_cancel_counts
        a_returned_job_of_a_cancelled_bundle_is_not_run_again
        a_final_bundle_cannot_be_cancelled
        a_bundle_that_does_not_exist_cannot_be_cancelled
        a_cancel_is_safe_while_jobs_are_claimed_and_finished;
    deciding:
        a_paused_bundle_gives_no_job_until_it_is_resumed
        a_bundle_that_never_began_is_queued_again_after_a_pause
        the_last_running_jobs_end_a_paused_bundle
        a_retry_opens_a_final_bundle_again
        a_retry_takes_one_status_only_where_it_is_named
        failed_jobs_of_a_paused_bundle_wait_after_a_retry
        a_bundle_being_called_off_refuses_everything_else
        a_new_priority_moves_jobs_that_wait_or_come_back
        tags_are_set_and_removed_one_by_one
        a_change_at_another_version_is_not_made
        a_bundle_that_does_not_exist_cannot_be_changed
        racing_changes_lose_no_job_and_no_count;
    reaping:
        jobs_of_a_silent_worker_are_rescued_after_its_lease
        jobs_of_an_absent_worker_are_rescued_after_the_grace
        a_worker_that_beats_keeps_its_jobs
        a_late_worker_is_fenced_after_a_rescue
        a_job_that_kills_three_workers_fails
        a_lost_job_that_never_started_is_only_suspect
        a_called_off_job_of_a_dead_worker_is_cancelled;
    data:
        recorded_data_is_known_until_a_part_of_it_is_corrected
        a_look_at_older_candles_does_not_replace_a_newer_one
        a_bundle_is_held_to_the_segments_it_first_loaded
        a_bundle_that_follows_the_latest_is_held_to_the_last
        candles_overwritten_behind_our_back_count_as_a_correction
        a_copy_older_than_a_correction_is_outdated
        a_partly_cached_bundle_is_held_to_what_its_results_were_computed_on;
    sharing:
        in_fair_order_bundles_take_turns
        a_bundle_joins_the_turn_that_is_being_worked_on
        strict_order_is_exact_beside_turns_of_other_priorities
        an_owner_runs_no_more_jobs_than_its_cap
        a_cap_is_kept_over_pauses_cancels_and_retries
        each_cause_of_a_hold_clears_only_its_own;
    replaying:
        a_completed_job_is_replayed_once_a_request
        a_job_without_a_result_is_not_replayed
        a_late_answer_of_a_replay_is_fenced
        replays_of_a_dead_worker_go_to_another_and_end_after_three
        a_divergence_is_recorded_and_counts_nothing
        a_worker_that_leaves_gives_its_replay_back;
    listing:
        bundles_are_listed_newest_first_in_pages
        bundles_are_found_by_owner_status_name_and_tag
        jobs_are_listed_by_seq_in_pages
        jobs_are_listed_by_metric_with_missing_ones_last
        jobs_are_found_by_status_code_and_seq
        failures_are_counted_by_code
        points_show_status_and_one_metric
        returns_are_read_in_pages
        standing_results_are_found
        the_queue_is_measured;
    keys:
        a_key_opens_to_its_token_alone
        a_key_ends_when_its_time_is_over
        a_revoked_key_stays_revoked;
    leasing:
        a_lease_has_one_holder_until_its_time_is_over
        a_beat_renews_what_is_held_and_says_what_that_is
        a_later_process_of_a_node_takes_its_place
        what_an_old_epoch_writes_changes_nothing
        the_sweeper_ends_bundles_and_maintenance_leaves_them_to_it
        racing_claims_of_many_keys_never_overlap;
    hinting:
        every_step_of_a_job_is_hinted
        versions_of_many_bundles_are_read_at_once;
}
