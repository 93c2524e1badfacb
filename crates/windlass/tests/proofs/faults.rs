//! A bad day at ECR: a fifth of its answers is throttled, failed, cut in half, dropped, late, old, or asks for a new token.

use std::fmt::Write as _;

use windlass_ecr_local::FaultKind;

use crate::common::has_engine;
use crate::harbour::{Chance, Harbour, size};
use crate::rounds::{Player, prove};

const IMAGES: u32 = 6;

const AT_ONCE: &str = "ended right at once";
const RESUMED: &str = "ended with 75 or 5 and were finished by the next apply";
/// Plan and check were both given what a tag held before: the read directly before the moves tells, as if somebody had moved it.
const SEEN_LATE: &str = "ended with 4 before any tag moved and were finished by the next apply";

struct Shaky {
    harbour: Harbour,
    player: usize,
}

impl Player for Shaky {
    fn start(player: usize) -> Self {
        Self {
            harbour: Harbour::new(),
            player,
        }
    }

    fn play(&mut self, round: usize, _: &mut Chance) -> Vec<&'static str> {
        let harbour = &self.harbour;
        write(harbour, self.player, round);
        let seed = u64::try_from(round).expect("small") * 7_919 + 17;
        harbour.faults.shake(20, seed);
        let done = harbour.run(&["apply", "--auto-approve"]);
        harbour.faults.clear();
        let outcome = match done.code {
            0 => AT_ONCE,
            75 | 5 => {
                harbour.run(&["apply", "--auto-approve"]).exits(0);
                RESUMED
            }
            4 => {
                done.says("The images are held, no tag was moved.");
                harbour.run(&["apply", "--auto-approve"]).exits(0);
                SEEN_LATE
            }
            code => panic!("round {round}: {code}\n{}\n{}", done.out, done.err),
        };
        harbour.expect_settled(&format!("round {round}"));
        vec![outcome]
    }
}

fn write(harbour: &Harbour, player: usize, round: usize) {
    let mut text = harbour.head("faults");
    for number in 0..IMAGES {
        writeln!(
            text,
            "image \"f{number}\" {{ context \"f{number}\"; tag \"latest\"; target \"dev\" }}"
        )
        .expect("a text");
        let workspace = &harbour.workspace;
        workspace.write(
            &format!("f{number}/Dockerfile"),
            "FROM scratch\nCOPY f /f\n",
        );
        let process = std::process::id();
        let file = format!("{process} {player} {number} {round}\n");
        workspace.write(&format!("f{number}/f"), &file);
    }
    harbour.workspace.write("windlass.kdl", &text);
}

/// A workspace that was applied, and whose files changed then.
fn changed_since_applied() -> Harbour {
    let harbour = Harbour::without_time();
    write(&harbour, 0, 0);
    harbour.run(&["apply", "--auto-approve"]).exits(0);
    write(&harbour, 0, 1);
    harbour
}

#[test]
fn an_apply_on_a_shaky_line_ends_right_or_can_be_resumed() {
    if has_engine() {
        let rounds = size("WINDLASS_PROVE_FAULTS", 3);
        prove::<Shaky>(
            "applies with 20 % faults",
            rounds,
            &[AT_ONCE, RESUMED, SEEN_LATE],
        );
    }
}

#[test]
fn an_old_answer_in_the_plan_is_planned_again_and_not_left_to_the_caller() {
    if !has_engine() {
        return;
    }
    let harbour = changed_since_applied();
    let late = || {
        harbour
            .faults
            .times("BatchGetImage", FaultKind::Late, IMAGES);
    };
    late();
    let out = harbour.workspace.path("old.windlass");
    let out = out.to_str().expect("UTF-8");
    harbour.run(&["plan", "--out", out]).exits(0);
    harbour
        .run(&["apply", out])
        .exits(4)
        .says("image.f0:latest in repository.f0@dev holds sha256:")
        .says("nothing was written; make a new plan");
    late();
    harbour
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .says("Nothing was written. Planning again.");
    harbour.expect_settled("planned again");
}

#[test]
fn old_answers_in_the_plan_and_in_the_check_are_told_before_anything_is_built() {
    if !has_engine() {
        return;
    }
    let harbour = changed_since_applied();
    harbour
        .faults
        .times("BatchGetImage", FaultKind::Late, 2 * IMAGES);
    harbour
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .says("Nothing was written. Planning again.");
    harbour.expect_settled("planned again");
}

#[test]
fn an_outage_is_one_error_and_not_forty() {
    let harbour = Harbour::new();
    write(&harbour, 0, 0);
    harbour.faults.always("*", FaultKind::DropConnection);
    let done = harbour.run(&["plan"]).exits(75);
    let all = format!("{}\n{}", done.out, done.err);
    // Once for the repositories, once for the images in them.
    let said = all.matches("not read:").count();
    assert!(said <= 2, "said {said} times:\n{all}");
    harbour.faults.clear();
    harbour.faults.always("*", FaultKind::Throttled);
    let done = harbour.run(&["apply", "--auto-approve"]).exits(75);
    assert!(!done.out.is_empty(), "the plan is shown");
}
