//! The runtime's metrics: names with units, and what they mean.

/// Runs that began, by graph.
pub const RUNS_STARTED: &str = "headwater_runs_started_total";
/// Runs that ended, by graph and outcome.
pub const RUNS_ENDED: &str = "headwater_runs_ended_total";
/// Tries of nodes that failed, by graph and node.
pub const NODE_ERRORS: &str = "headwater_node_errors_total";
/// How long nodes took, in seconds, by graph and node.
pub const NODE_SECONDS: &str = "headwater_node_duration_seconds";
/// Checkpoints that were stored.
pub const CHECKPOINTS: &str = "headwater_checkpoints_total";
/// Events that a node or step could not emit, by code.
pub const EMIT_ERRORS: &str = "headwater_emit_errors_total";
/// Requests to models, by outcome.
pub const MODEL_REQUESTS: &str = "headwater_model_requests_total";
/// Calls of tools whose arguments were no JSON or did not fit, by tool.
pub const TOOL_MISFITS: &str = "headwater_tool_misfits_total";
/// Pieces of model streams that were not understood.
pub const MODEL_GARBAGE: &str = "headwater_model_garbage_total";

/// Says what each metric means to the recorder that is installed.
pub fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, *help);
    }
    metrics::describe_histogram!(NODE_SECONDS, "how long nodes took, in seconds, by graph and node");
}

const COUNTERS: &[(&str, &str)] = &[
    (RUNS_STARTED, "runs that began, by graph"),
    (RUNS_ENDED, "runs that ended, by graph and outcome"),
    (NODE_ERRORS, "tries of nodes that failed, by graph and node"),
    (CHECKPOINTS, "checkpoints that were stored"),
    (EMIT_ERRORS, "events that a node or step could not emit, by code"),
    (MODEL_REQUESTS, "requests to models, by outcome"),
    (TOOL_MISFITS, "calls of tools whose arguments were no JSON or did not fit, by tool"),
    (MODEL_GARBAGE, "pieces of model streams that were not understood"),
];
