//! The published rates, as token buckets an account, region and operation.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::model::Scope;

/// Calls a second, from the service quotas page; an operation not named has no published rate.
const RATES: &[(&str, f64)] = &[
    ("PutImage", 10.0),
    ("InitiateLayerUpload", 100.0),
    ("CompleteLayerUpload", 100.0),
    ("UploadLayerPart", 500.0),
    ("GetAuthorizationToken", 500.0),
    ("BatchCheckLayerAvailability", 1000.0),
    ("BatchGetImage", 2000.0),
    ("GetDownloadUrlForLayer", 3000.0),
];

/// The buckets. A bucket holds what one second refills.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<(Scope, &'static str), Bucket>>);

#[derive(Debug)]
struct Bucket {
    level: f64,
    filled: Instant,
}

impl Throttle {
    /// Takes a call out of its bucket; false if the bucket is empty.
    pub(super) fn admits(&self, scope: &Scope, operation: &str) -> bool {
        self.admits_at(scope, operation, Instant::now())
    }

    fn admits_at(&self, scope: &Scope, operation: &str, now: Instant) -> bool {
        let Some((name, rate)) = RATES.iter().find(|(name, _)| *name == operation) else {
            return true;
        };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((scope.clone(), *name)).or_insert(Bucket {
            level: *rate,
            filled: now,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.level = (bucket.level + passed * rate).min(*rate);
        bucket.filled = now;
        let admitted = bucket.level >= 1.0;
        if admitted {
            bucket.level -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn put_image_is_admitted_ten_times_a_second_an_account_and_region() {
        let throttle = Throttle::default();
        let scope = |region: &str| Scope {
            account: "1".repeat(12),
            region: region.into(),
        };
        let start = Instant::now();
        let admitted = |region: &str, at| {
            (0..30)
                .filter(|_| throttle.admits_at(&scope(region), "PutImage", at))
                .count()
        };
        assert_eq!(admitted("us-east-1", start), 10);
        assert_eq!(admitted("eu-west-1", start), 10);
        assert_eq!(admitted("us-east-1", start + Duration::from_millis(510)), 5);
        assert!(throttle.admits_at(&scope("us-east-1"), "DescribeRepositories", start));
    }
}
