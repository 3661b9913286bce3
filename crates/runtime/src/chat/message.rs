//! What is said in a conversation.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One thing that is said in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Message {
    /// What the model is to be.
    System {
        /// The text.
        content: String,
    },
    /// What the user says.
    User {
        /// The text.
        content: String,
    },
    /// What the model said.
    Assistant {
        /// The text.
        content: String,
        /// The tools that it called.
        #[serde(default)]
        calls: Vec<ToolCall>,
    },
    /// What a tool gave.
    Tool {
        /// Which call it answers.
        call: String,
        /// The result as JSON text.
        content: String,
    },
}

/// A call of a tool by a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What the result refers to.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as the model wrote them: JSON, as a rule.
    pub arguments: String,
}

impl Message {
    /// What the model is to be.
    pub fn system(content: impl Into<String>) -> Self {
        Self::System { content: content.into() }
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::User { content: content.into() }
    }

    /// In the form of the interface.
    pub(super) fn to_wire(&self) -> Value {
        match self {
            Self::System { content } => json!({ "role": "system", "content": content }),
            Self::User { content } => json!({ "role": "user", "content": content }),
            Self::Assistant { content, calls } if calls.is_empty() => {
                json!({ "role": "assistant", "content": content })
            }
            Self::Assistant { content, calls } => {
                let calls: Vec<Value> = calls.iter().map(ToolCall::to_wire).collect();
                let content = if content.is_empty() { Value::Null } else { content.as_str().into() };
                json!({ "role": "assistant", "content": content, "tool_calls": calls })
            }
            Self::Tool { call, content } => {
                json!({ "role": "tool", "tool_call_id": call, "content": content })
            }
        }
    }
}

impl ToolCall {
    fn to_wire(&self) -> Value {
        // A server that reads them again takes nothing but an object.
        let whole = serde_json::from_str::<Value>(&self.arguments).is_ok_and(|value| value.is_object());
        let arguments = if whole { self.arguments.as_str() } else { "{}" };
        json!({ "id": self.id, "type": "function", "function": { "name": self.name, "arguments": arguments } })
    }
}
