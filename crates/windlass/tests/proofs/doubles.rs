//! Two applies at once: of the same sources both end in the same state, of different ones at most one conflict, and a clean one.

use std::fmt::Write as _;
use std::time::Duration;

use crate::common::{Done, Workspace, has_engine};
use crate::harbour::{Chance, Harbour, run, size, start};
use crate::rounds::{Player, prove};

const IMAGES: usize = 4;

const SAME: &str = "same sources, same end state";
const SERIAL: &str = "different sources, one after the other";
const CONFLICT: &str = "different sources, a conflict that was said";

struct Doubles {
    harbour: Harbour,
    head: String,
    other: Workspace,
    player: usize,
}

impl Player for Doubles {
    fn start(player: usize) -> Self {
        let harbour = Harbour::new();
        Self {
            head: harbour.head("doubles"),
            harbour,
            other: Workspace::new(&[]),
            player,
        }
    }

    fn play(&mut self, round: usize, chance: &mut Chance) -> Vec<&'static str> {
        let same = round.is_multiple_of(2);
        self.write(&self.harbour.workspace, round, "one");
        self.write(&self.other, round, if same { "one" } else { "two" });
        let (codes, said) = self.apply_at_once(chance.within(Duration::from_millis(300)));
        let said = format!("round {round}: {codes:?}\n{said}");
        assert!(
            codes.iter().all(|code| matches!(code, 0 | 4 | 5)),
            "no clean end: {said}"
        );
        let settled = [is_settled(&self.harbour.workspace), is_settled(&self.other)];
        let outcome = if same {
            assert_eq!(settled, [true, true], "one plan, two states: {said}");
            SAME
        } else if codes == [0, 0] {
            // One came after the other, and its state stands.
            assert!(settled[0] != settled[1], "a mixture: {said}");
            SERIAL
        } else {
            CONFLICT
        };
        // Whatever happened, whoever applies next finishes.
        self.harbour.run(&APPLY).exits(0);
        self.harbour.expect_settled(&format!("round {round}"));
        vec![outcome]
    }
}

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

impl Doubles {
    fn write(&self, workspace: &Workspace, round: usize, content: &str) {
        let mut text = self.head.clone();
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
            let (process, player) = (std::process::id(), self.player);
            let file = format!("{process} {player} {number} {round} {content}\n");
            workspace.write(&format!("d{number}/f"), &file);
        }
        workspace.write("windlass.kdl", &text);
    }

    /// Starts both, the second one a little later; returns how they ended and what they said.
    fn apply_at_once(&self, later: Duration) -> ([i32; 2], String) {
        let first = self.harbour.start(&APPLY);
        std::thread::sleep(later);
        let second = start(&self.other, &APPLY);
        let first = Done::of(first.wait_with_output().expect("it ends"));
        let second = Done::of(second.wait_with_output().expect("it ends"));
        let said = format!("{}{}\n{}{}", first.out, first.err, second.out, second.err);
        ([first.code, second.code], said)
    }
}

fn is_settled(workspace: &Workspace) -> bool {
    run(workspace, &["plan", "--detailed-exitcode"]).code == 0
}

#[test]
fn two_applies_at_once_end_in_one_state_or_in_a_clean_conflict() {
    if has_engine() {
        let rounds = size("WINDLASS_PROVE_DOUBLES", 5);
        prove::<Doubles>("double applies", rounds, &[SAME, SERIAL, CONFLICT]);
    }
}
