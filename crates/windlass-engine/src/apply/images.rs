//! Brings images: builds in the order of what they need, each followed at once by its pushes to all its places.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use windlass_core::name::{Address, Digest, ImageName, RepositoryKey};
use windlass_core::oci::Descriptor;

use crate::apply::build::{self, Need};
use crate::apply::pin::named_needs;
use crate::apply::push;
use crate::apply::records::attach;
use crate::apply::run::Run;
use crate::apply::work::{Brought, Place};
use crate::event::{Event, Phase};
use crate::outcome::{Cause, FailedPhase};
use crate::ports::{Boxed, Builder, BuilderError, Registry, RegistryError, SentRecord};

/// How many images are brought into repositories at once.
const PUSHES_AT_ONCE: usize = 4;

/// Something that ended; the index is that of the work.
enum Ended {
    Built(usize, Result<Digest, Cause>, Duration),
    Brought(usize, RepositoryKey, Result<Brought, Cause>),
    Recorded(ImageName, RepositoryKey, Result<(), RegistryError>),
}

/// What runs now.
struct Running<'a> {
    jobs: FuturesUnordered<Boxed<'a, Ended>>,
    builds: usize,
    pushes: usize,
}

impl<'a, R: Registry, B: Builder> Run<'a, R, B> {
    /// Brings every image into its repositories under its `in-` tag. Stops at the first failure unless told to keep going; builds
    /// and pushes that run then are ended.
    pub(super) async fn bring_images(&mut self) {
        let mut running = Running {
            jobs: FuturesUnordered::new(),
            builds: 0,
            pushes: 0,
        };
        self.send_waiting();
        loop {
            self.give_up_dependants();
            if !self.goes_on() {
                return;
            }
            let failures = self.failures.len();
            self.start_jobs(&mut running);
            if self.failures.len() > failures {
                continue;
            }
            let ended = tokio::select! {
                biased;
                () = self.options.cancel.cancelled() => {
                    self.interrupted = true;
                    return;
                }
                ended = running.jobs.next() => ended,
            };
            match ended {
                Some(ended) => self.take(ended, &mut running),
                None => break,
            }
        }
        self.fail_stuck();
    }

    fn send_waiting(&self) {
        for (index, work) in self.works.iter().enumerate() {
            if !work.is_held() {
                self.send_phase(index, Phase::Waiting);
            }
        }
    }

    fn start_jobs(&mut self, running: &mut Running<'a>) {
        for index in 0..self.works.len() {
            if self.works[index].failed {
                continue;
            }
            if running.builds < self.options.parallelism.max(1) {
                self.start_build(index, running);
            }
            self.start_pushes(index, running);
        }
    }

    fn start_build(&mut self, index: usize, running: &mut Running<'a>) {
        let work = &self.works[index];
        if work.building || work.local.is_some() || !work.needs_local() {
            return;
        }
        let mut sources = Vec::new();
        let named: BTreeSet<&str> = named_needs(work.spec).collect();
        let needs = work.spec.needs.iter();
        for need in needs.filter(|need| named.contains(need.as_name.as_str())) {
            match self.find_need(need, work) {
                Ok(Need::Ready(source)) => sources.push((need, source)),
                Ok(Need::Waiting) => return,
                Err(cause) => return self.fail_work(index, FailedPhase::Build, None, cause),
            }
        }
        let job = match build::Job::new(self, index, sources) {
            Ok(job) => job,
            Err(error) => return self.fail_work(index, FailedPhase::Build, None, error.into()),
        };
        let (ports, events) = (self.ports, self.events);
        self.works[index].building = true;
        self.send_phase(index, Phase::Building);
        running.builds += 1;
        running.jobs.push(Box::pin(async move {
            let begun = Instant::now();
            let built = job.run(ports, events).await;
            Ended::Built(index, built, begun.elapsed())
        }));
    }

    fn start_pushes(&mut self, index: usize, running: &mut Running<'a>) {
        let ready = |run: &Self| {
            let work = &run.works[index];
            let place = work.places.iter().find(|(_, place)| match place {
                Place::Untagged(_) | Place::Archived(_) | Place::Elsewhere(_) => true,
                Place::Missing => work.local.is_some(),
                Place::Replicated(source) => work.replication(source).is_some(),
                Place::Busy | Place::Held(_) => false,
            });
            place.map(|(key, _)| key.clone())
        };
        while running.pushes < PUSHES_AT_ONCE {
            let Some(key) = ready(self) else { return };
            let work = &mut self.works[index];
            let place = work.places.insert(key.clone(), Place::Busy);
            let job = match place {
                Some(Place::Untagged(digest)) => push::Job::Retag(digest),
                Some(Place::Archived(digest)) => push::Job::Restore(digest),
                Some(Place::Elsewhere(source)) => push::Job::Copy(source),
                Some(Place::Replicated(source)) => {
                    work.replication(&source).unwrap_or(push::Job::Push)
                }
                _ => push::Job::Push,
            };
            self.start_push(index, key, job, running);
        }
    }

    fn start_push(
        &mut self,
        index: usize,
        key: RepositoryKey,
        job: push::Job,
        running: &mut Running<'a>,
    ) {
        self.send_phase(index, Phase::Pushing);
        let work = &self.works[index];
        let push = push::Push {
            ports: self.ports,
            events: self.events,
            name: work.name(),
            spec: work.spec,
            max_bytes: work.max_bytes,
            local: work.local.clone(),
            opened: work.opened.clone(),
        };
        running.pushes += 1;
        running.jobs.push(Box::pin(async move {
            let brought = push.run(&key, job).await;
            Ended::Brought(index, key, brought)
        }));
    }

    fn take(&mut self, ended: Ended, running: &mut Running<'a>) {
        match ended {
            Ended::Built(index, result, took) => {
                running.builds -= 1;
                self.take_build(index, result, took);
            }
            Ended::Brought(index, key, Ok(brought)) => {
                running.pushes -= 1;
                self.take_brought(index, &key, brought, running);
            }
            Ended::Brought(index, key, Err(cause)) => {
                running.pushes -= 1;
                self.fail_work(index, FailedPhase::Push, Some(key), cause);
            }
            Ended::Recorded(image, key, result) => {
                running.pushes -= 1;
                if let Err(error) = result {
                    self.note(format!(
                        "image.{image}: no inputs record in {key}, the next plan cannot explain changes: {error}"
                    ));
                }
            }
        }
    }

    fn take_build(&mut self, index: usize, result: Result<Digest, Cause>, took: Duration) {
        let work = &mut self.works[index];
        work.building = false;
        match result {
            Ok(id) => {
                work.local = Some(id);
                work.built = Some(took.as_secs_f64());
                for image in &work.images {
                    self.events.send(Event::Built {
                        image: (*image).clone(),
                        fingerprint: work.fingerprint().clone(),
                        seconds: took.as_secs_f64(),
                    });
                }
            }
            Err(cause) => self.fail_work(index, FailedPhase::Build, None, cause),
        }
    }

    fn take_brought(
        &mut self,
        index: usize,
        key: &RepositoryKey,
        Brought { held, record }: Brought,
        running: &mut Running<'a>,
    ) {
        let work = &mut self.works[index];
        for image in &work.images {
            self.events.send(Event::Held {
                image: (*image).clone(),
                key: key.clone(),
                digest: held.digest.clone(),
            });
        }
        let pushed = held
            .manifest
            .as_ref()
            .filter(|_| held.written && held.brought);
        let descriptor = pushed.map(|manifest| Descriptor {
            media_type: manifest.media_type.clone(),
            digest: held.digest.clone(),
            size: manifest.bytes.len() as u64,
        });
        work.places.insert(key.clone(), Place::Held(held));
        if work.is_held() {
            work.opened = std::sync::Arc::default();
        }
        if let Some(descriptor) = descriptor {
            self.start_record(index, key.clone(), descriptor, record, running);
        }
    }

    fn start_record(
        &self,
        index: usize,
        key: RepositoryKey,
        image: Descriptor,
        sent: Option<SentRecord>,
        running: &mut Running<'a>,
    ) {
        let (registry, work) = (self.ports.registry, &self.works[index]);
        let (spec, name) = (work.spec, work.name());
        running.pushes += 1;
        running.jobs.push(Box::pin(async move {
            let result = attach(registry, &key, &image, spec, sent).await;
            Ended::Recorded(name.clone(), key, result)
        }));
    }

    /// Gives up images that are still to be built from one that failed.
    fn give_up_dependants(&mut self) {
        loop {
            let stopped = self.works.iter().enumerate().find_map(|(index, work)| {
                if work.failed || !work.needs_build() {
                    return None;
                }
                let failed = work.spec.needs.iter().find(|need| {
                    self.work(&need.fingerprint)
                        .is_some_and(|needed| needed.failed)
                })?;
                Some((index, failed.image.clone()))
            });
            let Some((index, need)) = stopped else { return };
            self.fail_work(
                index,
                FailedPhase::Build,
                None,
                Cause::Need(Address::Image(need)),
            );
        }
    }

    /// Nothing runs and nothing failed, but something still waits: the images need each other.
    fn fail_stuck(&mut self) {
        for index in 0..self.works.len() {
            if !self.works[index].failed && !self.works[index].is_held() {
                let why = "it waits for an image that waits for it: `needs` must not form a circle";
                let cause = BuilderError::Other(why.to_owned()).into();
                self.fail_work(index, FailedPhase::Build, None, cause);
            }
        }
    }
}
