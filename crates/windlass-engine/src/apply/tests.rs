//! Apply over fakes, named by the scenarios of the decisions.

mod bring;
mod elsewhere;
mod failures;
mod kill;
mod removals;
mod replication;
mod stale;
mod tags;
mod world;
