use std::convert::Infallible;

use data_encoding::HEXLOWER;
use hpke::aead::ChaCha20Poly1305;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{OpModeS, setup_sender_with_rng};
use proptest::prelude::*;

use super::*;

/// Gives 32 chosen bytes in the place of random ones.
struct Chosen([u8; 32]);

impl TryRng for Chosen {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a KEM takes bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a KEM takes bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Chosen {}

/// `enc` and the shared secret that a KEM makes of a raw public key and 32 random bytes.
fn encap<K: Kem>(public: &[u8; 32], random: [u8; 32]) -> Option<(Vec<u8>, Vec<u8>)> {
    let public = K::PublicKey::from_bytes(public).unwrap();
    let (shared, enc) = K::encap_with_rng(&public, None, &mut Chosen(random)).ok()?;
    Some((enc.to_bytes().to_vec(), shared.0.to_vec()))
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn array(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

#[test]
fn it_gives_what_the_rfc_gives() {
    for [random, public, enc, shared] in VECTORS {
        let found = encap::<TabledX25519>(&array(public), array(random)).unwrap();
        assert_eq!(found, (bytes(enc), bytes(shared)));
    }
}

#[test]
fn a_message_is_sealed_as_the_rfc_seals_it() {
    let [random, public, ..] = VECTORS[2];
    let public = TabledKey::from_bytes(&array(public)).unwrap();
    let (_, mut context) = setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, TabledX25519>(
        &OpModeS::Base,
        &public,
        b"Ode on a Grecian Urn",
        &mut Chosen(array(random)),
    )
    .unwrap();
    let text = b"Beauty is truth, truth beauty";
    context.seal(text, b"Count-0").unwrap();
    let second = "6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e\
                  85285337cc95ba5f59992dc98c";
    assert_eq!(context.seal(text, b"Count-1").unwrap(), bytes(second));
}

proptest! {
    #[test]
    fn it_gives_what_the_library_gives(public: [u8; 32], random: [u8; 32]) {
        // Half of all strings are u-coordinates on the twist, so both ways are taken.
        prop_assert_eq!(encap::<TabledX25519>(&public, random), encap::<Plain>(&public, random));
    }

    #[test]
    fn an_honest_key_has_a_table_and_opens(seed: [u8; 32], random: [u8; 32]) {
        let (secret, public) = TabledX25519::derive_keypair(&seed);
        prop_assert!(public.table.is_some());
        let (shared, enc) =
            TabledX25519::encap_with_rng(&public, None, &mut Chosen(random)).unwrap();
        prop_assert_eq!(shared.0, Plain::decap(&secret, None, &enc).unwrap().0);
    }
}

#[test]
fn points_at_the_edges_come_out_as_the_library_has_them() {
    let prime = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    let small = [0, 1, 2, 8, 9, 250, 255].map(|low| {
        let mut point = [0; 32];
        point[0] = low;
        point
    });
    let near = [0xeb, 0xec, 0xed, 0xee, 0xef].map(|low| {
        let mut point = array(prime);
        point[0] = low;
        point
    });
    let low_order = LOW_ORDER.map(array);
    let mut points = [&small[..], &near[..], &low_order[..]].concat();
    // The topmost bit says nothing (RFC 7748 section 5).
    points.extend(points.clone().iter().map(|point| {
        let mut with_bit = *point;
        with_bit[31] |= 0x80;
        with_bit
    }));
    for point in points {
        for random in [[0; 32], [0x5a; 32], [0xff; 32]] {
            let found = encap::<TabledX25519>(&point, random);
            assert_eq!(found, encap::<Plain>(&point, random), "{point:02x?}");
        }
    }
}

#[test]
fn a_point_of_low_order_is_refused() {
    for point in LOW_ORDER {
        assert_eq!(encap::<TabledX25519>(&array(point), [7; 32]), None, "{point}");
    }
}

#[test]
fn a_sender_with_a_key_is_refused() {
    let (secret, public) = TabledX25519::derive_keypair(&[1; 32]);
    let sender = Some((&secret, &public));
    let sealed = TabledX25519::encap_with_rng(&public, sender, &mut Chosen([2; 32]));
    assert!(matches!(sealed, Err(HpkeError::EncapError)));
}

/// `ikmE`, `pkRm`, `enc` and `shared_secret` of the base mode with HKDF-SHA256: the test vectors of
/// RFC 9180 (appendix A and its machine-readable form), AEAD 1, 2, 3 and export only.
const VECTORS: [[&str; 4]; 4] = [
    [
        "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
        "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
    ],
    [
        "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
        "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
        "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
        "3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b",
    ],
    [
        "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
        "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7",
    ],
    [
        "55bc245ee4efda25d38f2d54d5bb6665291b99f8108a8c4b686c2b14893ea5d9",
        "194141ca6c3c3beb4792cd97ba0ea1faff09d98435012345766ee33aae2d7664",
        "e5e8f9bfff6c2f29791fc351d2c25ce1299aa5eaca78a757c0b4fb4bcd830918",
        "e81716ce8f73141d4f25ee9098efc968c91e5b8ce52ffff59d64039e82918b66",
    ],
];

/// The u-coordinates of low order (RFC 7748 section 6.1, and those equal to them modulo the prime).
const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
