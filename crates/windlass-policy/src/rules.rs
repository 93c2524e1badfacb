//! The built-in rules: one file each, one line here, one page under `docs/rules`.

use crate::rule::Rule;

pub(crate) mod credentials;
mod scratch;
mod settings;
mod unpinned;
pub(crate) mod words;

macro_rules! rules {
    ($($module:ident)*) => {
        $(mod $module;)*

        /// All rules, sorted by id.
        pub const RULES: &[Rule] = &[$($module::RULE),*];
    };
}

// Sorted. The name of a module is the id of its rule with `_` for `-`.
rules! {
    add_not_copy
    apk_no_cache
    apk_unpinned
    apt_lists_left
    apt_no_recommends
    apt_not_apt_get
    apt_unpinned
    apt_update_alone
    apt_yes
    attestation_required
    base_end_of_life
    base_full_variant
    base_latest
    base_not_locked
    base_platform_missing
    base_registry_allowed
    base_untagged
    build_arg_secret
    build_tools_in_final
    cache_mount_advice
    casing
    cd_not_workdir
    chmod_world_writable
    consecutive_run
    context_secret_reachable
    context_size_budget
    context_vcs_deps
    copy_after_user_no_chown
    copy_before_deps
    copy_from_external_unpinned
    copy_from_self
    copy_from_unknown_stage
    copy_ignored_file
    copy_multi_no_slash
    copy_relative_no_workdir
    copy_whole_fs
    curl_pipe_shell
    delete_in_later_layer
    delete_protected
    dist_upgrade
    download_no_checksum
    ecr_immutable
    ecr_kms
    ecr_lifecycle
    ecr_policy_public
    ecr_resource_tags
    ecr_scan_on_push
    empty_continuation
    entrypoint_shell_ignores_cmd
    env_self_ref
    expose_22
    expose_format
    expose_range
    from_platform_const
    from_platform_redundant
    from_undefined_arg
    gem_unpinned
    go_cgo_static
    go_hardcoded_arch
    go_install_unpinned
    go_strip
    healthcheck_missing
    heredoc_shift_operator
    http_download
    ignore_bad_pattern
    ignore_missing
    ignore_root_only_pattern
    image_size_budget
    init_missing
    install_remove_separate_layers
    json_cmd
    json_invalid_exec
    labels_schema
    legacy_kv
    lock_stale
    maintainer
    multiple_cmd
    npm_dev_deps_in_final
    npm_global_unpinned
    npm_install_not_ci
    npm_only_deprecated
    password_set
    pip_no_cache
    pip_unpinned
    pipefail
    pkg_signature_off
    platforms_required
    pragma_foreign
    push_latest
    python_env
    scan_findings_gate
    scratch_no_ca
    scratch_no_tzdata
    secret_file_copied
    secret_in_arg_env
    secret_used_without_mount
    secret_value_pattern
    setuid_added
    shell_in_scratch
    shell_unquoted_rm
    stage_name_casing
    stage_name_duplicate
    stage_name_reserved
    stage_unreachable
    stopsignal
    sudo
    system_workdir
    tag_format
    tag_move_protected
    tls_verify_off
    undefined_var
    user_created_unused
    user_nonnumeric
    user_not_in_passwd
    user_root_final
    useradd_high_uid_no_l
    waiver_expired
    waiver_expires_soon
    waiver_malformed
    waiver_refused
    waiver_unused
    wget_and_curl
    wget_progress
    workdir_relative
    wrong_account_or_region
    yarn_cache
    yum_clean
    yum_unpinned
    yum_yes
}

/// Returns a rule by its id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// Returns the rules that other tools know by this name, in any case.
pub fn find_alias(alias: &str) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| {
        let known = |it: &&str| it.eq_ignore_ascii_case(alias);
        rule.aliases.iter().any(known)
    })
}
