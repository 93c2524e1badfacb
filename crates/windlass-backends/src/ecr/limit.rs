//! Limits of one account and region: how fast manifests are put, and when to stop asking.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use windlass_engine::ports::RegistryError;

/// Lets at most `count` calls begin in any window.
#[derive(Debug)]
pub(crate) struct Pace {
    count: usize,
    window: Duration,
    begun: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(crate) fn new(count: usize, window: Duration) -> Self {
        Self {
            count,
            window,
            begun: Mutex::default(),
        }
    }

    /// Waits for the caller's turn.
    pub(crate) async fn turn(&self) {
        tokio::time::sleep_until(self.reserve(Instant::now())).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut begun = self
            .begun
            .lock()
            .expect("no code panics while it holds this lock");
        let mut turn = now;
        if begun.len() >= self.count {
            let oldest = begun.pop_front().expect("the queue is full, so not empty");
            turn = turn.max(oldest + self.window);
        }
        begun.push_back(turn);
        turn
    }
}

/// Ends all calls of a registry once one of them found that none can succeed: no network, no credentials.
///
/// It closes again by itself, so that a long run survives a short outage.
#[derive(Debug)]
pub(crate) struct Breaker {
    open: watch::Sender<Option<(Instant, RegistryError)>>,
    closes_after: Duration,
}

impl Breaker {
    pub(crate) fn new(closes_after: Duration) -> Self {
        Self {
            open: watch::Sender::new(None),
            closes_after,
        }
    }

    /// Opens with an error and returns the one that opened it: of calls that fail together, the first speaks for all.
    pub(crate) fn trip(&self, error: RegistryError) -> RegistryError {
        self.open.send_if_modified(|state| {
            let still_open = state
                .as_ref()
                .is_some_and(|(since, _)| since.elapsed() < self.closes_after);
            if !still_open {
                *state = Some((Instant::now(), error.clone()));
            }
            !still_open
        });
        let opened_by = self.open.borrow();
        opened_by.as_ref().map_or(error, |(_, first)| first.clone())
    }

    /// Runs `work` unless the breaker is open; gives it up when the breaker opens meanwhile.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, RegistryError> {
        let mut changes = self.open.subscribe();
        if let Some((since, error)) = changes.borrow_and_update().as_ref()
            && since.elapsed() < self.closes_after
        {
            return Err(error.clone());
        }
        tokio::select! {
            biased;
            done = work => Ok(done),
            Ok(state) = changes.wait_for(|state| {
                state.as_ref().is_some_and(|(since, _)| since.elapsed() < self.closes_after)
            }) => Err(state.as_ref().expect("it was waited for").1.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_ever_sees_more_than_the_allowed_number() {
        let pace = Pace::new(8, Duration::from_secs(1));
        let start = Instant::now();
        let mut turns = Vec::new();
        for _ in 0..40 {
            pace.turn().await;
            turns.push(start.elapsed());
        }
        for window in turns.windows(9) {
            assert!(
                window[8] >= window[0] + Duration::from_secs(1),
                "{window:?}"
            );
        }
        assert_eq!(turns[7], Duration::ZERO, "the first eight do not wait");
        assert_eq!(turns[39], Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tripped_breaker_ends_what_runs_and_what_comes_until_it_closes() {
        let breaker = Breaker::new(Duration::from_secs(5));
        let error = RegistryError::Unreachable("gone".to_owned());
        let (running, ()) = tokio::join!(breaker.guard(std::future::pending::<()>()), async {
            let second = RegistryError::Unreachable("gone too".to_owned());
            assert_eq!(breaker.trip(error.clone()), error);
            assert_eq!(breaker.trip(second), error);
        });
        assert_eq!(running, Err(error.clone()));
        assert_eq!(breaker.guard(async { 1 }).await, Err(error));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(breaker.guard(async { 1 }).await, Ok(1));
    }
}
