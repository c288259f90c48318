//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use otkel::proxy::front::HeadFault;
use otkel::tls::connector;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

use crate::tls::{Authority, Issued};
use crate::world::World;

/// A client of a given TLS version that offers no protocol, as an old program would be.
fn plain_client(
    world: &World,
    issued: Option<&Issued>,
    version: &'static rustls::SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(world.authority.file()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    match issued {
        None => builder.with_no_client_auth(),
        Some(issued) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(&issued.certificate).unwrap()],
                PrivateKeyDer::from_pem_file(&issued.key).unwrap(),
            )
            .unwrap(),
    }
}

/// Whether a request over this connection is answered.
async fn is_served(world: &World, config: ClientConfig) -> bool {
    let Ok(mut client) = world.connect_with(config).await else { return false };
    // With TLS 1.3 the refusal of a certificate arrives after the handshake.
    let _ = client.try_send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    client.rest().await.starts_with("HTTP/1.1 200 OK\r\n")
}

#[tokio::test]
async fn a_caller_is_known_by_the_names_in_its_certificate() {
    let world = World::new().await;
    let issued = world.authority.issue(&["Caller.Example", "urn:x:LMS"]);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        assert!(is_served(&world, plain_client(&world, Some(&issued), version)).await);
    }
    let peers = world.service.peers();
    assert_eq!(peers[0].names, ["caller.example", "urn:x:lms"]);
    assert_eq!(peers[0].certificate_sha256, <[u8; 32]>::from(Sha256::digest(&issued.der)));
    assert_eq!([peers[0].tls, peers[1].tls], ["TLSv1_3", "TLSv1_2"]);
    assert!(peers[0].suite.starts_with("TLS13_"), "{}", peers[0].suite);
    assert_eq!(peers[1].names, peers[0].names);
}

#[tokio::test]
async fn a_resumed_session_has_the_same_identity() {
    let world = World::new().await;
    let issued = world.authority.issue(&["caller.example"]);
    let config = plain_client(&world, Some(&issued), &rustls::version::TLS13);
    for _ in 0..3 {
        let mut client = world.connect_with(config.clone()).await.unwrap();
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        client.rest().await;
        let kind = client.0.get_ref().1.handshake_kind();
        let is_first = world.service.peers().len() == 1;
        assert_eq!(kind == Some(rustls::HandshakeKind::Resumed), !is_first, "{kind:?}");
    }
    assert!(world.service.peers().iter().all(|peer| peer.names == ["caller.example"]));
}

/// The TLS library takes a resumed session for verified, however long ago that was.
#[tokio::test]
async fn a_session_is_not_resumed_after_its_certificate_has_ended() {
    let world = World::new().await;
    let issued = world.authority.issue_for(&["caller.example"], Duration::from_secs(2));
    let config = plain_client(&world, Some(&issued), &rustls::version::TLS13);
    assert!(is_served(&world, config.clone()).await);
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    assert!(!is_served(&world, config).await);
    assert_eq!(world.service.calls().len(), 1);
}

#[tokio::test]
async fn a_stranger_is_not_let_in() {
    let world = World::new().await;
    let elsewhere = Authority::new("elsewhere");
    let tls13 = &rustls::version::TLS13;
    for (who, issued) in [
        ("without a certificate", None),
        ("of another authority", Some(elsewhere.issue(&["caller.example"]))),
        ("self-signed", Some(world.authority.issue_self_signed(&["caller.example"]))),
        ("out of its time", Some(world.authority.issue_expired(&["caller.example"]))),
    ] {
        assert!(!is_served(&world, plain_client(&world, issued.as_ref(), tls13)).await, "{who}");
    }
    assert!(world.service.calls().is_empty());
    assert!(world.is_well().await);
}

#[tokio::test]
async fn plain_http_and_unknown_protocols_get_nothing() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::new().await;
    let mut stream = world.tcp().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    assert!(!bytes.starts_with(b"HTTP"));
    assert!(world.try_connect("http/1.0").await.is_err());
    assert!(world.service.calls().is_empty());

    let mut client = world.connect("http/1.1").await;
    client.send(crate::flood::h2::OPENING).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 505 "), "HTTP/2 without having agreed on it");
    assert_eq!(world.service.calls()[0].fault, Some(HeadFault::Version));
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_cure() {
    use otkel::tls::{Identity, TlsFault, acceptor};
    let authority = Authority::new("a");
    let (one, other) = (authority.issue(&["one.example"]), authority.issue(&["other.example"]));
    let text = |fault: TlsFault| fault.to_string();
    let mixed = Identity::load(&one.certificate, &other.key).unwrap();
    let fault = text(acceptor(&mixed, &authority.file()).unwrap_err());
    assert!(fault.contains(".key") && fault.contains("together"), "{fault}");
    let fault = text(Identity::load(&one.key, &one.key).unwrap_err());
    assert!(fault.contains("holds no certificate"), "{fault}");
    let fault = text(Identity::load(&one.certificate, &one.certificate).unwrap_err());
    assert!(fault.contains("holds no private key"), "{fault}");
    let fault = text(connector(None, &one.key, &[]).unwrap_err());
    assert!(fault.contains("holds no authority"), "{fault}");
    assert_eq!(one.identity().expires_s(), Some(67_090_118_400), "4096-01-01");
}
