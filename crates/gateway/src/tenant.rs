//! Whose request it is. The one place that decides it.

use headwater_events::Tenant;
use http::HeaderMap;

use crate::problem::Problem;

/// The header that names the tenant where nothing authenticates the caller.
pub(crate) const HEADER: &str = "headwater-tenant";

/// The tenant of a request: `Headwater-Tenant`, else `default`.
pub(crate) fn resolve(headers: &HeaderMap) -> Result<Tenant, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(Tenant::default());
    };
    if headers.get_all(HEADER).iter().nth(1).is_some() {
        return Err(Problem::new("invalid-tenant", "the header Headwater-Tenant stands twice"));
    }
    let name = value.to_str().unwrap_or("");
    Tenant::new(name.to_owned())
        .map_err(|e| Problem::new("invalid-tenant", format!("the header Headwater-Tenant: {e}")))
}
