//! The codes of all diagnostics.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Every code of windlass, `area/kebab-name`, never reused for another meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the text of the code, such as `syntax/unclosed-string`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A manifest is larger than 1 MiB.
    FileTooLarge = "limits/file-too-large",
    /// A file is not UTF-8 text.
    NotUtf8 = "limits/not-utf8",
    /// Blocks or comments are nested deeper than the grammar can need.
    TooDeep = "limits/too-deep",
    /// A file has more problems than are worth listing.
    TooManyProblems = "limits/too-many-problems",
    /// The files of a manifest are larger than 8 MiB together.
    WorkspaceTooLarge = "limits/workspace-too-large",
    /// The parser could not be started for want of memory.
    ParserUnavailable = "limits/parser-unavailable",
    /// No `windlass.kdl` up to the root of the repository.
    NoManifest = "limits/no-manifest",
    /// Formatting a file would change what it means.
    FormatRefused = "format/refused",
    /// A form that KDL does not have and for which there is no better code.
    InvalidSyntax = "syntax/invalid",
    /// The whole file is of another language.
    OtherLanguage = "syntax/other-language",
    /// A word that starts like a number and is none.
    BadNumber = "syntax/bad-number",
    /// A `#word` that KDL does not have.
    UnknownKeyword = "syntax/unknown-keyword",
    /// A quoted text is never closed.
    UnclosedString = "syntax/unclosed-string",
    /// A `{` is never closed.
    UnclosedBlock = "syntax/unclosed-block",
    /// A `}` closes nothing.
    UnmatchedBrace = "syntax/unmatched-brace",
    /// A `/*` is never closed.
    UnclosedComment = "syntax/unclosed-comment",
    /// A `"""` text does not start on its own line.
    MultilineString = "syntax/multiline-string",
    /// A line of a `"""` text is indented less than its closing quotes.
    MultilineIndent = "syntax/multiline-indent",
    /// A backslash in a quoted text that escapes nothing.
    BadEscape = "syntax/bad-escape",
    /// A control or direction character.
    ForbiddenCharacter = "syntax/forbidden-character",
    /// A character that nobody can see.
    InvisibleCharacter = "syntax/invisible-character",
    /// A `//` right behind an unquoted word, which makes the rest a comment.
    ValueIsComment = "syntax/value-is-comment",
    /// `name = value`, as in TOML or HCL.
    EqualsSign = "syntax/equals-sign",
    /// `[` and `]` around values, as in JSON, TOML or HCL.
    Brackets = "syntax/brackets",
    /// A comma between values.
    Comma = "syntax/comma",
    /// `name: value`, as in YAML or JSON.
    Colon = "syntax/colon",
    /// `true`, `false` or `null` without `#`.
    BareKeyword = "syntax/bare-keyword",
    /// Single quotes, which do not quote.
    SingleQuotes = "syntax/single-quotes",
    /// A value with characters that need quotes.
    UnquotedValue = "syntax/unquoted-value",
    /// A comment that starts with `#`.
    HashComment = "syntax/hash-comment",
    /// A `{` on the line below its node.
    BraceOnOwnLine = "syntax/brace-on-own-line",
    /// Double quotes inside `{{ }}`.
    QuotesInTemplate = "syntax/quotes-in-template",
    /// A file that says it is KDL v1.
    KdlVersion = "syntax/kdl-version",
    /// A node, property or form of the grammar that this version cannot carry out.
    NotSupportedYet = "structure/not-supported-yet",
    /// A node or property that the grammar does not have here.
    UnknownName = "structure/unknown-name",
    /// Something that must be said is not.
    MissingName = "structure/missing",
    /// Something that may be said once is said twice.
    DuplicateName = "structure/duplicate",
    /// A value of another type than the one wanted.
    WrongType = "structure/wrong-type",
    /// Braces behind a node that takes none.
    UnexpectedBlock = "structure/unexpected-block",
    /// `name=value` on a node that takes values only.
    UnexpectedProperty = "structure/unexpected-property",
    /// More values than the node takes.
    TooManyValues = "structure/too-many-values",
    /// A node without the value it needs.
    MissingValue = "structure/missing-value",
    /// A setting inside the braces that goes on the first line, or the other way round.
    WrongPlace = "structure/wrong-place",
    /// A `(type)` in front of a value.
    TypeAnnotation = "structure/type-annotation",
    /// `#null`, `#inf` or `#nan`.
    NullValue = "structure/null-value",
    /// A word where only a flag can stand.
    NotAFlag = "structure/not-a-flag",
    /// A name with characters that names do not have.
    BadName = "structure/bad-name",
    /// A word that is none of those the setting knows.
    BadValue = "structure/bad-value",
    /// No `workspace` node, or several.
    WorkspaceCount = "structure/workspace-count",
    /// A manifest for a newer windlass.
    UnknownEdition = "structure/unknown-edition",
    /// `require-version` excludes this windlass.
    RequiredVersion = "structure/required-version",
    /// A target that no `registry` defines.
    UnknownRegistry = "reference/unknown-registry",
    /// An environment that no `environment` defines.
    UnknownEnvironment = "reference/unknown-environment",
    /// Environments are defined and none is selected.
    NoEnvironment = "reference/no-environment",
    /// A repository that neither a `repository` nor an image names.
    UnknownRepository = "reference/unknown-repository",
    /// A repository that is `removed` or `moved` away and still named.
    StillDefined = "reference/still-defined",
    /// A builder that no `builder` defines.
    UnknownBuilder = "reference/unknown-builder",
    /// A secret that no `secret` defines.
    UnknownSecret = "reference/unknown-secret",
    /// A need that no `image` defines.
    UnknownImage = "reference/unknown-image",
    /// Images that need each other.
    NeedsCycle = "reference/needs-cycle",
    /// Two nodes define the same name.
    DuplicateDefinition = "reference/duplicate-definition",
    /// `extends` names a node that does not exist.
    UnknownParent = "reference/unknown-parent",
    /// Nodes that extend each other.
    ExtendsCycle = "reference/extends-cycle",
    /// A chain of `extends` with too many nodes.
    ExtendsTooDeep = "reference/extends-too-deep",
    /// An abstract node where something real is wanted.
    AbstractNode = "reference/abstract-node",
    /// A pattern that does not exist, or one without its major version.
    UnknownPattern = "reference/unknown-pattern",
    /// An image with both `pattern` and `dockerfile`.
    PatternAndDockerfile = "reference/pattern-and-dockerfile",
    /// An image or repository for which no registry is left.
    NoTarget = "reference/no-target",
    /// A name in `{{ }}` that does not exist.
    UnknownTemplateName = "template/unknown-name",
    /// A `{{` without `}}`.
    UnclosedTemplate = "template/unclosed",
    /// A filter that does not exist.
    UnknownFilter = "template/unknown-filter",
    /// An expression that cannot be read.
    TemplateSyntax = "template/invalid",
    /// `{% %}`, which manifests do not have.
    TemplateStatement = "template/statement",
    /// `${NAME}`, which windlass does not expand.
    ShellVariable = "template/shell-variable",
    /// A name with `-` in an expression, where it subtracts.
    TemplateSubtraction = "template/subtraction",
    /// An expression that computes too much.
    TemplateTooExpensive = "template/too-expensive",
    /// A name in `{{ }}` that has no value here.
    TemplateNoValue = "template/no-value",
    /// An expression whose result is no text, number or flag.
    TemplateNotScalar = "template/not-scalar",
    /// `{{ }}` where it is not evaluated, or a name that has no meaning there.
    TemplateNotHere = "template/not-here",
    /// An expression that fails when it is computed.
    TemplateFailed = "template/failed",
    /// A variable that nothing gives a value.
    VariableNoValue = "variable/no-value",
    /// A value that the variable's declaration does not allow.
    VariableBadValue = "variable/bad-value",
    /// A `matches` that is no regular expression.
    VariableBadPattern = "variable/bad-pattern",
    /// `--var` or a variable file names a variable that is not declared.
    UnknownVariable = "variable/unknown",
    /// A variable that nothing uses.
    UnusedVariable = "variable/unused",
    /// `WINDLASS_VAR_x` for a variable that is not declared.
    UnknownEnvironmentVariable = "variable/unknown-environment",
    /// A build arg named like a secret.
    SecretArgument = "secret/arg-name",
    /// A value that looks like a credential.
    CredentialValue = "secret/credential-value",
    /// A `secret` without a source, or with several.
    SecretSource = "secret/source",
    /// `{{ secret.x }}`.
    SecretInterpolated = "secret/interpolated",
    /// A path outside the workspace.
    PathOutside = "image/path-outside",
    /// A `git.*` value that causes a rebuild at every commit.
    GitInInputs = "image/git-in-inputs",
    /// A variable in a tag and in the inputs: a rebuild at every release.
    VariableInTagAndInputs = "image/variable-in-tag-and-inputs",
    /// A tag that holds the commit: every image is retagged at every commit.
    CommitInTag = "image/commit-in-tag",
    /// A platform that does not exist.
    UnknownPlatform = "image/unknown-platform",
    /// A rendered tag that is none.
    BadTag = "image/bad-tag",
    /// A tag that windlass keeps for itself.
    ReservedTag = "image/reserved-tag",
    /// Two images with the same tag in one repository.
    DuplicateTag = "image/duplicate-tag",
    /// A label or annotation that windlass keeps for itself.
    ReservedLabel = "image/reserved-label",
    /// A key both under `stamp` and beside it.
    StampedAndFixed = "image/stamped-and-fixed",
    /// A `needs` whose `as` is of no use.
    BadNeed = "image/bad-need",
    /// `with` in an image that has no pattern.
    WithoutPattern = "image/without-pattern",
    /// A matrix whose axes or rows do not fit together, or whose name leaves an axis out.
    BadMatrix = "image/bad-matrix",
    /// A build arg, label or duration that cannot be passed on.
    BadInput = "image/bad-input",
    /// An account that is not twelve digits.
    BadAccount = "registry/bad-account",
    /// A text that is no region.
    BadRegion = "registry/bad-region",
    /// An endpoint or mirror that is no URL or host.
    BadEndpoint = "registry/bad-endpoint",
    /// `fips` or `dual-stack` together with `endpoint`.
    FipsEndpoint = "registry/fips-with-endpoint",
    /// Plain http to another machine.
    PlainHttp = "registry/plain-http",
    /// A name that ECR would refuse.
    BadRepositoryName = "repository/bad-name",
    /// Settings of one repository in two places.
    SettingsTwice = "repository/settings-twice",
    /// A tag that is meant to move in a repository whose tags cannot.
    MovingTag = "repository/moving-tag",
    /// A setting that ECR would refuse.
    BadSetting = "repository/bad-setting",
    /// A policy that `access` names and that cannot be read, or that ECR would refuse.
    AccessDocument = "repository/access-document",
    /// A lifecycle rule that ECR would refuse or read differently.
    LifecycleRule = "repository/lifecycle-rule",
    /// A lifecycle rule that would delete released images.
    LifecycleDeletesReleased = "repository/lifecycle-deletes-released",
    /// An `include` that matches no file.
    IncludeMatchesNothing = "include/matches-nothing",
    /// Files that include each other.
    IncludeCycle = "include/cycle",
    /// An `include` of a file outside the workspace.
    IncludeOutside = "include/outside",
    /// Includes nested deeper than four.
    IncludeTooDeep = "include/too-deep",
    /// An included file that cannot be read.
    IncludeUnreadable = "include/unreadable",
    /// A node that `only` does not allow in an included file.
    IncludeNotAllowed = "include/not-allowed",
    /// A `policy` without rules.
    BadPolicy = "policy/bad-policy",
    /// A `waiver` that does not say what it must.
    BadWaiver = "policy/bad-waiver",
    /// A `waiver` whose last day is over.
    WaiverExpired = "policy/waiver-expired",
    /// A guard of the environment that does not hold: `require`.
    GuardFails = "plan/guard-fails",
    /// Something the manifest asks for that this version cannot carry out yet.
    NotCarriedOut = "plan/not-carried-out",
    /// A lifecycle rule is about to delete or archive what a wanted tag holds.
    ExpiresSoon = "plan/expires-soon",
    /// An image has nearly as many tags as ECR lets it have.
    ManyTags = "plan/many-tags",
    /// A tag would move from the image of a newer commit to that of an older one.
    MovesBack = "plan/moves-back",
    /// A base image has no locked digest and `--locked` was given, or its digest cannot be found.
    LockMissing = "lock/missing",
    /// `windlass.lock` cannot be read.
    LockInvalid = "lock/invalid",
    /// A file of a build context cannot be used: special file, mode bit or name.
    ContextEntry = "context/unusable-entry",
    /// `with` holds a parameter that the pattern does not have.
    UnknownParameter = "pattern/unknown-parameter",
    /// A parameter's value has the wrong type, or is not allowed.
    ParameterValue = "pattern/parameter-value",
    /// A `pattern` node that cannot give a Dockerfile, or a parameter of it that does not fit.
    PatternDefinition = "pattern/bad-definition",
    /// The template of a pattern that cannot be read or rendered.
    PatternTemplate = "pattern/template",
    /// Two parameters that exclude each other, or one that needs another.
    ParameterConflict = "pattern/parameter-conflict",
    /// A Dockerfile that the builder would refuse to read.
    DockerfileSyntax = "dockerfile/syntax",
    /// A FROM uses an arg that has no value there.
    DockerfileUndefinedArg = "dockerfile/undefined-arg",
    /// The name of a base image is missing or not an image reference.
    DockerfileReference = "dockerfile/bad-reference",
    /// A stage that the Dockerfile does not have.
    DockerfileStageUnknown = "dockerfile/unknown-stage",
    /// `needs` gives a workspace image the name of a stage.
    DockerfileStageShadowed = "dockerfile/stage-shadowed",
    /// A stamped arg decides what is built.
    DockerfileStampDecides = "dockerfile/stamp-decides",
    /// A stamped arg is read by a step whose result is kept.
    DockerfileStampKept = "dockerfile/stamp-kept",
    /// An ignore pattern that the builder would refuse.
    IgnorePattern = "context/bad-ignore-pattern",
    /// A file that the pattern expects is not in the build context.
    ContextFileMissing = "context/file-missing",
    /// The Dockerfile of an image does not exist or cannot be read.
    DockerfileMissing = "dockerfile/missing",
    /// A Git LFS pointer stands where the content was meant.
    ContextLfsPointer = "context/lfs-pointer",
    /// A Git submodule in the context was not checked out.
    ContextSubmodule = "context/empty-submodule",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
