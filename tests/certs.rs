//! `certs/make` makes certificates that a strict TLS library takes, and keys nobody else can read.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, crypto::aws_lc_rs::default_provider};

#[test]
fn the_server_certificate_is_for_exactly_the_names_given() {
    let folder = folder("names");
    assert!(make(&folder, &["gateway.example", "127.0.0.1", "::1"]).status.success());
    let provider = Arc::new(default_provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots(&folder), provider).build().unwrap();
    let server = certificate(&folder, "server");
    let takes = |name: &'static str| {
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(&server, &[], &name, &[], UnixTime::now()).is_ok()
    };
    assert!(takes("gateway.example") && takes("127.0.0.1") && takes("::1"));
    assert!(!takes("localhost") && !takes("127.0.0.2"));
}

#[test]
fn the_client_certificate_is_for_clients_only() {
    let folder = folder("client");
    assert!(make(&folder, &[]).status.success());
    let provider = Arc::new(default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(&folder), provider).build().unwrap();
    let takes = |name: &str| {
        verifier.verify_client_cert(&certificate(&folder, name), &[], UnixTime::now()).is_ok()
    };
    assert!(takes("client"));
    assert!(!takes("server"));
}

#[test]
fn keys_are_on_p256_and_for_their_owner_only() {
    let folder = folder("keys");
    assert!(make(&folder, &[]).status.success());
    for name in ["ca", "server", "client"] {
        let path = folder.join(format!("{name}.key"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let key = default_provider().key_provider;
        let key = key.load_private_key(PrivateKeyDer::from_pem_file(&path).unwrap()).unwrap();
        assert!(key.choose_scheme(&[rustls::SignatureScheme::ECDSA_NISTP256_SHA256]).is_some());
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let folder = folder("again");
    assert!(make(&folder, &[]).status.success());
    let before = fs::read(folder.join("ca.key")).unwrap();
    let again = make(&folder, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("is already there"));
    assert_eq!(fs::read(folder.join("ca.key")).unwrap(), before);
}

#[test]
fn without_a_folder_it_explains_itself() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/make");
    let output = Command::new(script).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("certs/make FOLDER [HOST...]"));
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("certs").join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn make(folder: &Path, hosts: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/make");
    Command::new(script).arg(folder).args(hosts).output().unwrap()
}

fn roots(folder: &Path) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(folder, "ca")).unwrap();
    Arc::new(roots)
}

fn certificate(folder: &Path, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(folder.join(format!("{name}.pem"))).unwrap()
}
