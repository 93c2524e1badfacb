//! The local ECR over loopback, by a plain HTTP client.

mod faults;
mod images;
mod lifecycle;
mod registry;
mod replication;
mod repositories;
mod restart;
mod sharing;
mod support;
