//! Certificates made on the spot, and the files they live in.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use otkel::tls::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};

/// A folder that is removed when it goes out of scope.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("otkel-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate authority.
pub(crate) struct Authority {
    folder: Folder,
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: AtomicUsize,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { folder: Folder::new(), issuer, issued: AtomicUsize::new(0) }
    }

    /// The file that a party which trusts this authority is given.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.write("ca.pem", &self.issuer.pem())
    }

    /// A certificate for DNS names and, where they have a colon, URI names.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |_| {})
    }

    pub(crate) fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issue_with(names, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    /// A certificate that is good for so long from now, to the second.
    pub(crate) fn issue_for(&self, names: &[&str], time: Duration) -> Issued {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.issue_with(names, |params| params.not_after = date_time_ymd(1970, 1, 1) + now + time)
    }

    /// A certificate that this authority has nothing to do with.
    pub(crate) fn issue_self_signed(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names).self_signed(&key).unwrap();
        self.keep(&certificate, &key)
    }

    fn issue_with(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = params(names);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.keep(&certificate, &key)
    }

    fn keep(&self, certificate: &rcgen::Certificate, key: &KeyPair) -> Issued {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        Issued {
            der: certificate.der().to_vec(),
            key_pem: key.serialize_pem(),
            certificate: self.folder.write(&format!("{number}.pem"), &certificate.pem()),
            key: self.folder.write(&format!("{number}.key"), &key.serialize_pem()),
        }
    }
}

/// A certificate and its key, as files.
pub(crate) struct Issued {
    pub(crate) der: Vec<u8>,
    pub(crate) key_pem: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Issued {
    pub(crate) fn identity(&self) -> Identity {
        Identity::load(&self.certificate, &self.key).unwrap()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    for name in names {
        let name_in_asn1 = (*name).try_into().unwrap();
        let is_uri = name.contains(':');
        let name = if is_uri { SanType::URI } else { SanType::DnsName }(name_in_asn1);
        params.subject_alt_names.push(name);
    }
    params
}
