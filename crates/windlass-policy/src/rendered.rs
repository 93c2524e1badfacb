//! Findings in Dockerfiles that windlass rendered: what is changed is a parameter of the pattern, never the text.

use windlass_core::finding::Finding;
use windlass_core::pattern;

use crate::evaluate::Found;
use crate::subject::ImageSubject;

/// What the first line of a rendered Dockerfile begins with (`docs/patterns.md`).
const MARK: &str = "# windlass ";
/// What it ends with.
const END: &str = " - edit windlass.kdl";

/// Returns the pattern that rendered a text, such as `python@1`, as its first line says.
pub(crate) fn pattern_of(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let name = line.strip_prefix(MARK)?.strip_suffix(END)?;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| name.to_owned())
}

/// Takes the fix away and says which parameter to change.
pub(crate) fn point_at_pattern(found: &mut Found, image: &ImageSubject, reference: &str) {
    let fix = found.fix.take();
    let of_fix = fix.as_ref().and_then(|it| it.parameter);
    let parameters = parameters(image, reference, found, of_fix);
    let advice = match parameters.as_slice() {
        [] => match fix {
            Some(_) => {
                format!("the Dockerfile is rendered by {reference}: see its parameters (`with`)")
            }
            None => return,
        },
        several => {
            let names: Vec<String> = several.iter().map(|it| format!("`{it}`")).collect();
            format!(
                "the Dockerfile is rendered by {reference}: set {} under `with` of the image",
                names.join(" or ")
            )
        }
    };
    let Finding { help, .. } = &mut found.finding;
    let before = help.take();
    *help = Some(before.map_or(advice.clone(), |it| format!("{it}; {advice}")));
}

/// Returns the parameters of the pattern that decide about what a rule found; those that the pattern does not have are left out.
fn parameters(
    image: &ImageSubject,
    reference: &str,
    found: &Found,
    of_fix: Option<&'static str>,
) -> Vec<&'static str> {
    let Some(known) = known_parameters(reference) else {
        return Vec::new();
    };
    let wanted: &[&'static str] = match (of_fix.as_ref(), found.finding.rule.as_str()) {
        (Some(name), _) => std::slice::from_ref(name),
        // The image that a binary is put on is another one than that it is compiled in.
        (None, rule) if rule.starts_with("base-") => {
            if known.contains(&"runtime") && is_in_final_stage(image, found) {
                &["runtime"]
            } else {
                &["version", "base"]
            }
        }
        (None, "build-tools-in-final") => &["build_packages"],
        (None, "user-root-final" | "user-not-in-passwd") => &["user", "uid"],
        (None, "user-nonnumeric") => &["uid"],
        (None, "init-missing") => &["init"],
        (None, "healthcheck-missing") => &["healthcheck"],
        (None, "expose-22" | "expose-range" | "expose-format") => &["port"],
        (None, "apt-unpinned" | "apk-unpinned" | "apt-not-apt-get") => {
            &["packages", "build_packages"]
        }
        (None, "secret-in-arg-env" | "secret-value-pattern" | "tls-verify-off" | "python-env") => {
            &["env"]
        }
        (None, "go-strip") => &["ldflags"],
        (None, "go-cgo-static") => &["cgo"],
        (None, "scratch-no-tzdata") => &["tzdata"],
        (None, "scratch-no-ca") => &["ca_bundle", "runtime"],
        (None, "pip-unpinned") => &["requirements"],
        (None, "entrypoint-shell-ignores-cmd" | "json-cmd" | "json-invalid-exec") => &["command"],
        (None, "copy-before-deps") => &["requirements", "package_files"],
        _ => &[],
    };
    let wanted = wanted.iter().copied();
    wanted.filter(|it| known.contains(it)).collect()
}

/// A pattern of the workspace has parameters that nothing is known about.
fn known_parameters(reference: &str) -> Option<Vec<&'static str>> {
    let (name, major) = reference.split_once('@')?;
    let pattern = pattern::find(name, major.parse().ok()?).ok()?;
    Some(pattern.parameters.iter().map(|it| it.name).collect())
}

fn is_in_final_stage(image: &ImageSubject, found: &Found) -> bool {
    let Some(place) = &found.place else {
        return false;
    };
    let dockerfile = &image.dockerfile;
    let stage = dockerfile.stages.iter().rposition(|stage| {
        let from = dockerfile.instructions.get(stage.instructions.start);
        from.is_some_and(|from| from.span.start <= place.span.start)
    });
    stage.is_some_and(|it| image.facts().is_final(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_pattern() {
        let of = |text: &str| pattern_of(text);
        assert_eq!(
            of("# windlass python@1 - edit windlass.kdl\nFROM a\n").as_deref(),
            Some("python@1")
        );
        for text in [
            "",
            "FROM a\n",
            "# windlass: allow x\nFROM a\n",
            "# windlass two words - edit windlass.kdl\n",
            "\n# windlass python@1 - edit windlass.kdl\n",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
