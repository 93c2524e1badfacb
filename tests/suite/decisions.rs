//! Which test holds which rule of the design (`design/decisions.md`): the scenario in the rule is the test.
//!
//! The page itself is not part of the project; each line says in a few words what the rule demands. A proof is the name of a test function or,
//! with a slash, a case below `tests/corpus`. The test fails where a proof is gone, so that a rule cannot lose its test unnoticed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A rule: its number, what it demands, and the tests that hold it.
type Rule = (u8, &'static str, &'static [&'static str]);

/// The rules with their proofs.
const RULES: &[Rule] = &[
    (
        1,
        "the fingerprint is the manifest annotation, all 64 digits",
        &[
            "pushed_image_carries_fingerprint_annotations_time_and_record",
            "a_tag_says_digest_fingerprint_and_time",
        ],
    ),
    (
        1,
        "nothing is decided from a label, which FROM inherits",
        &["a_fingerprint_in_a_label_decides_nothing"],
    ),
    (
        1,
        "`dev.windlass.` is refused in labels and annotations",
        &["language/image/reserved-label"],
    ),
    (
        2,
        "a local image counts through the build record, while the Engine has it",
        &["a_local_image_counts_through_the_record_and_only_while_it_is_there"],
    ),
    (
        3,
        "every field of an image is in the fingerprint unless listed as out",
        &[
            "every_field_changes_the_fingerprint",
            "canonical_encoding_is_pinned",
        ],
    ),
    (
        3,
        "every entry the build can read counts, and nothing else of its context",
        &[
            "what_changes_the_image_changes_the_fingerprint",
            "what_no_instruction_names_does_not_count",
            "the_whole_context_is_read_where_it_is_named_or_nothing_can_be_decided",
            "encoding_is_what_its_page_says",
        ],
    ),
    (
        3,
        "a base counts by its digest, never by the registry it comes from",
        &["a_mirror_does_not_change_the_fingerprint"],
    ),
    (
        4,
        "no `platform` means linux/amd64, written down in the fingerprint",
        &["an_image_without_a_platform_is_linux_amd64"],
    ),
    (
        4,
        "a platform the builder cannot run is blocked",
        &["plan/platform-blocked", "plan/two-platforms-blocked"],
    ),
    (
        5,
        "modes are normalised, what cannot be sent is named",
        &[
            "lists_files_folders_and_links_sorted_with_normalised_modes",
            "everything_that_cannot_be_sent_is_named",
            "links_modes_names_and_empty_folders_arrive",
        ],
    ),
    (
        6,
        "windlass's own files are never in a context",
        &["what_is_windlass_own_cannot_be_brought_back"],
    ),
    (
        6,
        "windlass's own files do not make a checkout dirty",
        &["own_files_do_not_make_a_checkout_dirty"],
    ),
    (
        6,
        "a lock that this run wrote passes `clean-git`; `init` ignores `.windlass/`",
        &[
            "engine_a_lock_that_this_run_wrote_keeps_the_checkout_clean",
            "windlass_own_folder_is_ignored_by_git_once",
        ],
    ),
    (
        7,
        "ignore lines: pattern, file, image, ours; the last match wins",
        &["the_last_match_wins"],
    ),
    (
        8,
        "only `stamp` is volatile, and may not decide what is built",
        &[
            "stamped_args_may_not_decide_what_is_built",
            "language/image/stamped-and-fixed",
        ],
    ),
    (
        8,
        "a variable in a tag and in an input is a warning",
        &[
            "language/image/variable-in-tag-and-inputs",
            "language/image/git-in-inputs",
        ],
    ),
    (
        9,
        "images with one fingerprint and repository share a build",
        &["two_images_with_one_fingerprint_share_build_and_push"],
    ),
    (
        9,
        "one tag of one repository belongs to one image; `in-*` to windlass",
        &[
            "language/image/duplicate-tag",
            "language/image/reserved-tag",
        ],
    ),
    (
        9,
        "no tag keeps the `in-` tag only; a missing one is a retag",
        &[
            "an_image_without_tags_keeps_only_its_in_tag",
            "a_right_wanted_tag_with_a_missing_in_tag_is_a_retag_of_the_in_tag",
            "plan/in-tag-missing",
        ],
    ),
    (
        10,
        "`as` is no stage name; a name becomes a digest or a private tag",
        &[
            "a_need_named_like_a_stage_is_an_error",
            "needed_image_is_built_first_and_found_by_its_private_name",
            "needed_image_that_only_a_repository_holds_is_pulled_by_digest",
            "a_workspace_image_is_taken_as_base",
        ],
    ),
    (
        11,
        "the action of an image is the first of its targets' actions",
        &["plan/two-targets", "plan/two-targets-changed"],
    ),
    (
        11,
        "`summary` has every key, `to_digest` is null until built",
        &["every_summary_has_every_key", "plan/empty-workspace"],
    ),
    (
        12,
        "tags are judged against the settings the plan ends with",
        &[
            "tags_are_judged_against_the_settings_the_plan_ends_with",
            "plan/immutable-blocked",
        ],
    ),
    (
        13,
        "a tag step is done where the fingerprint is there already",
        &[
            "tag_is_pending_where_the_plan_saw_it_done_under_the_fingerprint_and_moved_elsewhere",
            "applied_plan_says_already_applied_and_writes_nothing",
        ],
    ),
    (
        13,
        "of two digests the one under `in-` is adopted",
        &["of_two_digests_with_one_fingerprint_the_one_under_the_in_tag_wins"],
    ),
    (
        14,
        "the first failed move stops, and the report says how tags go back",
        &["first_failed_move_stops_and_lists_how_the_moved_tags_go_back"],
    ),
    (
        14,
        "`--keep-going` moves the tags of complete images",
        &[
            "keep_going_moves_the_tags_of_images_that_are_complete_with_their_needs",
            "keep_going_leaves_tags_of_a_held_image_whose_base_failed_later",
        ],
    ),
    (
        15,
        "two runs of one plan end alike; of different plans one is told",
        &[
            "two_runs_of_one_plan_at_once_end_in_the_same_state",
            "of_two_different_plans_at_once_one_is_refused_or_says_so",
        ],
    ),
    (
        15,
        "wanted tags are read again before and after the moves",
        &[
            "tag_that_moved_while_images_were_brought_moves_nothing",
            "tag_that_somebody_moved_after_us_is_named",
        ],
    ),
    (
        16,
        "a plan of another commit is stale",
        &["a_plan_of_another_commit_is_stale"],
    ),
    (
        16,
        "`plan --expect` says what differs from a reviewed plan",
        &["a_plan_says_what_differs_from_the_reviewed_one"],
    ),
    (
        17,
        "apply asks the mandatory policies again about the plan's own document",
        &["attempt_18_a_plan_made_without_the_policies"],
    ),
    (
        18,
        "copies come from other registries of the environment only; a source that cannot be read is none",
        &[
            "plan/copied-from-another-registry",
            "plan/moved-repository-copied",
            "plan/source-not-read",
        ],
    ),
    (
        19,
        "a missing or unreadable record is a note, and decides nothing",
        &[
            "a_missing_record_changes_the_explanation_only",
            "plan/record-missing",
        ],
    ),
    (
        19,
        "a read that a decision depends on is unknown, and blocks",
        &[
            "a_failed_read_is_unknown_and_never_absent",
            "plan/unknown-read",
        ],
    ),
    (
        19,
        "plan writes nothing, also no lifecycle preview",
        &["a_plan_writes_nothing_anywhere"],
    ),
    (
        20,
        "lifecycle rules are judged for every wanted tag: due now is blocked, soon is a warning",
        &[
            "plan/lifecycle-expires-blocked",
            "plan/lifecycle-expires-soon",
            "plan/lifecycle-added-takes-the-old-image",
            "language/repository/lifecycle-deletes-released",
        ],
    ),
    (
        21,
        "the tags of an image that gets another one are counted",
        &["plan/too-many-tags-blocked", "plan/many-tags-warned"],
    ),
    (
        22,
        "the owner is written at create only; another owner's settings are an error, its images are not",
        &[
            "settings_of_another_workspaces_repository_are_blocked_and_images_still_pushed",
            "plan/owner-other",
            "plan/create-off",
        ],
    ),
    (
        22,
        "a removed repository is deleted only where it is ours, with the images that the plan listed",
        &[
            "plan/removed-repository-deleted",
            "plan/removed-repository-not-ours",
            "repository_with_another_number_of_images_than_planned_is_left_alone",
        ],
    ),
    (
        23,
        "a refused push is an error, without a fallback",
        &["a_push_that_is_refused_says_why"],
    ),
    (
        23,
        "manifests are OCI with mediaType and annotation; an `in-` tag that is there is adopted",
        &[
            "manifest_names_its_media_type_and_carries_the_fingerprint",
            "in_tag_that_another_run_wrote_meanwhile_is_adopted",
        ],
    ),
    (
        24,
        "official images map to TO/library/NAME, the lock names the upstream",
        &[
            "mirrors_keep_the_path",
            "engine_a_lock_is_written_checked_and_kept",
        ],
    ),
    (
        24,
        "FROM is pinned in what is sent, never in what is rendered",
        &[
            "pins_replace_the_words_and_nothing_else",
            "what_is_rendered_is_not_pinned",
        ],
    ),
    (24, "examples commit no lock", &["examples_commit_no_lock"]),
    (
        25,
        "`replicate`: only what this run pushed is waited for",
        &[
            "what_this_run_pushed_is_waited_for_and_is_not_pushed_again",
            "what_is_pushed_to_the_first_region_is_copied_by_ecr_and_waited_for",
        ],
    ),
    (
        25,
        "`replicate`: the wait is bounded, then 5; anything else missing there is a copy",
        &[
            "what_is_not_copied_in_time_moves_no_tag_and_the_next_apply_copies_it",
            "what_was_pushed_before_is_copied",
        ],
    ),
    (
        25,
        "credentials of another account are a note",
        &["credentials_of_another_account_are_named"],
    ),
    (
        26,
        "the first line names the pattern, no version, date or path; bytes are pinned",
        &[
            "rendered_files_are_written_and_compared",
            "defaults_are_the_seed_mended",
        ],
    ),
    (
        27,
        "ignore lists, and vendored Go modules",
        &[
            "ignore_lists_of_each_pattern",
            "vendored_go_dependencies_are_kept_and_not_downloaded",
        ],
    ),
    (
        28,
        "alpine and debian",
        &[
            "the_other_variant_of_each_pattern",
            "the_flow_gives_images_that_run_and_that_other_tools_see",
        ],
    ),
    (
        29,
        "base rules judge what is pulled, the frontend too; a pack is pinned where it is named; set but empty is 3",
        &[
            "attempt_17_a_foreign_frontend",
            "attempt_15_an_old_pack_where_a_new_one_is_pinned",
            "attempt_08_the_variable_is_emptied",
        ],
    ),
    (
        31,
        "profiles hold what the levels of the catalogue say",
        &[
            "profiles_hold_what_the_documentation_says",
            "packs_hold_their_rules",
        ],
    ),
    (
        32,
        "a pack speaks of its own rules and of built-in ones; mandatory packs are last and absolute",
        &[
            "attempt_21_a_rule_with_the_name_of_the_pack",
            "attempt_01_a_pack_of_the_workspace_switches_the_rule_off",
        ],
    ),
    (
        33,
        "waivers say day, owner and reason, in the manifest and in comments",
        &[
            "our_comment_needs_a_day_an_owner_and_a_reason",
            "a_pack_that_allows_waivers_takes_one_that_ends_in_time",
        ],
    ),
    (
        34,
        "one finding object; ids survive moved lines; a context says links, modes and the line that decided",
        &[
            "an_id_survives_moved_lines_and_other_white_space",
            "context_says_what_a_build_sees_and_which_line_ignores_the_rest",
        ],
    ),
    (
        34,
        "columns count characters, ends are exclusive",
        &["columns_count_characters_and_ends_are_exclusive"],
    ),
    (
        35,
        "a secret-like arg is an error; values are masked before they are shown",
        &[
            "language/secret/arg-name",
            "a_secret_in_a_build_arg_is_refused_and_never_shown",
            "a_secret_is_hidden_in_every_form",
        ],
    ),
    (
        35,
        "a missing secret is a note in plan and stops apply before its first write",
        &[
            "a_plan_says_whether_a_secret_is_set_and_never_its_value",
            "engine_a_missing_secret_stops_apply_before_its_first_write",
        ],
    ),
    (
        36,
        "addresses, and `--only` takes along what it needs",
        &[
            "addresses_print_as_they_are_read",
            "only_takes_one_image_along_with_its_repository",
        ],
    ),
    (
        36,
        "`show` takes an address or a plan file",
        &[
            "an_address_is_shown_with_the_origin_of_each_line",
            "a_saved_plan_shows_the_same_in_every_format",
        ],
    ),
    (
        37,
        "codes, names of repositories, settings in one place",
        &[
            "the_page_has_a_section_for_every_code_and_no_other",
            "repository_names_follow_the_pattern_of_ecr",
            "language/repository/settings-twice",
        ],
    ),
    (
        38,
        "git facts",
        &[
            "git_facts_are_those_of_the_checkout",
            "the_highest_version_wins_and_names_come_after",
            "own_files_do_not_make_a_checkout_dirty",
            "describe_in_a_shallow_clone_names_the_fetch_depth",
            "everything_works_outside_git_but_what_asks_for_it",
        ],
    ),
    (
        39,
        "endpoints, defaults, and quotes inside an expression",
        &[
            "language/registry/bad-endpoint",
            "language/syntax/quotes-in-template",
            "language/template/repository-of-several-targets",
        ],
    ),
    (
        40,
        "exit codes",
        &[
            "an_offline_plan_reads_no_registry_and_says_so",
            "an_outage_is_one_error_and_not_forty",
            "mistakes_in_the_command_line_exit_1",
            "rendered_files_are_written_and_compared",
            "a_closed_pipe_is_a_quiet_end",
            "nobody_to_ask_is_an_error_with_the_two_ways_out",
            "an_interrupted_apply_exits_130_and_the_next_one_finishes",
        ],
    ),
    (
        41,
        "a variable that took effect is named",
        &["a_variable_that_took_effect_is_named"],
    ),
    (
        42,
        "one port an account and region, kept; one writer a data folder",
        &[
            "a_second_handle_uses_the_server_of_the_first_and_takes_over_when_it_ends",
            "the_access_key_id_names_the_account_and_the_port_the_region",
            "everything_is_there_after_a_restart",
        ],
    ),
    (
        42,
        "`--local` ends with the line that serves its ECR",
        &["a_local_apply_ends_with_the_line_that_serves_its_ecr"],
    ),
    (
        44,
        "exactness: 40 edits in the suite, 2,000 by `cargo xtask prove`",
        &["what_changes_the_image_changes_the_fingerprint"],
    ),
];

#[test]
fn every_rule_has_its_tests() {
    let known = tests_and_cases();
    let lost: Vec<String> = RULES
        .iter()
        .flat_map(|(number, rule, proofs)| {
            let known = &known;
            proofs
                .iter()
                .filter(move |proof| !known.contains(**proof))
                .map(move |proof| format!("{number} ({rule}): no test `{proof}`"))
        })
        .collect();
    assert_eq!(lost, Vec::<String>::new());
    assert!(RULES.iter().all(|(_, _, proofs)| !proofs.is_empty()));
    let mut sorted: Vec<u8> = RULES.iter().map(|rule| rule.0).collect();
    sorted.sort_unstable();
    assert!(
        RULES.iter().map(|rule| rule.0).eq(sorted),
        "rules stand in order"
    );
}

/// Returns the names of all test functions, and the folders of the corpus.
fn tests_and_cases() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known = BTreeSet::new();
    let mut open: Vec<PathBuf> = vec![root.join("crates"), root.join("tests")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder of the project");
            open.extend(entries.map(|entry| entry.expect("an entry").path()));
            if let Ok(case) = path.strip_prefix(root.join("tests/corpus")) {
                known.insert(case.to_string_lossy().into_owned());
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file of Rust");
            known.extend(functions_under_test(&text));
        }
    }
    known
}

/// Returns the functions that an attribute `#[test]` or `#[tokio::test]` stands above.
fn functions_under_test(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            if is_test && !line.starts_with("//") {
                let name: String = rest
                    .chars()
                    .take_while(|it| it.is_alphanumeric() || *it == '_')
                    .collect();
                found.push(name);
            }
            is_test = false;
        }
    }
    found
}

#[test]
fn test_functions_are_found_by_their_attribute() {
    let text =
        "#[test]\nfn a() {}\nfn b() {}\n    #[tokio::test(flavor = \"x\")]\n    async fn c() {}\n";
    assert_eq!(functions_under_test(text), ["a", "c"]);
}
