//! What windlass makes of a case: its fingerprint, by the code that plan runs.

use std::path::Path;

use windlass_backends::files::WorkspaceFiles;
use windlass_core::desired::DesiredInputs;
use windlass_core::diag::Source;
use windlass_core::lock::Lock;
use windlass_core::manifest::{ResolveInputs, load};
use windlass_core::name::{Digest, Fingerprint, Platform};
use windlass_engine::desire::{DesireOptions, Update, desire};
use windlass_engine::ports::{BaseFacts, RegistryError, Upstream};

use crate::recipe::Case;

/// Every base image stays what it is.
struct Still;

impl Upstream for Still {
    async fn resolve(&self, reference: &str) -> Result<BaseFacts, RegistryError> {
        Ok(BaseFacts {
            digest: Digest::of(reference.as_bytes()),
            platforms: vec![Platform::default()],
            user: Some(String::new()),
            entrypoint: Vec::new(),
            onbuild: Some(false),
            resolved_from: "127.0.0.1".to_owned(),
        })
    }
}

/// Returns the fingerprint of the image, `None` where windlass refuses it.
pub(crate) async fn fingerprint(folder: &Path, case: &Case) -> Option<Fingerprint> {
    let source = Source::new("windlass.kdl", case.manifest());
    let (workspace, problems) = load(&source, &ResolveInputs::new(&|_| "registry".to_owned()));
    let workspace = workspace.unwrap_or_else(|| panic!("{problems:?}"));
    let options = DesireOptions {
        locked: false,
        update: Update::Nothing,
        today: "2026-11-24".to_owned(),
        now: 1_795_478_400,
        offline: false,
    };
    let files = WorkspaceFiles::new(folder.to_owned());
    let settled = desire(&workspace, &Lock::default(), &files, &Still, &options).await;
    let image = settled.desired?.images.pop()?;
    match image.inputs {
        DesiredInputs::Settled(spec) => Some(spec.fingerprint),
        DesiredInputs::Unknown(why) | DesiredInputs::Unusable(why) => panic!("{why}"),
    }
}
