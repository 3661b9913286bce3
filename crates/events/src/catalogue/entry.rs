//! What the catalogue says of one type.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Class, Mark};

/// A payload that belongs to one event type.
///
/// The catalogue's payloads implement it; a program may implement it for types of its own.
pub trait EventType: Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The type with its version, such as `workflow.started.v1`.
    const TYPE: &'static str;
    /// The class. Types outside the catalogue are durable whatever stands here.
    const CLASS: Class = Class::Durable;
}

/// One type of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The type with its version, such as `workflow.started.v1`.
    pub ty: &'static str,
    /// The type without its version, such as `workflow.started`.
    pub name: &'static str,
    /// The version.
    pub version: u32,
    /// What the type tells, in one sentence.
    pub(super) summary: &'static str,
    /// How long its events matter and who sees them.
    pub class: Class,
    /// What it does to the entity it tells of.
    pub role: Role,
    /// Its names in other dialects; the first of each dialect is the one that goes out.
    pub aliases: &'static [Alias],
    /// For deltas: the payload's member that holds the text.
    pub delta: Option<&'static str>,
    pub(super) schema: fn() -> Schema,
    pub(crate) check: fn(&str) -> Result<(), String>,
}

impl Entry {
    /// The first token of the name, such as `workflow`.
    #[must_use]
    pub fn category(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// What the type tells, in one sentence.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.summary.trim()
    }

    /// What the type does to the run where its subject is the stream itself.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        match self.role {
            Role::Opens(kind) | Role::Continues(kind) if kind.is_root() => Mark::Opens,
            Role::Completes(kind) if kind.is_root() => Mark::Completed,
            Role::Fails(kind) if kind.is_root() => Mark::Failed,
            Role::Cancels(kind) if kind.is_root() => Mark::Cancelled,
            _ => Mark::None,
        }
    }

    /// The JSON Schema (draft 2020-12) of its payload.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut schema = (self.schema)();
        schema.insert("$id".to_owned(), format!("urn:headwater:schema:{}", self.ty).into());
        schema.insert("title".to_owned(), self.ty.into());
        schema.into()
    }

    /// Its name in a dialect, where it has one.
    #[must_use]
    pub fn name_in(&self, dialect: Dialect) -> Option<&'static str> {
        self.aliases.iter().find(|alias| alias.dialect == dialect).map(|alias| alias.name)
    }
}

/// The JSON Schema (draft 2020-12) of a payload.
pub(super) fn schema_of<T: EventType>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// Whether a payload reads as its type.
pub(super) fn check_as<T: EventType>(json: &str) -> Result<(), String> {
    serde_json::from_str::<T>(json).map(drop).map_err(|e| e.to_string())
}

/// What a type does to the entity it tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Tells of no entity with a life of its own.
    Note,
    /// Opens the entity.
    Opens(Kind),
    /// Opens the entity, or goes on with one that is open or had ended: `started` after `created`, `resumed`.
    Continues(Kind),
    /// Happens while the entity is open.
    Within(Kind),
    /// Ends it well.
    Completes(Kind),
    /// Ends it badly.
    Fails(Kind),
    /// Ends it because somebody wished so.
    Cancels(Kind),
}

impl Role {
    /// The kind of the entity, where there is one.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::Note => None,
            Self::Opens(kind)
            | Self::Continues(kind)
            | Self::Within(kind)
            | Self::Completes(kind)
            | Self::Fails(kind)
            | Self::Cancels(kind) => Some(kind),
        }
    }

    /// Whether the entity begins with it.
    #[must_use]
    pub const fn opens(self) -> bool {
        matches!(self, Self::Opens(_) | Self::Continues(_))
    }

    /// Whether the entity ends with it.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, Self::Completes(_) | Self::Fails(_) | Self::Cancels(_))
    }
}

/// The kinds of entities that open and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A workflow: the run itself, or a child in its parent's stream.
    Workflow,
    /// A task.
    Task,
    /// A step.
    Step,
    /// A child workflow as its parent sees it.
    Child,
    /// A timer.
    Timer,
    /// A promise.
    Promise,
    /// The generation stage.
    Generation,
    /// The audit stage.
    Audit,
    /// The testing stage.
    Testing,
    /// The deployment stage.
    Deployment,
    /// A request from agent to agent.
    A2a,
    /// One answer of a language model.
    Llm,
    /// One call of a tool.
    Tool,
    /// A question to a human that holds the run.
    Interrupt,
    /// A wish for approval.
    Approval,
}

impl Kind {
    /// Whether an entity of this kind can be a run of its own.
    #[must_use]
    pub const fn is_root(self) -> bool {
        matches!(self, Self::Workflow)
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "workflow",
            Self::Task => "task",
            Self::Step => "step",
            Self::Child => "child",
            Self::Timer => "timer",
            Self::Promise => "promise",
            Self::Generation => "generation",
            Self::Audit => "audit",
            Self::Testing => "testing",
            Self::Deployment => "deployment",
            Self::A2a => "a2a",
            Self::Llm => "llm",
            Self::Tool => "tool",
            Self::Interrupt => "interrupt",
            Self::Approval => "approval",
        }
    }
}

/// A name of a type in another dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alias {
    /// Whose name it is.
    pub dialect: Dialect,
    /// The name.
    pub name: &'static str,
}

/// The ways in which others name the same events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dialect {
    /// Our names without a version: `workflow.started`.
    Dotted,
    /// Constants: `WORKFLOW_STARTED`.
    Constant,
    /// Words joined by underscores: `workflow_progressed`.
    Snake,
    /// Class names of typed event models: `TaskCreated`, and their dotted forms `workflow.task.created`.
    Model,
    /// Chat steps: `start`, `partial`, `tool-call`, `final`.
    Chat,
    /// Graph runtimes: `node`, `diagnostic`, `llm`.
    Graph,
    /// Stream types: `token`, `progress`, `data`, `error`.
    Stream,
}

impl Dialect {
    /// Every dialect, in the order in which an unattributed name is looked up.
    pub const ALL: [Self; 7] =
        [Self::Dotted, Self::Constant, Self::Snake, Self::Model, Self::Stream, Self::Graph, Self::Chat];
}
