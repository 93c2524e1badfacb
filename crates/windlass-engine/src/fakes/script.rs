//! What fakes log, and what is to go wrong.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use windlass_core::name::{ImageName, RepositoryKey, Tag};

use crate::ports::{BuilderError, RegistryError};

/// The methods of the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named after its method")]
pub enum Operation {
    Repositories,
    Images,
    StoredImages,
    Scanning,
    ScanReport,
    ImageSizes,
    InputsRecord,
    CreateRepository,
    ChangeSetting,
    DeleteRepository,
    PushBlobs,
    Manifest,
    PutManifest,
    SendRecord,
    AttachRecord,
    RestoreImage,
    CopyImage,
    PullCredentials,
    ReplicationRules,
    CallerAccount,
    Describe,
    LocalImages,
    Build,
    Open,
    TagLocal,
}

impl Operation {
    /// Says whether the call changes a registry.
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::CreateRepository
                | Self::ChangeSetting
                | Self::DeleteRepository
                | Self::PushBlobs
                | Self::PutManifest
                | Self::SendRecord
                | Self::AttachRecord
                | Self::RestoreImage
                | Self::CopyImage
        )
    }
}

/// One call of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub operation: Operation,
    /// The repository, where it is about one.
    pub key: Option<RepositoryKey>,
    /// The tag, where it is about one.
    pub tag: Option<Tag>,
    /// The image, where it is about one.
    pub image: Option<ImageName>,
}

impl Call {
    /// Returns a call that is about nothing in particular.
    pub fn of(operation: Operation) -> Self {
        Self {
            operation,
            key: None,
            tag: None,
            image: None,
        }
    }
}

/// At which call the world stops: the call is the n-th, from 1, and never returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// It has no effect.
    Before(usize),
    /// It has its effect, but the answer is lost.
    After(usize),
}

/// What a call answers instead of working.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Registry(RegistryError),
    Builder(BuilderError),
}

type Matches = Box<dyn Fn(&Call) -> bool + Send>;
type Happens = Box<dyn FnOnce() + Send>;

/// Log and faults, shared by the fakes of one world. Clones are the same script.
#[derive(Clone)]
pub struct Script {
    state: Arc<Mutex<State>>,
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    faults: VecDeque<(Matches, Fault)>,
    events: Vec<(Matches, Happens)>,
    stop: Option<StopAt>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            stopped: watch::Sender::new(false),
        }
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Script({} calls)", self.calls().len())
    }
}

impl Script {
    /// Returns all calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Returns how many calls of an operation there were.
    pub fn count(&self, operation: Operation) -> usize {
        let state = self.lock();
        let calls = state.calls.iter();
        calls.filter(|call| call.operation == operation).count()
    }

    /// Returns how many calls there were that change a registry.
    pub fn writes(&self) -> usize {
        let state = self.lock();
        let calls = state.calls.iter();
        calls.filter(|call| call.operation.is_write()).count()
    }

    /// Forgets the calls so far; counting begins again.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    /// Makes the next matching call of the registry fail, once.
    pub fn fail_registry(
        &self,
        matches: impl Fn(&Call) -> bool + Send + 'static,
        error: RegistryError,
    ) {
        let fault = (Box::new(matches) as Matches, Fault::Registry(error));
        self.lock().faults.push_back(fault);
    }

    /// Makes the next matching call of the builder fail, once.
    pub fn fail_builder(
        &self,
        matches: impl Fn(&Call) -> bool + Send + 'static,
        error: BuilderError,
    ) {
        let fault = (Box::new(matches) as Matches, Fault::Builder(error));
        self.lock().faults.push_back(fault);
    }

    /// Lets something happen right before the next matching call takes effect, once.
    pub fn before(
        &self,
        matches: impl Fn(&Call) -> bool + Send + 'static,
        happens: impl FnOnce() + Send + 'static,
    ) {
        let event = (Box::new(matches) as Matches, Box::new(happens) as Happens);
        self.lock().events.push(event);
    }

    /// Stops the world at a call: that one and all later ones never return.
    pub fn stop_at(&self, stop: StopAt) {
        self.lock().stop = Some(stop);
    }

    /// Lets the world go on; counting begins again.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.stop = None;
        state.calls.clear();
        drop(state);
        self.stopped.send_replace(false);
    }

    /// Waits until the world has stopped.
    pub async fn stopped(&self) {
        let mut receiver = self.stopped.subscribe();
        let told = receiver.wait_for(|stopped| *stopped).await;
        told.expect("the script holds the sender");
    }

    /// Begins a call: logs it, lets others run, lets happen what is to happen, and returns its fault.
    pub(super) async fn begin(&self, call: Call) -> Result<usize, Fault> {
        tokio::task::yield_now().await;
        let (number, happens) = self.log(&call);
        if let Some(StopAt::Before(stop)) = self.stop_point()
            && number >= stop
        {
            self.halt().await;
        }
        for happens in happens {
            happens();
        }
        match self.take_fault(&call) {
            Some(fault) => Err(fault),
            None => Ok(number),
        }
    }

    /// Ends a call that had its effect.
    pub(super) async fn end(&self, number: usize) {
        if let Some(StopAt::After(stop)) = self.stop_point()
            && number >= stop
        {
            self.halt().await;
        }
        tokio::task::yield_now().await;
    }

    fn log(&self, call: &Call) -> (usize, Vec<Happens>) {
        let mut state = self.lock();
        state.calls.push(call.clone());
        let number = state.calls.len();
        let mut happens = Vec::new();
        let mut index = 0;
        while index < state.events.len() {
            if (state.events[index].0)(call) {
                happens.push(state.events.remove(index).1);
            } else {
                index += 1;
            }
        }
        (number, happens)
    }

    fn take_fault(&self, call: &Call) -> Option<Fault> {
        let mut state = self.lock();
        let index = state.faults.iter().position(|(matches, _)| matches(call))?;
        state.faults.remove(index).map(|(_, fault)| fault)
    }

    fn stop_point(&self) -> Option<StopAt> {
        self.lock().stop
    }

    async fn halt(&self) {
        self.stopped.send_replace(true);
        std::future::pending::<()>().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no fake panics while it holds the script")
    }
}
