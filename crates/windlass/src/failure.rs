//! Failures and exit codes: the only place that maps one to the other.

use windlass_core::diag::Diagnostic;

/// Exit codes, a contract (docs/exit-codes.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or no changes.
    Done = 0,
    /// Error in input or run.
    Error = 1,
    /// Changes are present, only with `--detailed-exitcode`.
    Changes = 2,
    /// A policy denies, or cannot be evaluated.
    Denied = 3,
    /// The saved plan is stale.
    Stale = 4,
    /// Applied in part.
    Partial = 5,
    /// All causes are transient: retry.
    Transient = 75,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not come to its end.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What is wrong; `None` where the diagnostics or an earlier text say all.
    pub(crate) message: Option<String>,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// What is wrong in what the person wrote.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// An error in input or run, exit 1.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Error,
            message: Some(message.into()),
            help: None,
            diagnostics: Vec::new(),
        }
    }

    /// Errors in what the person wrote, exit 1.
    pub(crate) fn diagnostics(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            exit: Exit::Error,
            message: None,
            help: None,
            diagnostics,
        }
    }

    /// A failure that was told already.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self {
            exit,
            message: None,
            help: None,
            diagnostics: Vec::new(),
        }
    }

    /// Sets what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the exit code.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// Wraps an I/O error with what was being done; a broken pipe is a quiet end.
pub(crate) fn io(what: &str, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Failure::silent(Exit::Done);
    }
    Failure::error(format!("{what}: {error}"))
}
