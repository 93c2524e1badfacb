//! `docs/patterns.md` holds the parameters of every pattern as the code has them.

use std::fmt::Write as _;

use windlass_core::pattern::{Parameter, ParameterDefault, ParameterKind, Pattern, Shape, all};

const PAGE: &str = include_str!("../../../docs/patterns.md");

#[test]
fn the_page_has_the_table_of_every_pattern() {
    for pattern in all() {
        let table = table(pattern);
        assert!(
            PAGE.contains(&table),
            "docs/patterns.md lacks or has another table for {}; it is:\n\n{table}",
            pattern.reference()
        );
    }
}

#[test]
fn the_page_has_a_section_for_every_pattern_and_no_other() {
    let sections: Vec<&str> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'))
        .collect();
    let patterns: Vec<String> = all().iter().map(Pattern::reference).collect();
    assert_eq!(sections, patterns);
}

fn table(pattern: &Pattern) -> String {
    let mut table =
        String::from("| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for parameter in pattern.parameters {
        writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            parameter.name,
            parameter.kind.as_str(),
            default(parameter),
            meaning(parameter)
        )
        .expect("a string takes any text");
    }
    table
}

fn default(parameter: &Parameter) -> String {
    match parameter.default {
        ParameterDefault::Absent => "none".to_owned(),
        ParameterDefault::Text(text) => format!("`\"{text}\"`"),
        ParameterDefault::Integer(number) => format!("`{number}`"),
        ParameterDefault::Flag(flag) => format!("`#{flag}`"),
        ParameterDefault::List(texts) => format!("`\"{}\"`", texts.join("\" \"")),
        ParameterDefault::Derived(description) => description.to_owned(),
    }
}

fn meaning(parameter: &Parameter) -> String {
    let mut meaning = parameter.doc.to_owned();
    if !parameter.one_of.is_empty() {
        write!(meaning, " One of `{}`.", parameter.one_of.join("`, `"))
            .expect("a string takes any text");
    }
    if let Some((low, high)) = parameter.range {
        write!(meaning, " From {low} to {high}.").expect("a string takes any text");
    }
    if parameter.matches != Shape::Any && parameter.kind != ParameterKind::Map {
        write!(meaning, " Takes {}.", parameter.matches.describe())
            .expect("a string takes any text");
    }
    meaning
}
