//! Two applies at once: of the same sources both end in the same state, of different ones at most one conflict, and a clean one.

use std::fmt::Write as _;

use crate::common::{Done, Workspace, has_engine};
use crate::harbour::{Chance, Harbour, report, run, size, start};

const IMAGES: usize = 4;

fn write(workspace: &Workspace, head: &str, content: &str) {
    let mut text = head.to_owned();
    for number in 0..IMAGES {
        writeln!(
            text,
            "image \"d{number}\" {{ context \"d{number}\"; tag \"latest\" \"stable\"; target \"dev\" }}"
        )
        .expect("a text");
        workspace.write(
            &format!("d{number}/Dockerfile"),
            "FROM scratch\nCOPY f /f\n",
        );
        let process = std::process::id();
        let file = format!("{process} {number} {content}\n");
        workspace.write(&format!("d{number}/f"), &file);
    }
    workspace.write("windlass.kdl", &text);
}

fn is_settled(workspace: &Workspace) -> bool {
    run(workspace, &["plan", "--detailed-exitcode"]).code == 0
}

#[test]
fn two_applies_at_once_end_in_one_state_or_in_a_clean_conflict() {
    if !has_engine() {
        return;
    }
    let tries = size("WINDLASS_PROVE_DOUBLES", 5);
    let mut chance = Chance::new();
    let harbour = Harbour::new();
    let head = harbour.head("doubles");
    let other = Workspace::new(&[]);
    let (mut same_state, mut conflicts, mut serial) = (0, 0, 0);
    for round in 0..tries {
        let same = round % 2 == 0;
        write(&harbour.workspace, &head, &format!("{round} one"));
        let content = if same { "one" } else { "two" };
        write(&other, &head, &format!("{round} {content}"));
        let arguments = ["apply", "--auto-approve"];
        let first = harbour.start(&arguments);
        std::thread::sleep(chance.within(std::time::Duration::from_millis(300)));
        let second = start(&other, &arguments);
        let first = Done::of(first.wait_with_output().expect("it ends"));
        let second = Done::of(second.wait_with_output().expect("it ends"));
        let codes = [first.code, second.code];
        let said = format!(
            "round {round}: {codes:?}\n{}{}\n{}{}",
            first.out, first.err, second.out, second.err
        );
        assert!(
            codes.iter().all(|code| matches!(code, 0 | 4 | 5)),
            "no clean end: {said}"
        );
        let settled = [is_settled(&harbour.workspace), is_settled(&other)];
        if same {
            assert_eq!(settled, [true, true], "one plan, two states: {said}");
            same_state += 1;
        } else if codes == [0, 0] {
            // One came after the other, and its state stands.
            assert!(settled[0] != settled[1], "a mixture: {said}");
            serial += 1;
        } else {
            conflicts += 1;
        }
        // Whatever happened, whoever applies next finishes.
        run(&harbour.workspace, &arguments).exits(0);
        harbour.expect_settled(&format!("round {round}"));
    }
    report(&[
        ("double applies", tries.to_string()),
        ("same sources, same end state", same_state.to_string()),
        ("different sources, one after the other", serial.to_string()),
        (
            "different sources, a conflict that was said",
            conflicts.to_string(),
        ),
    ]);
}
