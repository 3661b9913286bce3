//! Certificates.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::{
    Error,
    server::{folder, write},
};

/// An authority that nobody knows beforehand, and a certificate of it for a server on 127.0.0.1. Its files are gone with
/// it: it must live as long as the server.
#[derive(Debug)]
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn new() -> Result<Self, Error> {
        let folder = folder("authority")?;
        let [ca, certificate, key] =
            sign().map_err(|error| Error::failed(format!("no certificate: {error}")))?;
        for (name, text) in [("ca.pem", ca), ("certificate.pem", certificate), ("key.pem", key)] {
            write(folder.path(), name, &text)?;
        }
        Ok(Self { folder })
    }

    /// What clients trust.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The server's key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

/// The authority's certificate, the server's and the server's key.
fn sign() -> Result<[String; 3], rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Headwater's tests");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    Ok([authority.pem(), certificate.pem(), key.serialize_pem()])
}
