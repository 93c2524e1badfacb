//! `windlass apply`: carries out a plan, a saved one or one that is made, shown and asked about.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use windlass_backends::files::{WorkspaceFiles, write_whole};
use windlass_core::desired::BuildSpec;
use windlass_core::diag::{Location, Source};
use windlass_core::lock::{Lock, render as render_lock};
use windlass_core::manifest::model::Registry;
use windlass_core::plan::{Plan, RegistryPlan};
use windlass_core::report::wire::Report;
use windlass_engine::apply::{ApplyError, ApplyOptions, Begin, Cancel, Canceller, Ports, apply};
use windlass_engine::inputs::InputsAtHand;
use windlass_engine::outcome::{Outcome, Status};
use windlass_engine::ports::Files as _;

use crate::cli::{ApplyArgs, Format, ProgressFlag};
use crate::commands::judge::{judge_saved, refuse};
use crate::commands::plan::{Made, exit_of_unusable, make};
use crate::commands::show::{read_plan, render};
use crate::commands::{Context, outcome, saved};
use crate::failure::{Exit, Failure, io};
use crate::load::{self, LOCK};
use crate::logging;
use crate::progress::{self, Mode, Progress, Settings};
use crate::secrets;
use crate::session::{Local, Session};

/// Builds at once where neither the command line nor the manifest says.
const PARALLEL: usize = 2;
/// How often an apply without a saved plan plans, where what it planned for moves each time.
const PLANS: u32 = 3;
/// How long ECR is given to show what was written last.
const LATE: Duration = Duration::from_secs(2);

pub(crate) fn run(context: &Context<'_>, arguments: &ApplyArgs) -> Result<Exit, Failure> {
    match &arguments.file {
        Some(file) => apply_saved(context, arguments, file),
        None => apply_made(context, arguments),
    }
}

/// Plans, and carries the plan out. What moved between the two is planned again: nobody has a plan in hand that would be another then.
fn apply_made(context: &Context<'_>, arguments: &ApplyArgs) -> Result<Exit, Failure> {
    let mut planned = 0;
    loop {
        let moved = match plan_and_apply(context, arguments)? {
            Ended::Done(exit) => return Ok(exit),
            Ended::Stale(error) => error,
        };
        planned += 1;
        if planned == PLANS {
            return Err(Failure::error(moved.to_string())
                .exit(Exit::Transient)
                .help(format!("nothing was written; what is there moved {PLANS} times between plan and apply: run it again when nobody else writes")));
        }
        context.terminal.say(&format!(
            "{moved}\nNothing was written. Planning again.\n\n"
        ));
        // What ECR answers may be some seconds old.
        std::thread::sleep(LATE);
    }
}

/// Makes a plan, shows it, asks, and carries it out.
fn plan_and_apply(context: &Context<'_>, arguments: &ApplyArgs) -> Result<Ended, Failure> {
    let made = make(context, &arguments.only)?;
    let report = Report::new(&made.plan, &made.header, &made.diagnostics);
    let changes = made.plan.has_changes();
    if changes || !arguments.auto_approve {
        let text = render(context, &report, Format::Text);
        if arguments.json_events.as_deref() == Some(Path::new("-")) {
            context.terminal.say(&text);
        } else {
            context.terminal.print(&text)?;
        }
    }
    if !made.plan.is_applicable() {
        return Err(Failure::silent(exit_of_unusable(&made)));
    }
    if changes && !approved(context, arguments)? {
        return Err(Failure::error("not applied: the answer was not `yes`"));
    }
    let Made {
        place,
        plan,
        session,
        local,
        locks,
        parallel,
        ..
    } = made;
    let terminal = context.terminal;
    let root = place.root.clone();
    let begin = Begin::new(move || {
        if write_lock(&root, &locks)? {
            terminal.say(&format!(
                "{LOCK} written; commit it, and everybody builds on the same bases.\n"
            ));
        }
        Ok(())
    });
    let run = Run {
        context,
        arguments,
        root: place.root,
        plan: &plan,
        session: &session,
        parallel,
        begin,
    };
    let ended = run.carry_out()?;
    if matches!(ended, Ended::Done(_)) {
        say_local(context, local.as_ref());
    }
    Ok(ended)
}

fn approved(context: &Context<'_>, arguments: &ApplyArgs) -> Result<bool, Failure> {
    if arguments.auto_approve {
        return Ok(true);
    }
    if !context.terminal.can_ask() {
        return Err(Failure::error("nobody can be asked: standard input is no terminal, or `--input false` was given").help(
            "run `windlass plan --out FILE`, review it, then `windlass apply FILE`; or `windlass apply --auto-approve`",
        ));
    }
    context
        .terminal
        .ask("\nApply this plan? Only `yes` applies it:")
}

fn write_lock(root: &Path, (before, after): &(Lock, Lock)) -> Result<bool, String> {
    if before == after {
        return Ok(false);
    }
    write_whole(&root.join(LOCK), render_lock(after).as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(true)
}

/// Carries out a saved plan. The manifest is not read.
fn apply_saved(context: &Context<'_>, arguments: &ApplyArgs, file: &Path) -> Result<Exit, Failure> {
    let read = read_plan(file)?;
    let place = load::find(context.global).ok();
    let root = match &place {
        Some(place) => Ok(place.root.clone()),
        None => std::env::current_dir(),
    };
    let root =
        root.map_err(|error| Failure::error(format!("cannot tell the current folder: {error}")))?;
    saved::check(&root, place.as_ref(), &read)?;
    let plan = read.plan;
    let found = judge_saved(context.global, &plan, &read.header)?;
    if found.iter().any(|it| it.finding.stops()) {
        let color = context.terminal.colors_stdout();
        let width = context.terminal.width();
        context
            .terminal
            .print(&windlass_policy::output::text::render(&found, color, width))?;
    }
    refuse(&found)?;
    let local = if context.global.local {
        Some(Local::start(&root)?)
    } else {
        None
    };
    let registries: Vec<Registry> = plan.registries.iter().map(registry).collect();
    let session = Session::new(
        context.runtime,
        &root,
        &registries,
        plan.engine.as_ref(),
        local.as_ref(),
        &context.hashing,
    )?;
    let run = Run {
        context,
        arguments,
        root,
        plan: &plan,
        session: &session,
        parallel: None,
        begin: Begin::default(),
    };
    match run.carry_out()? {
        Ended::Done(exit) => {
            say_local(context, local.as_ref());
            Ok(exit)
        }
        Ended::Stale(error) => Err(failure(&error)),
    }
}

fn registry(plan: &RegistryPlan) -> Registry {
    let RegistryPlan {
        name,
        account,
        region,
        role,
        profile,
        endpoint,
    } = plan.clone();
    let location = Location {
        source: Source::new("saved plan", ""),
        span: 0..0,
    };
    Registry {
        name,
        account,
        region,
        role,
        profile,
        endpoint,
        // Places of the plan say what ECR copies.
        replicated_from: None,
        location,
    }
}

fn say_local(context: &Context<'_>, local: Option<&Local>) {
    if local.is_some() {
        context
            .terminal
            .say("To pull these images, or for other tools: windlass local\n");
    }
}

/// How carrying out a plan ended.
enum Ended {
    Done(Exit),
    /// Before the first write: the world is not the one that was planned for.
    Stale(ApplyError),
}

/// One plan that is carried out.
struct Run<'a> {
    context: &'a Context<'a>,
    arguments: &'a ApplyArgs,
    root: PathBuf,
    plan: &'a Plan,
    session: &'a Session,
    parallel: Option<usize>,
    /// What is done once everything has been checked.
    begin: Begin,
}

impl Run<'_> {
    fn carry_out(self) -> Result<Ended, Failure> {
        let (canceller, cancel) = Cancel::new();
        let options = ApplyOptions {
            parallelism: self
                .arguments
                .parallelism
                .map(usize::from)
                .or(self.parallel)
                .unwrap_or(PARALLEL),
            keep_going: self.arguments.keep_going,
            use_cache: !self.arguments.no_cache,
            secrets: secrets::reader(self.root.clone()),
            inputs: self.inputs(),
            begin: self.begin.clone(),
            cancel,
            ..ApplyOptions::new(self.root.clone())
        };
        let progress = self.progress()?;
        let ports = Ports {
            registry: &self.session.registries,
            builder: &self.session.builder,
        };
        let events = progress.events();
        let _logging = logging::through(progress.printer());
        let result = self.context.runtime.block_on(async {
            let interrupts = tokio::spawn(cancel_on_interrupt(canceller, progress.printer()));
            let result = apply(self.plan, ports, &options, &events).await;
            interrupts.abort();
            result
        });
        progress.finish();
        let done = match result {
            Ok(done) => done,
            Err(error @ ApplyError::Stale { .. }) => return Ok(Ended::Stale(error)),
            Err(error) => return Err(failure(&error)),
        };
        self.report(&done)?;
        let terminal = self.context.terminal;
        if self.events_on_stdout() {
            // Standard output belongs to the events.
            terminal.say(&outcome::text(&done, terminal.colors_stderr()));
        } else {
            terminal.print(&outcome::text(&done, terminal.colors_stdout()))?;
        }
        Self::exit(&done).map(Ended::Done)
    }

    /// Dockerfile and context may have changed since the plan, also while it was asked whether to apply it.
    fn inputs(&self) -> InputsAtHand {
        let files = self.session.files.clone();
        InputsAtHand::new(move |spec| {
            let mut changed = files.changed(&spec.context, &spec.inputs.context);
            let dockerfile = spec.dockerfile.as_ref();
            let what = dockerfile.and_then(|path| dockerfile_changed(&files, path, spec));
            // It may be a file of the context as well.
            changed.extend(what.filter(|it| !changed.contains(it)));
            changed
        })
    }

    fn events_on_stdout(&self) -> bool {
        let path = self.arguments.json_events.as_deref();
        path.is_some_and(|path| path.as_os_str() == "-")
    }

    /// Opens what `--json-events` names, before anything is written anywhere else.
    fn events(&self) -> Result<Option<Box<dyn Write + Send>>, Failure> {
        let Some(path) = &self.arguments.json_events else {
            return Ok(None);
        };
        if self.events_on_stdout() {
            return Ok(Some(Box::new(std::io::stdout())));
        }
        let file = File::create(path)
            .map_err(|error| io(&format!("cannot write {}", path.display()), &error))?;
        Ok(Some(Box::new(file)))
    }

    fn progress(&self) -> Result<Progress, Failure> {
        let flag = match self.arguments.progress {
            ProgressFlag::Auto => None,
            ProgressFlag::Tty => Some(Mode::Tty),
            ProgressFlag::Plain => Some(Mode::Plain),
            ProgressFlag::Quiet => Some(Mode::Quiet),
            ProgressFlag::Json => Some(Mode::Json),
        };
        let settings = Settings {
            mode: Mode::choose(flag, progress::is_terminal()),
            color: self.context.terminal.colors_stderr(),
            verbose: false,
            size: Box::new(progress::terminal_size),
            events: self.events()?,
        };
        Ok(Progress::start(settings, Box::new(std::io::stderr())))
    }

    fn report(&self, done: &Outcome) -> Result<(), Failure> {
        let Some(path) = &self.arguments.report else {
            return Ok(());
        };
        let dotenv = path.extension().is_some_and(|extension| extension == "env")
            || path.file_name().is_some_and(|name| name == ".env");
        let text = if dotenv {
            done.render_dotenv()
        } else {
            done.render_json()
        };
        write_whole(path, text.as_bytes()).map_err(|error| Failure::error(error.to_string()))
    }

    fn exit(done: &Outcome) -> Result<Exit, Failure> {
        let exit = match done.status {
            _ if done.interrupted => Exit::Interrupted,
            Status::Applied | Status::AlreadyApplied => return Ok(Exit::Done),
            Status::Stale => Exit::Stale,
            Status::Partial => Exit::Partial,
            Status::Failed if done.is_transient() => Exit::Transient,
            Status::Failed => Exit::Error,
        };
        Err(Failure::silent(exit))
    }
}

/// Says what became of the file that the Dockerfile was read from, in the words of [`WorkspaceFiles::changed`].
fn dockerfile_changed(files: &WorkspaceFiles, path: &str, spec: &BuildSpec) -> Option<String> {
    match files.text(path) {
        Ok(Some(text)) if text == spec.inputs.dockerfile => None,
        Ok(Some(_)) => Some(format!("{path} changed")),
        Ok(None) => Some(format!("{path} is gone")),
        Err(why) => Some(why),
    }
}

/// Tells an apply to end at the first ctrl-c or request to end; a second one ends the process.
async fn cancel_on_interrupt(canceller: Canceller, print: impl Fn(&str) + Send) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    let mut told = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if told {
            crate::end_now(Exit::Interrupted);
        }
        told = true;
        print("Interrupted: builds end, what is written stays. Once more ends at once.\n");
        canceller.cancel();
    }
}

/// Maps what ended an apply before its first write.
fn failure(error: &ApplyError) -> Failure {
    let failure = Failure::error(error.to_string());
    match error {
        ApplyError::Stale { .. } => failure.exit(Exit::Stale).help("nothing was written; make a new plan and review what moved"),
        ApplyError::Interrupted => failure.exit(Exit::Interrupted),
        ApplyError::Registry { error, .. } if error.is_transient() => failure.exit(Exit::Transient).help("nothing was written; run it again"),
        ApplyError::Builder(_) => failure.help("nothing was written; `windlass plan` works without a Docker Engine, `apply` needs one to build and push"),
        ApplyError::NotRead { passing: true, .. } => failure.exit(Exit::Transient).help("nothing was written; run it again"),
        ApplyError::Secrets(_) => failure.help("nothing was written; set them where this runs: a plan says of each secret where it comes from"),
        ApplyError::NotApplicable(_) | ApplyError::NotBegun(_) | ApplyError::NotRead { .. } | ApplyError::Registry { .. } => failure,
    }
}
