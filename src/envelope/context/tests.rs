use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;

use super::*;

#[test]
fn the_hybrid_kem_agrees_as_its_draft_does() {
    let vector: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/hpke-pq.json")).unwrap();
    let bytes = |value: &Value| HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let of = |name: &str| bytes(&vector[name]);
    let seed: [u8; 32] = of("skRm").try_into().unwrap();
    let secret = RecipientSecret::read(Kem::MlKem768X25519, &seed).unwrap();
    assert_eq!(secret.public(), of("pkRm"));
    assert_eq!(*secret.raw(), seed);
    let context = receiver(&secret, &of("enc"), &of("info")).unwrap();
    for export in vector["exports"].as_array().unwrap() {
        let found = context.export(&bytes(&export[0])).unwrap();
        assert_eq!(found.as_slice(), bytes(&export[1]));
    }
}

#[test]
fn chunks_open_and_are_refused_as_in_the_published_vectors() {
    let all: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/chunked-encryption.json"))
            .unwrap();
    let mut opened = 0;
    for vector in all["vectors"].as_array().unwrap() {
        let [name, outcome, key, context, message, payload] = vector.as_array().unwrap().as_slice()
        else {
            panic!("not a vector: {vector}")
        };
        let key = HEXLOWER.decode(key.as_str().unwrap().as_bytes()).unwrap();
        let message = BASE64.decode(message.as_str().unwrap().as_bytes()).unwrap();
        let text = open_one(&key, context.as_str().unwrap().as_bytes(), &message);
        assert_eq!(text.is_some(), outcome == "success", "{name}");
        if let Some(text) = text {
            use sha2::Digest as _;
            assert_eq!(*payload, HEXLOWER.encode(&Sha256::digest(text)), "{name}");
            opened += 1;
        }
    }
    assert_eq!(opened, 4);
}

/// A message of one chunk.
fn open_one(key: &[u8], context: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = Zeroizing::new(key.try_into().ok()?);
    let (salt, rest) = message.split_first_chunk()?;
    let (commitment, chunk) = rest.split_first_chunk::<COMMITMENT>()?;
    let mut derived = derive(&key, salt, context)?;
    if derived.commitment != *commitment {
        return None;
    }
    let (text, tag) = chunk.split_last_chunk()?;
    let mut text = text.to_vec();
    derived.chunks.open(InOutBuf::from(&mut text[..]), tag)?;
    Some(text)
}

#[test]
fn no_two_chunks_have_the_same_nonce() {
    let mut chunks = derive(&Zeroizing::new([1; 32]), &[2; SALT], b"").unwrap().chunks;
    let first = chunks.nonce;
    let nonces: std::collections::BTreeSet<[u8; 12]> =
        (0..70_000).map(|_| chunks.nonce().unwrap().into()).collect();
    assert_eq!(nonces.len(), 70_000);
    assert!(nonces.contains(&first), "that of chunk 0");
    chunks.next = Some(u64::MAX);
    assert!(chunks.nonce().is_some());
    assert!(chunks.nonce().is_none(), "the numbers are used up");
}

#[test]
fn a_point_of_low_order_is_refused_in_either_kem() {
    for kem in Kem::ALL {
        let secret = RecipientSecret::read(kem, &[1; 32]).unwrap();
        let enc = vec![0; enc_length(kem)];
        assert_eq!(receiver(&secret, &enc, b"").err(), Some(BadEnvelope::Sealed), "{kem:?}");
    }
}
