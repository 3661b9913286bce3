//! The notation of the catalogue.

/// Declares a family: for each entry its payload struct, its [`EventType`](super::EventType) and its row in
/// `ENTRIES`.
///
/// `must` members are required, `may` members are optional. Every payload also has the two kinds of metadata,
/// `execution` and `conversation`, and free `metadata`.
macro_rules! family {
    ($(
        $(#[doc = $doc:literal])+
        $Name:ident = $name:literal, v $version:literal, $class:ident, $role:ident $(($kind:ident))? $(, delta $delta:literal)?
        { $($dialect:ident: $($alias:literal)|+;)* }
        must { $($(#[$must_doc:meta])+ $must:ident: $Must:ty,)* }
        may { $($(#[$may_doc:meta])+ $may:ident: $May:ty,)* }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[non_exhaustive]
            pub struct $Name {
                $($(#[$must_doc])+ pub $must: $Must,)*
                $(
                    $(#[$may_doc])+
                    #[serde(skip_serializing_if = "Option::is_none")]
                    pub $may: Option<$May>,
                )*
                /// Where in the run it happened.
                #[serde(skip_serializing_if = "Option::is_none")]
                pub execution: Option<Box<$crate::catalogue::Execution>>,
                /// Where in the conversation it happened.
                #[serde(skip_serializing_if = "Option::is_none")]
                pub conversation: Option<Box<$crate::catalogue::Conversation>>,
                /// Whatever else the producer wishes to tell.
                #[serde(skip_serializing_if = "Option::is_none")]
                pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
            }

            impl $Name {
                /// A payload with what is required.
                #[allow(clippy::new_without_default)]
                #[must_use]
                pub fn new($($must: impl Into<$Must>),*) -> Self {
                    Self {
                        $($must: $must.into(),)*
                        $($may: None,)*
                        execution: None,
                        conversation: None,
                        metadata: None,
                    }
                }

                $(
                    $(#[$may_doc])+
                    #[must_use]
                    pub fn $may(mut self, $may: impl Into<$May>) -> Self {
                        self.$may = Some($may.into());
                        self
                    }
                )*

                /// Where in the run it happened.
                #[must_use]
                pub fn execution(mut self, execution: $crate::catalogue::Execution) -> Self {
                    self.execution = Some(Box::new(execution));
                    self
                }

                /// Where in the conversation it happened.
                #[must_use]
                pub fn conversation(mut self, conversation: $crate::catalogue::Conversation) -> Self {
                    self.conversation = Some(Box::new(conversation));
                    self
                }
            }

            impl $crate::catalogue::EventType for $Name {
                const TYPE: &'static str = concat!($name, ".v", $version);
                const CLASS: $crate::Class = $crate::Class::$class;
            }
        )+

        pub(super) static ENTRIES: &[$crate::catalogue::Entry] = &[$(
            $crate::catalogue::Entry {
                ty: <$Name as $crate::catalogue::EventType>::TYPE,
                name: $name,
                version: $version,
                summary: concat!($($doc),+),
                class: <$Name as $crate::catalogue::EventType>::CLASS,
                role: $crate::catalogue::Role::$role $(($crate::catalogue::Kind::$kind))?,
                aliases: &[$($($crate::catalogue::Alias { dialect: $crate::catalogue::Dialect::$dialect, name: $alias }),+),*],
                delta: $crate::catalogue::macros::option!($($delta)?),
                schema: $crate::catalogue::entry::schema_of::<$Name>,
                check: $crate::catalogue::entry::check_as::<$Name>,
            }
        ),+];
    };
}

/// An optional literal as an `Option`.
macro_rules! option {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

pub(super) use {family, option};
