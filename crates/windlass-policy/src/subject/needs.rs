//! Images that are built from others of the workspace: what those leave behind is in their Dockerfiles, not in the lock.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::dockerfile::graph::BaseConfig;

use super::ImageSubject;
use crate::evaluate::Subjects;

/// What an image leaves to those that are built from it.
#[derive(Debug, Clone)]
pub(crate) struct HandedOn {
    /// What they start with.
    pub(crate) config: BaseConfig,
    /// Whether all that it holds was put on `scratch`.
    pub(crate) on_scratch: bool,
    /// Whether its entrypoint leaves root by itself.
    pub(crate) leaves_root: bool,
}

impl Subjects {
    /// Works out what images take over from others that they need. An image that is not among the subjects, or whose end is not known,
    /// hands on nothing.
    pub fn settle_needs(&mut self) {
        let mut settled: BTreeMap<String, Option<HandedOn>> = BTreeMap::new();
        let needs = self.images.iter().flat_map(|it| it.needs.values());
        let needed: BTreeSet<String> = needs.cloned().collect();
        loop {
            let before = settled.len();
            for image in &mut self.images {
                let Some(name) = image.name.clone().filter(|it| !settled.contains_key(it)) else {
                    continue;
                };
                // What is no subject is waited for in vain.
                let is_ready = |it: &String| settled.contains_key(it);
                if image.needs.values().all(is_ready) {
                    let found = image.needs.iter().filter_map(|(as_name, needed)| {
                        Some((as_name.clone(), settled[needed].clone()?))
                    });
                    image.handed_on = found.collect();
                    // Few are built from: of the others, nobody asks what they leave.
                    let is_needed = needed.contains(&name);
                    settled.insert(name, is_needed.then(|| hands_on(image)).flatten());
                }
            }
            if settled.len() == before {
                return;
            }
        }
    }
}

fn hands_on(image: &ImageSubject) -> Option<HandedOn> {
    let facts = image.facts();
    Some(HandedOn {
        config: facts.end()?.to_config(),
        on_scratch: facts.is_on_scratch(image),
        leaves_root: facts.leaves_root(image),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::evaluate;
    use crate::force::Policies;
    use crate::rule::Profile;
    use windlass_core::diag::Source;
    use windlass_core::dockerfile::graph::Setting;

    fn image(name: &str, text: &str, needs: &[(&str, &str)]) -> ImageSubject {
        let pairs = needs.iter();
        ImageSubject {
            name: Some(name.to_owned()),
            needs: pairs
                .map(|(as_name, needed)| ((*as_name).to_owned(), (*needed).to_owned()))
                .collect(),
            ..ImageSubject::of_text(&Source::new(format!("{name}/Dockerfile"), text))
        }
    }

    fn settled(images: Vec<ImageSubject>) -> Vec<ImageSubject> {
        let mut subjects = Subjects {
            images,
            ..Subjects::default()
        };
        subjects.settle_needs();
        subjects.images
    }

    fn user(image: &ImageSubject) -> Option<String> {
        let user = &image.facts().end().expect("a stage").user;
        match user {
            Setting::Unset => Some(String::new()),
            other => other.value().map(|it| it.text.clone()),
        }
    }

    #[test]
    fn the_user_is_that_of_the_image_it_is_built_from_whatever_their_order() {
        let images = settled(vec![
            image("top", "FROM middle-image\n", &[("middle-image", "middle")]),
            image("middle", "FROM bottom\nRUN true\n", &[("bottom", "bottom")]),
            image(
                "bottom",
                "FROM registry.example/x:1\nARG UID=10001\nUSER ${UID}\n",
                &[],
            ),
        ]);
        assert_eq!(user(&images[0]).as_deref(), Some("10001"));
        assert_eq!(user(&images[1]).as_deref(), Some("10001"));
    }

    #[test]
    fn what_is_not_known_of_it_stays_unknown() {
        let images = settled(vec![
            image("argument", "FROM scratch\nARG UID\nUSER ${UID}\n", &[]),
            image("base", "FROM registry.example/x:1\n", &[]),
            image("one", "FROM a\n", &[("a", "argument")]),
            image("two", "FROM b\n", &[("b", "base")]),
            image("three", "FROM c\n", &[("c", "not-here")]),
        ]);
        for image in &images[2..] {
            assert_eq!(user(image), None, "{:?}", image.name);
        }
    }

    #[test]
    fn a_name_of_the_manifest_comes_before_an_image_that_everybody_knows() {
        let images = settled(vec![
            image("base", "FROM debian:12\nUSER 10001\n", &[]),
            image("app", "FROM debian\n", &[("debian", "base")]),
        ]);
        assert_eq!(user(&images[1]).as_deref(), Some("10001"));
    }

    #[test]
    fn who_is_built_from_root_runs_as_root_unless_its_entrypoint_leaves() {
        let mut subjects = Subjects {
            images: vec![
                image("root", "FROM debian:12\nCMD [\"sh\"]\n", &[]),
                image(
                    "drops",
                    "FROM debian:12\nENTRYPOINT [\"gosu\", \"app\"]\n",
                    &[],
                ),
                image("one", "FROM a\nRUN true\n", &[("a", "root")]),
                image("two", "FROM b\nRUN true\n", &[("b", "drops")]),
            ],
            ..Subjects::default()
        };
        subjects.settle_needs();
        let today = windlass_core::name::Day::parse("2026-11-30").expect("a day");
        let policies = Policies::new(Profile::Baseline, today);
        let found = evaluate(&subjects, &policies).into_iter();
        let denied: Vec<String> = found
            .filter(|it| it.finding.rule == "user-root-final" && it.finding.level.denies())
            .filter_map(|it| it.finding.file)
            .collect();
        assert_eq!(denied, ["one/Dockerfile", "root/Dockerfile"]);
    }
}
