//! The command line: commands, flags and the variables that stand for flags. A contract: people script against it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod formats;
mod housekeeping;

pub(crate) use self::formats::{FindingFormat, Format};
pub(crate) use self::housekeeping::{CleanArgs, LocalArgs, VersionArgs};

/// Plan and apply for container images on Amazon ECR.
///
/// A manifest (`windlass.kdl`) says which images exist, which pattern each follows and which ECR repositories and tags hold it.
/// `windlass plan` compares that with what is really there; `windlass apply` does exactly what the plan says. There is no state file.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    version,
    about,
    long_about,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Work in this folder
    #[arg(long, global = true, env = "WINDLASS_CHDIR", value_name = "DIR")]
    pub(crate) chdir: Option<PathBuf>,
    /// The manifest, instead of `windlass.kdl` here or in a folder above
    // An id of its own: commands have an argument FILE, and one id has one value.
    #[arg(
        id = "manifest_file",
        long = "file",
        global = true,
        env = "WINDLASS_FILE",
        value_name = "PATH"
    )]
    pub(crate) file: Option<PathBuf>,
    /// The environment to select
    #[arg(long, global = true, env = "WINDLASS_ENV", value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// A variable of the manifest, before every other source of its value
    #[arg(long = "var", global = true, value_name = "K=V")]
    pub(crate) vars: Vec<String>,
    /// A file of variables (`name "value"` lines); a later one wins
    #[arg(
        long = "var-file",
        global = true,
        env = "WINDLASS_VAR_FILE",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub(crate) var_files: Vec<PathBuf>,
    /// Fetch base images of one registry from another, such as `docker.io=127.0.0.1:5000`
    #[arg(
        long = "mirror",
        global = true,
        env = "WINDLASS_MIRROR",
        value_name = "FROM=TO",
        value_delimiter = ' '
    )]
    pub(crate) mirrors: Vec<String>,
    /// When to colour output
    #[arg(
        long,
        global = true,
        env = "WINDLASS_COLOR",
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: When,
    /// `--input false` never asks, also on a terminal
    #[arg(long, global = true, env = "WINDLASS_INPUT", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) input: bool,
    /// Say on stderr what is done: each call with its time; `off`, `error`, `warn`, `info`, `debug`
    #[arg(
        long,
        global = true,
        env = "WINDLASS_LOG",
        value_name = "LEVEL",
        default_value = "off"
    )]
    pub(crate) log: log::LevelFilter,
    /// Refuse base images whose digest is not in `windlass.lock`
    #[arg(long, global = true, env = "WINDLASS_LOCKED", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) locked: bool,
    /// A policy pack from outside the workspace that nothing in it can weaken: FILE, FOLDER or `windlass:hardened`, with
    /// `@sha256:..` to pin its content
    #[arg(
        long = "policy",
        global = true,
        env = "WINDLASS_POLICY",
        value_name = "REF",
        value_delimiter = ','
    )]
    pub(crate) policies: Vec<String>,
    /// Let findings of a rule pass whose level is `require-approval`
    #[arg(long = "approve-policy", global = true, value_name = "RULE")]
    pub(crate) approved: Vec<String>,
    /// Play every registry with the embedded local ECR; data under `.windlass/local`
    #[arg(long, global = true, env = "WINDLASS_LOCAL", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) local: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for Python, Go and Node.js applications in this folder and write a first manifest
    Init(InitArgs),
    /// Check the manifest: syntax, names, types, references; all errors at once
    Validate(ValidateArgs),
    /// Format manifests, policy packs and files of variables; comments are kept
    Fmt(FmtArgs),
    /// Print or write the Dockerfile and .dockerignore of each image
    Render(RenderArgs),
    /// Show the rules in force, or run the cases of packs
    Policy(PolicyArgs),
    /// Check everything that needs no registry: manifest, Dockerfiles, contexts, policies
    Check(CheckArgs),
    /// Judge Dockerfiles by the built-in rules; no manifest needed
    Lint(LintArgs),
    /// Show which files a build would see, and which line ignores the others
    Context(ContextArgs),
    /// Resolve the digests of base images into `windlass.lock`
    Lock(LockArgs),
    /// Compare the manifest with what ECR and the Docker Engine hold, and say what would change and why
    Plan(PlanArgs),
    /// Print a node of the manifest as it is resolved, with the origin of each line, or a saved plan again in any format
    Show(ShowArgs),
    /// Do what a plan says: create repositories, build, push, tag
    Apply(ApplyArgs),
    /// Print the images that must be built as the matrix of a pipeline, in stages
    Matrix(MatrixArgs),
    /// Print the least-privilege IAM policies of this workspace, with the reason of each action
    Iam(IamArgs),
    /// Draw images, what they are built from and the repositories that hold them
    Graph(GraphArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands
    Man(ManArgs),
    /// Remove what windlass built for this workspace from the Docker Engine; ECR is not touched
    Clean(CleanArgs),
    /// Run the strict local ECR on loopback
    Local(LocalArgs),
    /// Explain a diagnostic or a policy rule; lists all where none is named
    Explain(ExplainArgs),
    /// Serve an editor: the language server, over standard input and output
    Lsp,
    /// Print the fields of the manifest language
    Schema(SchemaArgs),
    /// Print the version
    Version(VersionArgs),
}

impl Command {
    /// Says whether remembered digests of files are not to be believed.
    pub(crate) fn distrusts_cache(&self) -> bool {
        match self {
            Self::Plan(arguments) => arguments.no_cache,
            Self::Apply(arguments) => arguments.no_cache,
            _ => false,
        }
    }
}

/// How the fields of the language are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// For programs.
    #[default]
    Json,
    /// For people.
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// How to print them
    #[arg(long, default_value = "json")]
    pub(crate) format: SchemaFormat,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Name of the workspace; the folder's where not given
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: Option<String>,
    /// The AWS account that holds the images, twelve digits
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// The AWS region; `AWS_REGION` where not given
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// How to print what there is to say; JSON and short lines go to standard output
    #[arg(long, default_value = "text")]
    pub(crate) format: DiagnosticFormat,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

/// How diagnostics are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiagnosticFormat {
    /// For people: the lines, with what is wrong in them.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For editors and logs: `file:line:column: code: message`.
    Short,
}

#[derive(Debug, Args)]
pub(crate) struct FmtArgs {
    /// The files, or folders with `.kdl` files; those of the workspace where none is named
    #[arg(value_name = "FILE", conflicts_with = "stdin")]
    pub(crate) files: Vec<PathBuf>,
    /// Write nothing; exit 1 with a diff where a file is not formatted
    #[arg(long)]
    pub(crate) check: bool,
    /// Read standard input and print it formatted
    #[arg(long)]
    pub(crate) stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code or rule, such as `syntax/unclosed-string` or `base-latest`
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The images; all where none is named
    #[arg(value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Write `DIR/IMAGE/Dockerfile` and `DIR/IMAGE/Dockerfile.dockerignore` instead of printing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with the files under `--out` and exit 1 with a diff where they differ; write nothing
    #[arg(long, requires = "out")]
    pub(crate) check: bool,
}

/// Which built-in rules are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileFlag {
    /// Few and right.
    #[default]
    Baseline,
    /// With what a careful team wants as well.
    Hardened,
    /// Every rule.
    All,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show packs with their digests, and the rules in force with level and origin
    List(PolicyListArgs),
    /// Run the cases of packs; without a name those of the packs that are demanded
    Test(PolicyTestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PolicyListArgs {
    /// The built-in rules that are asked where no pack says otherwise
    #[arg(long, default_value = "baseline")]
    pub(crate) profile: ProfileFlag,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyTestArgs {
    /// Packs: files, folders, or `windlass:baseline`
    #[arg(value_name = "PACK")]
    pub(crate) packs: Vec<String>,
    /// Say which rules no case expects, and which lines of Rego no case reaches
    #[arg(long)]
    pub(crate) coverage: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// How to print findings
    #[arg(long, default_value = "text")]
    pub(crate) format: FindingFormat,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// The Dockerfiles; `-` for standard input
    #[arg(value_name = "DOCKERFILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Which rules are asked
    #[arg(long, default_value = "baseline")]
    pub(crate) profile: ProfileFlag,
    /// Put right what can be put right safely, in the files
    #[arg(long)]
    pub(crate) fix: bool,
    /// How to print findings
    #[arg(long, default_value = "text")]
    pub(crate) format: FindingFormat,
}

/// How a build context is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContextFormat {
    /// For a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ContextArgs {
    /// An image of the manifest, or a folder; the only image where none is named
    #[arg(value_name = "IMAGE|DIR")]
    pub(crate) what: Option<String>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub(crate) format: ContextFormat,
}

#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// Resolve again what is locked already: the only way a locked digest moves
    #[arg(long, value_name = "IMAGE", num_args = 0.., conflicts_with = "check")]
    pub(crate) update: Option<Vec<String>>,
    /// Exit 1 where a base image is not locked or an entry is not used; ask no registry and write nothing
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Save the plan, to be applied by `windlass apply FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
    /// Exit 2 where there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Plan only this address, with the images it needs; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) only: Vec<String>,
    /// Ask no registry: actions are unknown by request, inputs come from the files and `windlass.lock` alone
    #[arg(long, conflicts_with = "detailed_exitcode")]
    pub(crate) offline: bool,
    /// Exit 1 where this plan would do anything else than a reviewed one: a saved plan, or the JSON of one
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    pub(crate) expect: Option<PathBuf>,
    /// Hash every file again, whatever is remembered of it
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// An address, such as `image.web`, `repository.shop/web@prod` or `registry.prod`, or a saved plan
    #[arg(value_name = "ADDRESS|FILE")]
    pub(crate) what: String,
    /// How to print a plan
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

/// How progress is shown on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressFlag {
    /// Bars on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// Bars.
    Tty,
    /// Lines.
    Plain,
    /// Nothing.
    Quiet,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved by `windlass plan --out`; without it a plan is made, shown and asked about
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Apply only this address, with the images it needs; may be given several times
    #[arg(long, value_name = "ADDRESS", conflicts_with = "file")]
    pub(crate) only: Vec<String>,
    /// Build on after a failure, and move the tags of images that are complete
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// How many builds run at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallelism: Option<u16>,
    /// Write what was done: JSON, or dotenv where the name ends in `.env`
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Use no cached build step, and hash every file again
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// How to show progress
    #[arg(long, default_value = "auto")]
    pub(crate) progress: ProgressFlag,
    /// Write what happens as it happens, one JSON object a line; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) json_events: Option<PathBuf>,
}

/// How a matrix is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    /// For `strategy.matrix` of GitHub Actions: one for each stage.
    #[default]
    Github,
    /// A child pipeline of GitLab.
    Gitlab,
}

#[derive(Debug, Args)]
pub(crate) struct MatrixArgs {
    /// A plan saved by `windlass plan --out`; without it a plan is made
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How to write it
    #[arg(long, default_value = "github")]
    pub(crate) format: MatrixFormat,
}

/// What is to be allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IamPurpose {
    /// `windlass plan`: reads only.
    Plan,
    /// `windlass apply`.
    #[default]
    Apply,
}

/// How policies are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum IamFormat {
    /// Reasons, then the policies.
    #[default]
    Text,
    /// For programs.
    Json,
    /// One policy document, for the AWS command line and for infrastructure code.
    Policy,
}

#[derive(Debug, Args)]
pub(crate) struct IamArgs {
    /// The command that is to be allowed
    #[arg(value_name = "COMMAND", default_value = "apply")]
    pub(crate) purpose: IamPurpose,
    /// How to write it
    #[arg(long, default_value = "text")]
    pub(crate) format: IamFormat,
    /// Only this registry
    #[arg(long, value_name = "NAME")]
    pub(crate) registry: Option<String>,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Markdown on code hosts.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A drawing.
    Svg,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// How to write it
    #[arg(long, default_value = "mermaid")]
    pub(crate) format: GraphFormat,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write `windlass.1` and `windlass-COMMAND.1` into this folder instead of printing the first
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
