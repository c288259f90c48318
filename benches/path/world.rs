//! Where a run takes place: a folder, one certificate authority and a mock partner.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use otkel::demo::certificates::write_secret;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::partner::Partner;

/// The gateway's host name, in its certificate and in every request.
pub(crate) const GATEWAY: &str = "gateway.test";
/// The partner's host name, in its certificate.
pub(crate) const PARTNER: &str = "partner.test";
/// The caller's name, in its client certificate.
pub(crate) const CALLER: &str = "caller.test";
/// The path that is asked for, at the gateway and at the partner.
pub(crate) const PATH: &str = "/v1/enrolments";

/// Everything that the peers of a run share.
pub(crate) struct World {
    /// An empty folder of this run below the build's folder.
    pub(crate) folder: PathBuf,
    pub(crate) partner: Partner,
    /// How callers connect: with a client certificate, TLS 1.3 only.
    pub(crate) caller: Arc<ClientConfig>,
}

impl World {
    /// Makes the certificates and starts the partner.
    pub(crate) async fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("path");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        make_certificates(&folder);
        let partner = Partner::start(server(&folder, PARTNER)).await;
        let caller = Arc::new(client(&folder, CALLER));
        Self { folder, partner, caller }
    }

    /// The file of the authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The file of a certificate, by the name it is for.
    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    /// The file of that certificate's key.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }
}

fn make_certificates(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "bench CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let ca = Issuer::new(params, key);
    for name in [GATEWAY, PARTNER, CALLER] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &ca).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        let secret = folder.join(format!("{name}.key"));
        write_secret(&secret, key.serialize_pem().as_bytes()).unwrap();
    }
}

fn server(folder: &Path, name: &str) -> ServerConfig {
    let (chain, key) = identity(folder, name);
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn client(folder: &Path, name: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let (chain, key) = identity(folder, name);
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap()
}

fn identity(folder: &Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap();
    (vec![chain], PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap())
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
