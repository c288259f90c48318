//! Certificates for development: one authority, and what it signs.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};

/// A certificate authority for development, kept in a folder.
pub struct Authority {
    folder: PathBuf,
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A server.
    Server,
    /// A client.
    Client,
}

impl Authority {
    /// Makes an authority whose certificate is `<name>.pem` in the folder; its key is not kept.
    ///
    /// # Errors
    /// A file that cannot be written, or a certificate that cannot be made.
    pub fn make(folder: &Path, name: &'static str) -> Result<Self, Unmade> {
        let mut params = params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?;
        fs::write(folder.join(format!("{name}.pem")), certificate.pem())?;
        Ok(Self { folder: folder.to_owned(), name, issuer: Issuer::new(params, key) })
    }

    /// Signs `<file>.pem` for the host names, and keeps its key in `<file>.key`.
    ///
    /// # Errors
    /// A file that cannot be written, or a certificate that cannot be made.
    pub fn sign(&self, file: &str, hosts: &[&str], used: Use) -> Result<(), Unmade> {
        let mut params = params(hosts.first().copied().unwrap_or(file), hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match used {
            Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        fs::write(self.folder.join(format!("{file}.pem")), certificate.pem())?;
        write_secret(&self.folder.join(format!("{file}.key")), key.serialize_pem().as_bytes())?;
        Ok(())
    }

    /// The file of the authority's certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }
}

/// Writes a file that only its owner may read; one that is there is replaced.
///
/// # Errors
/// What the system says.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Why something for development could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("a file could not be written: {0}")]
    File(#[from] io::Error),
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams, Unmade> {
    let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    if hosts.contains(&"localhost") {
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    }
    let (year, month, day) = FROM;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(year + YEARS, month, day);
    Ok(params)
}

// Long enough that a demo folder never expires under somebody who kept it; nothing trusts it.
const FROM: (i32, u8, u8) = (2026, 1, 1);
const YEARS: i32 = 10;
