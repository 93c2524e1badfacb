//! The ECR adapter against the strict local ECR, in process; scripted HTTP for what that does not play.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

#[path = "ecr/chain.rs"]
mod chain;
#[path = "ecr/faults.rs"]
mod faults;
#[path = "ecr/held.rs"]
mod held;
#[path = "ecr/images.rs"]
mod images;
#[path = "ecr/network.rs"]
mod network;
#[path = "ecr/push.rs"]
mod push;
#[path = "ecr/record.rs"]
mod record;
#[path = "ecr/repositories.rs"]
mod repositories;
#[path = "ecr/rules.rs"]
mod rules;
#[path = "ecr/scans.rs"]
mod scans;
#[path = "ecr/script.rs"]
mod script;
#[path = "ecr/speed.rs"]
mod speed;
#[path = "ecr/upstream.rs"]
mod upstream;
#[path = "ecr/world.rs"]
mod world;
