//! What every engine must do, said in functions that take a fresh store.
//!
//! An engine's test module calls [`contract_cases!`] with an async function that makes a fixture
//! whose `store` field is the empty store.

pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod order;
pub(crate) mod read;
pub(crate) mod sample;
pub(crate) mod write;

/// Makes one test of each case, on a fresh fixture from `$fresh`.
macro_rules! contract_cases {
    ($fresh:path) => {
        $crate::store::contract::contract_cases! { @each $fresh;
            read: a_document_is_read_back_byte_for_byte,
            read: a_missing_document_is_none,
            read: many_are_read_in_the_order_of_their_ids_and_missing_ones_are_left_out,
            read: a_scan_walks_its_equals_in_order,
            read: a_scan_walks_backwards_with_ties_reversed,
            read: a_scan_stops_at_its_limit,
            read: after_is_exclusive_in_both_directions,
            read: after_with_fewer_values_passes_every_key_that_begins_so,
            read: after_with_an_id_goes_on_inside_a_tie,
            read: equals_may_fix_all_fields_or_none,
            read: absent_and_null_are_filed_together,
            read: an_array_is_found_by_each_of_its_items_once,
            read: an_empty_array_is_not_null,
            read: a_partial_index_holds_only_documents_with_all_fields,
            read: numbers_are_found_by_value_whatever_their_type,
            read: count_counts_like_a_scan_and_stops_at_its_limit,
            bulk: each_stretch_is_counted_from_behind_its_beginning_to_its_end,
            bulk: stretches_beyond_a_hundred_are_counted_too,
            bulk: documents_under_any_of_several_values_are_found_up_to_a_limit,
            order: a_scan_equals_sorting_and_filtering,
            write: the_same_id_twice_is_a_duplicate_without_an_index,
            write: a_duplicate_names_its_index,
            write: a_partial_unique_index_lets_documents_without_the_field_pass,
            write: an_update_may_not_take_anothers_unique_key,
            write: an_update_may_keep_its_own_unique_key,
            write: a_refused_insert_leaves_no_trace,
            write: a_deleted_documents_keys_are_free_again,
            write: a_deleted_document_leaves_every_index,
            write: an_update_moves_a_document_in_its_indexes,
            write: an_update_returns_the_document_after_it,
            write: an_update_of_a_missing_document_is_none,
            change: a_guard_that_fails_changes_nothing,
            change: guards_compare_values_null_and_items,
            change: below_holds_for_absent_and_less_of_the_same_kind,
            change: a_guarded_delete_removes_only_what_it_describes,
            change: set_and_unset_follow_dotted_paths,
            change: increment_begins_at_zero_and_keeps_counting,
            change: max_keeps_the_greater,
            change: push_keeps_only_the_newest,
            change: a_change_that_does_not_fit_is_refused_whole,
            change: an_id_never_changes,
            write: a_document_without_an_id_is_refused,
            write: follow_ups_happen_in_order_and_refused_ones_are_left_out,
            write: follow_ups_do_not_happen_when_the_insert_is_refused,
            write: of_many_writers_of_one_unique_key_one_wins,
            write: concurrent_increments_all_count,
        }
    };
    (@each $fresh:path; $($family:ident: $case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = $fresh().await;
                $crate::store::contract::$family::$case(&fixture.store).await;
            }
        )+
    };
}

pub(crate) use contract_cases;
