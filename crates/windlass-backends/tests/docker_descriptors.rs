//! Builds leave no descriptor behind; a target of its own, since others would open and close some meanwhile.

#[path = "docker/bench.rs"]
mod bench;

use bench::Bench;
use windlass_backends::docker::ContextEntry;

#[tokio::test]
async fn fifty_builds_leave_no_descriptor_behind() {
    let Some(bench) = Bench::open("descriptors").await else {
        return;
    };
    let build = async |content: String| {
        let context = vec![ContextEntry::from_bytes("a", false, content)];
        let dockerfile = "FROM scratch\nCOPY a /a\n";
        bench.build(bench.request(dockerfile, context)).await;
    };
    for number in 0..3 {
        build(format!("warm {number}")).await;
    }
    let before = settled_descriptors(usize::MAX).await;
    for number in 0..50 {
        build(format!("build {number}")).await;
    }
    let after = settled_descriptors(before).await;
    assert!(
        after <= before,
        "{before} descriptors before, {after} after"
    );
    bench.clean().await;
}

/// Counts descriptors once the count is at most `limit`, or after two seconds: connections close in the background.
async fn settled_descriptors(limit: usize) -> usize {
    let count = || std::fs::read_dir("/proc/self/fd").expect("Linux").count();
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
    for _ in 0..40 {
        ticks.tick().await;
        if count() <= limit && limit != usize::MAX {
            break;
        }
    }
    count()
}
