//! What the decoders ask for, as data: the field list of the language, recorded by running them (`record`).
//!
//! There is no second list: a field is here because a decoder asks for it, and with what it asked.

/// Everything that one node takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its plain values, in order.
    pub values: Vec<ValueShape>,
    /// Its properties with a fixed key.
    pub properties: Vec<FieldShape>,
    /// What a property of any other key holds, where keys are free.
    pub any_property: Option<Box<ValueShape>>,
    /// Its children with a fixed name.
    pub children: Vec<FieldShape>,
    /// What a child of any other name holds, where names are free.
    pub any_child: Option<Box<Self>>,
}

/// One named field of a node: a child or a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name.
    pub name: String,
    /// What it is for, a lower-case fragment.
    pub doc: String,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be given more than once.
    pub repeats: bool,
    /// Whether this version carries it out; otherwise it is refused with its place.
    pub supported: bool,
    /// What it takes. Of a property: one value and nothing else.
    pub shape: Shape,
}

/// One plain value, or several of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueShape {
    /// What it is, a lower-case fragment; empty where the node says it all.
    pub doc: String,
    /// Whether it must be given.
    pub required: bool,
    /// Whether more of them may follow.
    pub many: bool,
    /// What it is read as; `None` where no decoder has looked at it.
    pub kind: Option<Kind>,
    /// Whether `{{ }}` is evaluated in it.
    pub template: bool,
    /// The words it may be, where they are a closed set.
    pub words: Vec<String>,
    /// The kind of node whose name it is, such as `registry`.
    pub refers: Option<&'static str>,
}

/// What a value is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Text.
    Text,
    /// The name of what is defined here.
    Name,
    /// A path in the workspace.
    Path,
    /// A whole number between two others, inclusive.
    Integer(i64, i64),
    /// `#true` or `#false`.
    Flag,
    /// Text, a whole number or a flag.
    Scalar,
    /// A span of time with its unit.
    Duration,
    /// A number of bytes with its unit.
    Size,
    /// A day.
    Date,
}

impl Kind {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Name => "name",
            Self::Path => "path",
            Self::Integer(..) => "integer",
            Self::Flag => "flag",
            Self::Scalar => "scalar",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Date => "date",
        }
    }
}

/// The form of a field, as a person would call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Bare, `#true` or `#false`.
    Flag,
    /// One value, or a fixed number of them.
    Value,
    /// One or more values of a kind.
    List,
    /// `key=value` with free keys.
    Map,
    /// Children between braces.
    Block,
    /// The word alone.
    Bare,
}

impl Form {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Value => "value",
            Self::List => "list",
            Self::Map => "map",
            Self::Block => "block",
            Self::Bare => "bare",
        }
    }
}

impl Shape {
    /// Returns the form of a node that takes this.
    pub fn form(&self) -> Form {
        if !self.children.is_empty() || self.any_child.is_some() {
            return Form::Block;
        }
        if self.any_property.is_some() {
            return Form::Map;
        }
        match &self.values[..] {
            [] => Form::Bare,
            [only] if only.kind == Some(Kind::Flag) && !only.required => Form::Flag,
            values if values.iter().any(|it| it.many) => Form::List,
            _ => Form::Value,
        }
    }

    /// Returns the child of this name.
    pub fn child(&self, name: &str) -> Option<&FieldShape> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Returns the property of this name.
    pub fn property(&self, name: &str) -> Option<&FieldShape> {
        self.properties.iter().find(|it| it.name == name)
    }

    /// Returns what the plain value at this place is, the last one for all after it where more may follow.
    pub fn value(&self, at: usize) -> Option<&ValueShape> {
        self.values
            .get(at)
            .or_else(|| self.values.last().filter(|it| it.many))
    }
}

impl FieldShape {
    /// Returns how often it may be given, as in the grammar: `!` once, `?` at most once, `+` once or more, `*` any number.
    pub fn cardinality(&self) -> char {
        match (self.required, self.repeats) {
            (true, false) => '!',
            (false, false) => '?',
            (true, true) => '+',
            (false, true) => '*',
        }
    }

    /// Returns the value of a property.
    pub fn value(&self) -> Option<&ValueShape> {
        self.shape.values.first()
    }
}
