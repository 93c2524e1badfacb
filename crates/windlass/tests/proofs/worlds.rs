//! Random workspaces and random edits: after every apply, a new plan has nothing to do.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::common::has_engine;
use crate::harbour::{Chance, Harbour, size};
use crate::rounds::{Player, prove};

/// What a workspace says, so that an edit can change one part of it.
#[derive(Clone, Default)]
struct World {
    images: BTreeMap<usize, Image>,
    immutable: bool,
    lifecycle: usize,
    resource_tags: usize,
    release: usize,
}

#[derive(Clone, Default)]
struct Image {
    content: usize,
    lines: usize,
    label: usize,
    stamp: usize,
    tags: Vec<&'static str>,
    shared: bool,
    needs: Option<usize>,
}

const TAGS: [&str; 4] = ["latest", "v{{ var.release }}", "edge", "stable-1"];

impl World {
    fn random(chance: &mut Chance) -> Self {
        let mut world = Self {
            lifecycle: chance.below(4),
            resource_tags: chance.below(3),
            ..Self::default()
        };
        for number in 0..=chance.below(3) {
            let image = Image::random(chance, number);
            world.images.insert(number, image);
        }
        world
    }

    /// Changes one thing; says what.
    fn edit(&mut self, chance: &mut Chance) -> &'static str {
        let place = chance.below(self.images.len());
        let number = *self.images.keys().nth(place).expect("one of them");
        let image = self.images.get_mut(&number).expect("it is there");
        match chance.below(11) {
            0 => {
                image.content += 1;
                "a file"
            }
            1 => {
                image.lines += 1;
                "the Dockerfile"
            }
            2 => {
                image.label += 1;
                "a label"
            }
            3 => {
                image.stamp += 1;
                "a stamp"
            }
            4 => {
                image.tags = Image::random(chance, number).tags;
                "tags of an image"
            }
            5 => {
                self.release += 1;
                "the release"
            }
            6 => {
                self.immutable = !self.immutable;
                "mutability"
            }
            7 => {
                self.lifecycle = chance.below(4);
                "the lifecycle"
            }
            8 => {
                self.resource_tags = chance.below(3);
                "resource tags"
            }
            9 => {
                let number = self.images.keys().max().map_or(0, |last| last + 1);
                let image = Image::random(chance, number);
                self.images.insert(number, image);
                "a new image"
            }
            _ => {
                let needed = self.images.values().any(|it| it.needs == Some(number));
                if self.images.len() > 1 && !needed {
                    self.images.remove(&number);
                }
                "an image that is gone"
            }
        }
    }

    fn write(&self, harbour: &Harbour, name: &str) {
        let mut text = harbour.head(name);
        writeln!(text, "var \"release\" {{ default \"{}\" }}", self.release).expect("a text");
        let settings = self.settings();
        for (number, image) in &self.images {
            let mut body = format!("context \"w{number}\"; target \"dev\"; ");
            if !image.tags.is_empty() {
                let tags: Vec<String> = image.tags.iter().map(|it| format!("\"{it}\"")).collect();
                write!(body, "tag {}; ", tags.join(" ")).expect("a text");
            }
            if image.shared {
                // Images that share a repository must not share tags.
                body = body.replace("latest", &format!("latest-{number}"));
                body = body.replace("\"edge", &format!("\"edge-{number}"));
                body = body.replace("\"stable-1", &format!("\"stable-{number}-1"));
                body = body.replace("\"v{{", &format!("\"v{number}-{{{{"));
                body.push_str("repository \"shared\"; ");
            }
            if let Some(need) = image.needs {
                write!(body, "needs \"w{need}\"; ").expect("a text");
            }
            write!(
                body,
                "label round=\"{}\"; stamp {{ label built=\"{}\" }}",
                image.label, image.stamp
            )
            .expect("a text");
            writeln!(text, "image \"w{number}\" {{ {body} }}").expect("a text");
            image.write(harbour, name, *number);
        }
        writeln!(text, "defaults {{ repository {{ {settings} }} }}").expect("a text");
        harbour.workspace.write("windlass.kdl", &text);
    }

    fn settings(&self) -> String {
        let mut settings = String::new();
        if self.immutable {
            settings.push_str("tags \"immutable\" { except \"latest*\" \"edge*\" \"stable-*\" }; ");
        } else {
            settings.push_str("tags \"mutable\"; ");
        }
        settings.push_str(match self.lifecycle {
            0 => "lifecycle \"none\"; ",
            1 => "lifecycle { expire untagged=#true pushed-days=7 }; ",
            2 => "lifecycle { keep count=500 tagged=\"*\"; expire any=#true pushed-days=900 }; ",
            _ => "",
        });
        for number in 0..self.resource_tags {
            write!(
                settings,
                "resource-tag key{number}=\"{}\"; ",
                self.resource_tags
            )
            .expect("a text");
        }
        settings
    }
}

impl Image {
    fn random(chance: &mut Chance, number: usize) -> Self {
        Self {
            content: chance.below(100),
            tags: TAGS.into_iter().filter(|_| chance.one_in(2)).collect(),
            shared: chance.one_in(4),
            needs: (number > 0 && chance.one_in(4)).then_some(0),
            ..Self::default()
        }
    }

    fn write(&self, harbour: &Harbour, name: &str, number: usize) {
        let from = self
            .needs
            .map_or("scratch".to_owned(), |need| format!("w{need}"));
        let mut dockerfile = format!("FROM {from}\nCOPY f /f\n");
        for line in 0..self.lines {
            writeln!(dockerfile, "ENV LINE{line}={line}").expect("a text");
        }
        let workspace = &harbour.workspace;
        workspace.write(&format!("w{number}/Dockerfile"), &dockerfile);
        let process = std::process::id();
        let file = format!("{process} {name} {number} {}\n", self.content);
        workspace.write(&format!("w{number}/f"), &file);
    }
}

/// How many times a workspace is applied: as it is made, then after each of some edits.
const STEPS: usize = 4;

const APPLIED: &str = "applied, and then nothing to do";
const BLOCKED: &str = "blocked in the plan";

struct Worlds {
    harbour: Harbour,
    player: usize,
}

impl Player for Worlds {
    fn start(player: usize) -> Self {
        Self {
            harbour: Harbour::new(),
            player,
        }
    }

    fn play(&mut self, round: usize, chance: &mut Chance) -> Vec<&'static str> {
        // What the last one left is another workspace's: repositories get names of their own.
        let name = format!("worlds{}x{round}", self.player);
        let mut world = World::random(chance);
        let steps = (0..STEPS).map(|step| {
            let what = match step {
                0 => "a new workspace",
                _ => world.edit(chance),
            };
            self.step(&mut world, &name, &format!("round {round}, {what}"))
        });
        steps.collect()
    }
}

impl Worlds {
    fn step(&self, world: &mut World, name: &str, what: &str) -> &'static str {
        world.write(&self.harbour, name);
        self.harbour.workspace.replace(
            "windlass.kdl",
            "{ parallel 4 }",
            &format!("{{ parallel 4; repository-prefix \"{name}/\" }}"),
        );
        let plan = self.harbour.run(&["plan"]);
        if plan.code == 1 && plan.out.contains("cannot be applied") {
            // Such as an immutable tag that would move: stopped before anything is built, and that is right.
            world.immutable = false;
            return BLOCKED;
        }
        let plan = plan.exits(0);
        let done = self.harbour.run(&["apply", "--auto-approve"]);
        assert_eq!(
            done.code, 0,
            "{what}:\n{}\n{}\n{}",
            plan.out, done.out, done.err
        );
        self.harbour.expect_settled(what);
        APPLIED
    }
}

#[test]
fn after_an_apply_of_any_workspace_a_plan_is_empty() {
    if has_engine() {
        let tries = size("WINDLASS_PROVE_WORLDS", 8);
        let rounds = tries.div_ceil(STEPS);
        prove::<Worlds>(
            "workspaces with three edits each",
            rounds,
            &[APPLIED, BLOCKED],
        );
    }
}
