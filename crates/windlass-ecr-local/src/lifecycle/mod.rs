//! Lifecycle policies: reading and checking the text, deciding what the rules do, doing it when the clock moves.

mod evaluate;
mod policy;
mod run;

pub(crate) use evaluate::{Decision, evaluate};
pub(crate) use policy::{Action, Policy};
pub(crate) use run::{PERIOD, run_due};
