//! The built-in rules: one file each, one line here, one page under `docs/rules`.

use crate::rule::Rule;

mod words;

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
    base_latest
    base_registry_allowed
    pragma_foreign
    secret_in_arg_env
    waiver_expired
    waiver_expires_soon
    waiver_malformed
    waiver_refused
    waiver_unused
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
