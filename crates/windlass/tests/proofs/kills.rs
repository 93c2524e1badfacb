//! An apply of twelve images is killed at random moments; the next one finishes, and no tag ever holds a wrong image.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::has_engine;
use crate::harbour::{Chance, Harbour, size};
use crate::rounds::{Player, prove};

const IMAGES: usize = 12;

/// Twelve images of one file each; the last two are built from others.
fn manifest(harbour: &Harbour) -> String {
    let mut text = harbour.head("kills");
    for number in 0..IMAGES {
        let needs = match number {
            10 => "needs \"i0\"; ",
            11 => "needs \"i10\" \"i1\"; ",
            _ => "",
        };
        writeln!(
            text,
            "image \"i{number}\" {{ context \"i{number}\"; {needs}tag \"latest\"; target \"dev\" }}"
        )
        .expect("a text");
    }
    text
}

const BEFORE: &str = "killed before any tag moved";
const BETWEEN: &str = "killed between moves";
const AFTER: &str = "killed after all tags had moved";

struct Kills {
    harbour: Harbour,
    player: usize,
    /// How long an apply takes that is not killed.
    whole: Duration,
}

impl Player for Kills {
    fn start(player: usize) -> Self {
        let harbour = Harbour::new();
        harbour.workspace.write("windlass.kdl", &manifest(&harbour));
        let mut kills = Self {
            harbour,
            player,
            whole: Duration::ZERO,
        };
        kills.write_sources("first");
        kills.harbour.run(&APPLY).exits(0);
        kills.write_sources("second");
        let begun = Instant::now();
        kills.harbour.run(&APPLY).exits(0);
        kills.whole = begun.elapsed();
        kills
    }

    fn play(&mut self, round: usize, chance: &mut Chance) -> Vec<&'static str> {
        let before = held(&self.harbour.images());
        self.write_sources(&round.to_string());
        let mut child = self.harbour.start(&APPLY);
        std::thread::sleep(chance.within(self.whole));
        child.kill().expect("the apply is there or done");
        drop(child.wait());
        let open = self.count_open(round, &before);
        let begun = Instant::now();
        let again = self.harbour.run(&APPLY);
        assert_eq!(
            again.code, 0,
            "round {round}:\n{}\n{}",
            again.out, again.err
        );
        let took = begun.elapsed();
        self.whole = self.whole.max(took).min(Duration::from_secs(30));
        self.harbour.expect_settled(&format!("round {round}"));
        vec![match open {
            0 => AFTER,
            IMAGES => BEFORE,
            _ => BETWEEN,
        }]
    }
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

impl Kills {
    fn write_sources(&self, content: &str) {
        for number in 0..IMAGES {
            let from = match number {
                10 => "FROM i0\n",
                11 => "FROM i10\nCOPY --from=i1 /f /g\n",
                _ => "FROM scratch\n",
            };
            let folder = format!("i{number}");
            let workspace = &self.harbour.workspace;
            workspace.write(
                &format!("{folder}/Dockerfile"),
                &format!("{from}COPY f /f\n"),
            );
            let (process, player) = (std::process::id(), self.player);
            let file = format!("{process} {player} {number} {content}\n");
            workspace.write(&format!("{folder}/f"), &file);
        }
    }

    /// Counts the tags that a plan would still move; fails where one of them is not where it was.
    fn count_open(&self, round: usize, before: &BTreeMap<String, Value>) -> usize {
        let mut open = 0;
        for image in self.harbour.images() {
            for tag in image["targets"][0]["tags"].as_array().expect("tags") {
                if tag["action"] == "none" {
                    // It holds the wanted fingerprint: that is what the plan compares.
                    continue;
                }
                open += 1;
                let name = format!("{} {}", image["address"], tag["tag"]);
                assert_eq!(tag["from_digest"], before[&name], "round {round}: {name}");
            }
        }
        open
    }
}

/// Returns what each wanted tag holds.
fn held(images: &[Value]) -> BTreeMap<String, Value> {
    let mut held = BTreeMap::new();
    for image in images {
        for tag in image["targets"][0]["tags"].as_array().expect("tags") {
            let name = format!("{} {}", image["address"], tag["tag"]);
            held.insert(name, tag["from_digest"].clone());
        }
    }
    held
}

#[test]
fn killed_applies_leave_no_wrong_tag_and_the_next_one_finishes() {
    if has_engine() {
        let rounds = size("WINDLASS_PROVE_KILLS", 10);
        prove::<Kills>("kills", rounds, &[BEFORE, BETWEEN, AFTER]);
    }
}
