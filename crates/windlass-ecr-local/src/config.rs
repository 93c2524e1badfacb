//! What a caller sets: place of the data, first account and region, quirks, clock, injected faults.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::identity_policy::IdentityPolicy;
use crate::scans::Scans;

/// How a local ECR is started.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the data, created if absent; `None` keeps everything in a temporary folder that goes with the server.
    pub data: Option<PathBuf>,
    /// Account of the first port, 12 digits.
    pub account: String,
    /// Region of the first port.
    pub region: String,
    /// Number of the first port; `None` takes the one kept in the data folder, or allots one.
    pub port: Option<u16>,
    /// Which oddities of the service are played.
    pub quirks: Quirks,
    /// Where time comes from.
    pub clock: Clock,
    /// Faults that tests inject; clones share one list, so a test can change it while the server runs.
    pub faults: Faults,
    /// Whether faults may also be set over HTTP (`/_windlass/faults`).
    pub faults_over_http: bool,
    /// Scan reports that tests hand out; clones share them.
    pub scans: Scans,
    /// What callers are allowed; clones share it, so a test can change it while the server runs.
    pub identity_policy: IdentityPolicy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: None,
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            port: None,
            quirks: Quirks::default(),
            clock: Clock::System,
            faults: Faults::default(),
            faults_over_http: false,
            scans: Scans::default(),
            identity_policy: IdentityPolicy::default(),
        }
    }
}

/// Oddities of the service, all on by default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named where it is set"
)]
pub struct Quirks {
    /// `PATCH` of an upload answers 201 instead of 202, and every chunk after the first is dropped.
    pub broken_chunks: bool,
    /// `GET` of a blob redirects (307) to a signed address.
    pub blob_redirect: bool,
    /// A blob is mounted only with the account setting `BLOB_MOUNTING`, equal encryption and a referencing manifest.
    pub strict_mount: bool,
    /// Lifecycle rules come back sorted by priority, policy principals in another order.
    pub rewritten_policies: bool,
    /// For how long a new repository is not yet found.
    pub creation_delay: Duration,
    /// For how long an image that is restored from the archive is `ACTIVATING`.
    pub restore_delay: Duration,
    /// For how long an image waits to be replicated.
    pub replication_delay: Duration,
    /// The published rates are enforced.
    pub throttling: bool,
    /// Reading an image by `BatchGetImage` or by a pull records a pull time.
    pub pull_times: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            creation_delay: Duration::from_millis(50),
            restore_delay: Duration::from_millis(50),
            replication_delay: Duration::from_millis(300),
            throttling: true,
            ..Self::all_but_timing()
        }
    }
}

impl Quirks {
    /// Returns the quirks that do not depend on time: no creation delay, no throttling.
    pub fn all_but_timing() -> Self {
        Self {
            broken_chunks: true,
            blob_redirect: true,
            strict_mount: true,
            rewritten_policies: true,
            creation_delay: Duration::ZERO,
            restore_delay: Duration::ZERO,
            replication_delay: Duration::ZERO,
            throttling: false,
            pull_times: true,
        }
    }

    /// Returns the switches of a registry without oddities.
    pub fn none() -> Self {
        Self {
            broken_chunks: false,
            blob_redirect: false,
            strict_mount: false,
            rewritten_policies: false,
            creation_delay: Duration::ZERO,
            restore_delay: Duration::ZERO,
            replication_delay: Duration::ZERO,
            throttling: false,
            pull_times: false,
        }
    }
}

/// What happens to a call instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// `AccessDeniedException`; on the registry plane 403 `DENIED`.
    AccessDenied,
    /// `ThrottlingException`; on the registry plane 429 `TOOMANYREQUESTS`.
    Throttled,
    /// `ExpiredTokenException`; on the registry plane 401 with the text about the expired token.
    ExpiredToken,
    /// `ServerException` with status 500; on the registry plane 500.
    ServerError,
    /// The connection is closed without an answer.
    DropConnection,
    /// The call is answered after this time, as usual.
    Delay(Duration),
    /// The call has its effect, but half of the answer's body is lost with the connection.
    Truncated,
    /// The call is never answered; the connection stays open for a minute.
    Hang,
    /// `BatchGetImage` answers as of two seconds ago, before the last writes; every other call as usual.
    Late,
}

/// One rule of fault injection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the operation (`PutImage`, `sts:AssumeRole`, `tag:GetResources`, `registry:PutManifest`), or `*` for all.
    pub operation: String,
    /// What happens.
    pub kind: FaultKind,
    /// How many calls it still hits; `None` means every call.
    pub times: Option<u32>,
}

/// The list of faults in force; clones share one list.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Injected>>);

#[derive(Debug, Default)]
struct Injected {
    list: Vec<Fault>,
    shaky: Option<Shaky>,
}

/// A bad day: so many calls of a hundred are hit, by one kind or another.
#[derive(Debug)]
struct Shaky {
    percent: u64,
    state: u64,
}

impl Shaky {
    fn next(&mut self) -> u64 {
        // xorshift64*: good enough to choose faults, and the same for the same seed.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    fn take(&mut self, operation: &str) -> Option<FaultKind> {
        if self.next() % 100 >= self.percent {
            return None;
        }
        Some(match self.next() % 16 {
            0..=2 => FaultKind::Throttled,
            3..=5 => FaultKind::ServerError,
            6..=7 => FaultKind::DropConnection,
            8..=9 => FaultKind::Truncated,
            // Tokens of the registry plane expire under way; credentials of the API that expire are no passing fault.
            10..=12 if operation.starts_with("registry:") => FaultKind::ExpiredToken,
            10..=13 if operation == "BatchGetImage" => FaultKind::Late,
            // Seldom: a caller waits for its whole time limit.
            14 => FaultKind::Hang,
            _ => FaultKind::Delay(Duration::from_millis(100)),
        })
    }
}

impl Faults {
    /// Adds a fault that hits every call of `operation`.
    pub fn always(&self, operation: &str, kind: FaultKind) {
        self.add(Fault {
            operation: operation.to_owned(),
            kind,
            times: None,
        });
    }

    /// Adds a fault that hits the next `times` calls of `operation`.
    pub fn times(&self, operation: &str, kind: FaultKind, times: u32) {
        self.add(Fault {
            operation: operation.to_owned(),
            kind,
            times: Some(times),
        });
    }

    /// Adds a fault behind those already there; the first that fits a call hits it.
    pub fn add(&self, fault: Fault) {
        self.injected().list.push(fault);
    }

    /// Hits so many calls of a hundred: throttled, failed, dropped, answered in half, after a while, never, with what held before, or
    /// with an expired token.
    /// The same seed gives the same faults for the same order of calls.
    pub fn shake(&self, percent: u64, seed: u64) {
        self.injected().shaky = Some(Shaky {
            percent,
            state: seed.max(1),
        });
    }

    /// Removes all faults.
    pub fn clear(&self) {
        *self.injected() = Injected::default();
    }

    /// Takes the fault that hits a call of `operation`, if any.
    pub(crate) fn take(&self, operation: &str) -> Option<FaultKind> {
        let mut injected = self.injected();
        let hit = injected.list.iter_mut().find(|fault| {
            (fault.operation == "*" || fault.operation == operation) && fault.times != Some(0)
        });
        let Some(hit) = hit else {
            return injected.shaky.as_mut()?.take(operation);
        };
        if let Some(times) = hit.times.as_mut() {
            *times -= 1;
        }
        Some(hit.kind.clone())
    }

    fn injected(&self) -> std::sync::MutexGuard<'_, Injected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_fault_hits_so_many_calls() {
        let faults = Faults::default();
        faults.times("PutImage", FaultKind::Throttled, 2);
        assert_eq!(faults.take("BatchGetImage"), None);
        assert_eq!(faults.take("PutImage"), Some(FaultKind::Throttled));
        assert_eq!(faults.take("PutImage"), Some(FaultKind::Throttled));
        assert_eq!(faults.take("PutImage"), None);
    }

    #[test]
    fn a_shaky_line_hits_its_share_with_every_kind() {
        let faults = Faults::default();
        faults.shake(20, 7);
        let hits: Vec<FaultKind> = (0..10_000)
            .filter_map(|_| faults.take("registry:GetBlob"))
            .collect();
        assert!((1_800..2_200).contains(&hits.len()), "{}", hits.len());
        for kind in [
            FaultKind::Throttled,
            FaultKind::ServerError,
            FaultKind::DropConnection,
            FaultKind::Truncated,
            FaultKind::ExpiredToken,
            FaultKind::Hang,
        ] {
            assert!(hits.contains(&kind), "{kind:?}");
        }
        let late = (0..1_000).any(|_| faults.take("BatchGetImage") == Some(FaultKind::Late));
        assert!(late, "no answer is late");
        faults.clear();
        assert_eq!(faults.take("registry:GetBlob"), None);
    }

    #[test]
    fn a_star_hits_every_operation() {
        let faults = Faults::default();
        faults.always("*", FaultKind::AccessDenied);
        assert_eq!(faults.take("DescribeImages"), Some(FaultKind::AccessDenied));
    }
}
