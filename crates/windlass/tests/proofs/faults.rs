//! A bad day at ECR: a fifth of its answers is throttled, failed, cut in half, dropped, late, or asks for a new token.

use std::fmt::Write as _;

use windlass_ecr_local::FaultKind;

use crate::common::has_engine;
use crate::harbour::{Harbour, report, size};

const IMAGES: usize = 6;

fn write(harbour: &Harbour, round: usize) {
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
        let file = format!("{process} {number} {round}\n");
        workspace.write(&format!("f{number}/f"), &file);
    }
    harbour.workspace.write("windlass.kdl", &text);
}

#[test]
fn an_apply_on_a_shaky_line_ends_right_or_can_be_resumed() {
    if !has_engine() {
        return;
    }
    let tries = size("WINDLASS_PROVE_FAULTS", 3);
    let harbour = Harbour::new();
    let (mut at_once, mut resumed) = (0, 0);
    for round in 0..tries {
        write(&harbour, round);
        harbour
            .faults
            .shake(20, u64::try_from(round).expect("small") * 7_919 + 17);
        let done = harbour.run(&["apply", "--auto-approve"]);
        harbour.faults.clear();
        match done.code {
            0 => at_once += 1,
            75 | 5 => {
                resumed += 1;
                harbour.run(&["apply", "--auto-approve"]).exits(0);
            }
            code => panic!("round {round}: {code}\n{}\n{}", done.out, done.err),
        }
        harbour.expect_settled(&format!("round {round}"));
    }
    report(&[
        ("applies with 20 % faults", tries.to_string()),
        ("ended right at once", at_once.to_string()),
        (
            "ended with 75 or 5 and were finished by the next apply",
            resumed.to_string(),
        ),
    ]);
}

#[test]
fn an_outage_is_one_error_and_not_forty() {
    let harbour = Harbour::new();
    write(&harbour, 0);
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
