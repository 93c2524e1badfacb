//! An ECR in this process that workspaces reach by `endpoint`, as they would reach a real one; chance; and what a plan says.

use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use windlass_ecr_local::{Clock, Config, Faults, FixedClock, LocalEcr, Quirks};

use crate::common::{Done, Workspace};

const ACCOUNT: &str = "111122223333";

/// The ECR, and a workspace whose manifest names it.
pub(crate) struct Harbour {
    pub(crate) ecr: LocalEcr,
    pub(crate) faults: Faults,
    pub(crate) address: String,
    pub(crate) workspace: Workspace,
}

impl Harbour {
    /// Starts without throttling: what is proven is not how fast ECR lets manifests in.
    pub(crate) fn new() -> Self {
        Self::with(Quirks {
            throttling: false,
            ..Quirks::default()
        })
    }

    pub(crate) fn with(quirks: Quirks) -> Self {
        Self::of(Config {
            quirks,
            ..Config::default()
        })
    }

    /// Starts an ECR whose clock stands still: each answer that is late is from before everything that was written.
    pub(crate) fn without_time() -> Self {
        Self::of(Config {
            quirks: Quirks::all_but_timing(),
            clock: Clock::Fixed(FixedClock::at(1_800_000_000)),
            ..Config::default()
        })
    }

    fn of(config: Config) -> Self {
        let config = Config {
            account: ACCOUNT.to_owned(),
            region: "eu-west-1".to_owned(),
            ..config
        };
        let ecr = LocalEcr::start_blocking(&config).expect("the local ECR starts");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = runtime.block_on(ecr.address(ACCOUNT, "eu-west-1"));
        Self {
            address: address.expect("an address").to_string(),
            ecr,
            faults: config.faults,
            workspace: Workspace::new(&[]),
        }
    }

    /// Returns the first lines of a manifest that reaches the ECR.
    pub(crate) fn head(&self, name: &str) -> String {
        let url = format!("http://{}", self.address);
        format!(
            "workspace \"{name}\" {{ parallel 4 }}\nregistry \"dev\" {{ account \"{ACCOUNT}\"; region \"eu-west-1\"; endpoint ecr=\"{url}\" sts=\"{url}\" tagging=\"{url}\" }}\n"
        )
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        run(&self.workspace, arguments)
    }

    /// Starts a command; what it says is lost.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        start(&self.workspace, arguments)
    }

    /// Returns the images of a new plan.
    pub(crate) fn images(&self) -> Vec<Value> {
        let plan = self.run(&["plan", "--format", "json"]).exits(0).json();
        plan["images"].as_array().cloned().expect("images")
    }

    /// Fails where a new plan has something to do.
    #[track_caller]
    pub(crate) fn expect_settled(&self, when: &str) {
        let done = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(done.code, 0, "{when}:\n{}\n{}", done.out, done.err);
    }
}

const CREDENTIALS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", ACCOUNT),
    ("AWS_SECRET_ACCESS_KEY", "local"),
];

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Done {
    workspace.run_with(&CREDENTIALS, arguments)
}

pub(crate) fn start(workspace: &Workspace, arguments: &[&str]) -> Child {
    let mut command = workspace.command(arguments);
    command.envs(CREDENTIALS);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// Chance that can be repeated (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    /// The chance of one round, so that each can be played alone; the variable `WINDLASS_PROVE_SEED` gives others.
    pub(crate) fn of_round(round: usize) -> Self {
        let seed = number("WINDLASS_PROVE_SEED").unwrap_or(20_261_124);
        let seed = u64::try_from(seed + round).expect("64 bits");
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.below(2);
        }
        chance
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits") % end.max(1)
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn within(&mut self, time: Duration) -> Duration {
        let share = u32::try_from(self.below(1_000)).expect("below a thousand");
        time * share / 1_000
    }
}

/// Returns how many tries a proof makes: what the variable says, else the size of the suite.
pub(crate) fn size(variable: &str, suite: usize) -> usize {
    number(variable).unwrap_or(suite)
}

/// Returns the number that a variable holds, where it is set.
pub(crate) fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("the variable holds a number"))
}

/// Writes figures where `cargo xtask prove` reads them.
pub(crate) fn report(figures: &[(&str, String)]) {
    let mut text = String::new();
    for (name, value) in figures {
        writeln!(text, "{name}: {value}").expect("a text takes everything");
    }
    if let Some(path) = std::env::var_os("WINDLASS_PROVE_REPORT") {
        std::fs::write(path, text).expect("the report is written");
    }
}
