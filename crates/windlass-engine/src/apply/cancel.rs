//! Ending an apply from outside.

use tokio::sync::watch;

/// The listening end: clones of it are told together.
#[derive(Debug, Clone)]
pub struct Cancel(watch::Receiver<bool>);

/// The telling end. Dropping it tells nothing.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

impl Cancel {
    /// Returns both ends.
    pub fn new() -> (Canceller, Self) {
        let (sender, receiver) = watch::channel(false);
        (Canceller(sender), Self(receiver))
    }

    /// Returns a listening end that is never told.
    pub fn never() -> Self {
        Self::new().1
    }

    /// Says whether it was told to end.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is told to end; for ever where nobody can tell it any more.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Canceller {
    /// Tells all listening ends to end.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}
