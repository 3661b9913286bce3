//! Producers: steps, model streams and graphs whose runs are event streams.
//!
//! * [`GraphBuilder`], [`Node`], [`NodeContext`]: agents as a graph. The runtime emits the life of the run, of each step
//!   and of the state by itself, so that a run without a single `emit` is fully visible.
//! * [`App`] and [`AppRunner`]: runs of a graph, by [`RuntimeConfig`]; [`InvocationHandle`]: one that is under way.
//! * [`Step`] and [`ChatStep`]: a piece of work that tells what it does, and a model that answers.
//!
//! ```
//! use headwater_runtime::{App, END, GraphBuilder, NodeContext, RuntimeConfig, START, State, Update};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let app: App = GraphBuilder::new("greeter")
//!     .node("greet", async |ctx: NodeContext| {
//!         ctx.message("on my way").await;
//!         Ok(Update::new().set("greeting", format!("Hello, {}", ctx.state().text("name"))))
//!     })
//!     .edge(START, "greet")
//!     .edge("greet", END)
//!     .with_runtime_config(RuntimeConfig::silent())?;
//!
//! let outcome = app.invoke(State::new().with("name", "Ada")).await?;
//! assert_eq!(outcome.state.text("greeting"), "Hello, Ada");
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

mod app;
pub mod chat;
mod error;
mod graph;
pub mod metric_definitions;
mod node;
mod run;
mod state;
mod step;

use std::time::Duration;

pub use app::{AlreadyTaken, App, AppRunner, Checkpoints, InvocationHandle, RuntimeConfig};
pub use chat::{ChatStep, Tool};
pub use error::RunError;
pub use graph::{END, Graph, GraphBuilder, GraphError, Problem, START};
pub use node::{Node, NodeContext, NodeError, NodeOptions, Retry};
pub use run::RunOutcome;
pub use state::{ReduceError, Reducer, State, Update};
pub use step::{FnStep, Step, StepContext};

/// A duration in the unit that payloads use.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
