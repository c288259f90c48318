//! Certificates that a partner could show, good and bad.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use otkel::tls::Pin;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Which certificate a partner shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Papers {
    Proper,
    /// Of the right authority, for another host.
    OtherName,
    /// Of the right authority, for the right host, over since 2026-01-01.
    Expired,
    /// For the right host, of an authority that nobody trusts.
    OtherAuthority,
    /// For the right host, of no authority.
    SelfSigned,
}

/// A certificate chain and its key.
pub(crate) type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Everything that papers are made of.
pub(crate) struct Desk {
    folder: PathBuf,
    trusted: Issuer<'static, KeyPair>,
    other: Issuer<'static, KeyPair>,
}

impl Papers {
    /// Makes a second authority, which the gateway is made to trust, and a third, which it is not.
    pub(crate) fn make(folder: &Path) -> Desk {
        let (trusted, certificate) = authority("second");
        let file = folder.join("authority.pem");
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(certificate.as_bytes()).unwrap();
        Desk { folder: folder.to_owned(), trusted, other: authority("third").0 }
    }
}

impl Desk {
    pub(crate) fn of(&self, papers: Papers, name: &str, host: &str) -> Pair {
        let mut params = leaf(host);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = match papers {
            Papers::Proper => return self.file(name),
            Papers::OtherName => leaf("elsewhere.example").signed_by(&key, &self.trusted),
            Papers::Expired => {
                params.not_before = date_time_ymd(2025, 1, 1);
                params.not_after = date_time_ymd(2026, 1, 1);
                params.signed_by(&key, &self.trusted)
            }
            Papers::OtherAuthority => params.signed_by(&key, &self.other),
            Papers::SelfSigned => params.self_signed(&key),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.unwrap().der().clone()], key)
    }

    /// The pin of a partner's own certificate.
    pub(crate) fn pin(&self, name: &str) -> String {
        Pin::of_certificate(&self.file(name).0[0]).unwrap().to_string()
    }

    fn file(&self, name: &str) -> Pair {
        let read = |ending: &str| fs::read(self.folder.join(format!("{name}.{ending}"))).unwrap();
        let chain = CertificateDer::pem_slice_iter(&read("pem")).map(Result::unwrap).collect();
        (chain, PrivateKeyDer::from_pem_slice(&read("key")).unwrap())
    }
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

fn leaf(host: &str) -> CertificateParams {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}
