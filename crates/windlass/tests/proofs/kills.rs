//! An apply of twelve images is killed at random moments; the next one finishes, and no tag ever holds a wrong image.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Done, has_engine};
use crate::harbour::{Chance, Harbour, report, size};

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

fn write_sources(harbour: &Harbour, round: usize) {
    for number in 0..IMAGES {
        let from = match number {
            10 => "FROM i0\n",
            11 => "FROM i10\nCOPY --from=i1 /f /g\n",
            _ => "FROM scratch\n",
        };
        let folder = format!("i{number}");
        harbour.workspace.write(
            &format!("{folder}/Dockerfile"),
            &format!("{from}COPY f /f\n"),
        );
        let process = std::process::id();
        harbour.workspace.write(
            &format!("{folder}/f"),
            &format!("{process} {number} {round}\n"),
        );
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
    if !has_engine() {
        return;
    }
    let tries = size("WINDLASS_PROVE_KILLS", 10);
    let mut chance = Chance::new();
    let harbour = Harbour::new();
    harbour.workspace.write("windlass.kdl", &manifest(&harbour));
    write_sources(&harbour, 0);
    harbour.run(&["apply", "--auto-approve"]).exits(0);
    write_sources(&harbour, 1);
    let begun = Instant::now();
    harbour.run(&["apply", "--auto-approve"]).exits(0);
    let mut whole = begun.elapsed();
    let mut left = Vec::new();
    for round in 2..tries + 2 {
        let before = held(&harbour.images());
        write_sources(&harbour, round);
        let mut child = harbour.start(&["apply", "--auto-approve"]);
        std::thread::sleep(chance.within(whole));
        child.kill().expect("the apply is there or done");
        drop(child.wait());
        let planned = harbour.images();
        let mut open = 0;
        for image in &planned {
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
        left.push(open);
        let begun = Instant::now();
        let again = harbour.run(&["apply", "--auto-approve"]);
        assert_finished(&again, round);
        whole = whole.max(begun.elapsed()).min(Duration::from_secs(30));
        harbour.expect_settled(&format!("round {round}"));
    }
    let all = IMAGES;
    let between = left.iter().filter(|open| (1..all).contains(*open)).count();
    report(&[
        ("kills", tries.to_string()),
        (
            "killed before any tag moved",
            count(&left, |open| open == all),
        ),
        ("killed between moves", between.to_string()),
        (
            "killed after all tags had moved",
            count(&left, |open| open == 0),
        ),
        ("tags on a wrong image", "0".to_owned()),
        ("applies that did not finish", "0".to_owned()),
    ]);
}

fn count(left: &[usize], is: impl Fn(usize) -> bool) -> String {
    left.iter().filter(|open| is(**open)).count().to_string()
}

#[track_caller]
fn assert_finished(done: &Done, round: usize) {
    assert_eq!(done.code, 0, "round {round}:\n{}\n{}", done.out, done.err);
}
