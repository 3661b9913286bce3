//! Which TLS the client uses.

use headwater_store::Error;
use rustls::crypto::{CryptoProvider, ring};

/// Prepares TLS for `scheme` (`http` or `https`): the process's provider, else ring.
///
/// # Errors
/// TLS cannot be set up at all.
pub fn configure(builder: reqwest::ClientBuilder, scheme: &str) -> Result<reqwest::ClientBuilder, Error> {
    if scheme == "https" {
        if CryptoProvider::get_default().is_none() {
            // Another thread may have been first: then its provider is as good.
            let _ = ring::default_provider().install_default();
        }
        return Ok(builder.https_only(true));
    }
    // Plain HTTP needs neither a provider nor the machine's certificates: without this reqwest would load both.
    let provider = std::sync::Arc::new(ring::default_provider());
    let unused = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::config)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(unused))
}
