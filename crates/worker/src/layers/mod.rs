//! What can be put around a handler: see [`Builder::layer`](crate::Builder::layer).
//!
//! A layer is a handler that calls another one. Panics are caught outside of all layers, and every call has its span
//! already.

mod idempotent;
mod metered;
mod rate_limit;
mod timeout;

pub use idempotent::Idempotent;
pub use metered::Metered;
pub use rate_limit::RateLimit;
pub use timeout::Timeout;
