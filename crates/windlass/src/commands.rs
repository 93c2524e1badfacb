//! The commands, one file each; every one returns an exit code or a failure.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod context;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod gather;
pub(crate) mod graph;
pub(crate) mod iam;
pub(crate) mod init;
pub(crate) mod judge;
pub(crate) mod lint;
pub(crate) mod local;
pub(crate) mod lock;
pub(crate) mod lsp;
pub(crate) mod matrix;
pub(crate) mod orphans;
pub(crate) mod outcome;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod render;
pub(crate) mod reviews;
pub(crate) mod saved;
pub(crate) mod schema;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod validate;
pub(crate) mod version;

use tokio::runtime::Runtime;
use windlass_core::manifest::model::{Registry, Workspace};

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::load::{self, Loaded, Place};
use crate::session::{Hashing, Local, Session, default_host};
use crate::terminal::Terminal;

/// What every command is handed.
pub(crate) struct Context<'a> {
    pub(crate) global: &'a Global,
    pub(crate) terminal: Terminal,
    pub(crate) runtime: &'a Runtime,
    pub(crate) hashing: Hashing,
}

impl Context<'_> {
    /// Finds, reads and resolves the manifest, and starts the local ECR where it plays the registries. Warnings are shown.
    pub(crate) fn load(&self) -> Result<(Place, Loaded, Option<Local>), Failure> {
        let place = load::find(self.global)?;
        let (loaded, local) = self.load_at(&place)?;
        Ok((place, loaded, local))
    }

    /// The same of a manifest that was found.
    pub(crate) fn load_at(&self, place: &Place) -> Result<(Loaded, Option<Local>), Failure> {
        let local = if self.global.local {
            Some(Local::start(&place.root)?)
        } else {
            None
        };
        let host = |registry: &Registry| match &local {
            // The port is allotted when the registry is first asked for; where that fails, the failure shows at the first call.
            Some(local) => local
                .host(self.runtime, registry)
                .unwrap_or_else(|_| default_host(registry)),
            None => default_host(registry),
        };
        let loaded = load::load(place, self.global, &host)?;
        self.terminal.show(&loaded.diagnostics);
        Ok((loaded, local))
    }

    /// Prepares the adapters for a workspace.
    pub(crate) fn session(
        &self,
        place: &Place,
        workspace: &Workspace,
        local: Option<&Local>,
    ) -> Result<Session, Failure> {
        Session::new(
            self.runtime,
            &place.root,
            &workspace.registries,
            workspace.engine.as_ref(),
            local,
            &self.hashing,
        )
    }

    /// Ends a command whose text is data for standard output.
    pub(crate) fn done(&self, text: &str) -> Result<Exit, Failure> {
        self.terminal.print(text)?;
        Ok(Exit::Done)
    }
}
