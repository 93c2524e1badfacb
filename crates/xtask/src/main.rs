//! Tasks of this repository: `cargo xtask setup | env | test | demo | bench | prove | release | picture | stop`.
//!
//! The tasks call other programs and hold no logic of windlass itself.

mod bases;
mod bench;
mod browser;
mod changed;
mod contexts;
mod demo;
mod engine;
mod failure;
mod http;
mod packages;
mod picture;
mod policies;
mod prove;
mod python;
mod registry;
mod release;
mod schemas;
mod setup;
mod shell;
mod standins;
mod test;

use failure::{Failure, Outcome};
use shell::{print, say};
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  setup   install or find an Engine, a loopback registry and the base images; cached
  env     setup, then print the tests' variables for a shell: eval \"$(cargo xtask env)\"
  test    setup, then all tests; further arguments go to cargo-nextest
  demo    setup, then plan, apply and plan again on examples/shop with a release build
  bench   setup, then measure an apply without changes against a push script for each image
  bench contexts
          measure how a context of 20,000 files and 2 GiB is hashed, cold and warm
  bench changed
          measure an apply of 100 images of which one changed, against docker build and push
  bench policies
          measure what linting and asking policies cost, against hadolint
  prove   setup, then the long runs of tests that the suite runs short, with their figures:
          cargo xtask prove [NAME [TRIES]] [--jobs N] [--fresh]
  release build the binary that is handed out, with its bill of materials and checksums, in target/dist:
          cargo xtask release [--twice] [TARGET]; --twice builds again elsewhere and compares
  picture run a command on a copy of examples/shop and draw what it prints:
          cargo xtask picture --out docs/plan.svg -- windlass --local plan
  stop    stop the Engine and the registry that setup started; keeps all images

State lies in $WINDLASS_TESTBED_DIR, or ~/.cache/windlass-testbed.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome<ExitCode> {
    match arguments.split_first() {
        Some((task, [])) if task == "setup" => setup::run().map(drop)?,
        Some((task, [])) if task == "env" => environment()?,
        Some((task, rest)) if task == "test" => return test::run(rest),
        Some((task, [])) if task == "demo" => return demo::run(),
        Some((task, [])) if task == "bench" => return bench::run(),
        Some((task, [what])) if task == "bench" && what == "contexts" => return contexts::run(),
        Some((task, [what])) if task == "bench" && what == "changed" => return changed::run(),
        Some((task, [what])) if task == "bench" && what == "policies" => return policies::run(),
        Some((task, rest)) if task == "prove" => return prove::run(rest),
        Some((task, rest)) if task == "release" => release::run(rest)?,
        Some((task, rest)) if task == "picture" => picture::run(rest)?,
        Some((task, [])) if task == "stop" => setup::stop()?,
        Some((task, [])) if task == "help" || task == "--help" || task == "-h" => print(HELP),
        Some((task, _)) => {
            return Err(Failure::new(format!(
                "unknown task or arguments: {task}\n{HELP}"
            )));
        }
        None => return Err(Failure::new(format!("no task given\n{HELP}"))),
    }
    Ok(ExitCode::SUCCESS)
}

fn environment() -> Outcome {
    for (name, value) in setup::run()?.variables() {
        print(&format!("export {name}='{value}'"));
    }
    Ok(())
}
