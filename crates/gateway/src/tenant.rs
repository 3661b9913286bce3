//! Which tenant a request names.

use headwater_events::Tenant;
use http::HeaderMap;

use crate::problem::Problem;

/// The header that names the tenant where the credential leaves it open, or where there is none.
pub(crate) const HEADER: &str = "headwater-tenant";

/// The tenant that a request names with `Headwater-Tenant`, if it does.
pub(crate) fn named(headers: &HeaderMap) -> Result<Option<Tenant>, Problem> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    if headers.get_all(HEADER).iter().nth(1).is_some() {
        return Err(Problem::new("invalid-tenant", "the header Headwater-Tenant stands twice"));
    }
    let name = value.to_str().unwrap_or("");
    Tenant::new(name.to_owned())
        .map(Some)
        .map_err(|e| Problem::new("invalid-tenant", format!("the header Headwater-Tenant: {e}")))
}
