use super::*;

/// Values that point to a person; all of them synthetic.
const POINTS: [&str; 63] = [
    // IIN and BIN, by their check digit alone
    "580101100015",
    "911231200429",
    "580101100660",
    "000229100002",
    "999999999990",
    "500140000017",
    "540943000054",
    "тыңдаушы 580101100015, мұғалім",
    "ЖСН580101100015",
    "580101 100015",
    "580101-100015",
    "5801 0110 0015",
    "580 101 100 015",
    "58.01.01.10.00.15",
    "580101\u{a0}100015",
    "580101\u{200b}100015",
    "５８０１０１１０００１５",
    "٥٨٠١٠١١٠٠٠١٥",
    "№5 580101100015",
    "2026-11-22 580101100015",
    "92.50 580101100015 88.75",
    // cards
    "4111111111111111",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "2223003122003222",
    "3782 822463 10005",
    "30569309025904",
    "paid by 6011 1111 1111 1117 yesterday",
    // accounts
    "KZ86125KZT5004100100",
    "kz86 125k zt50 0410 0100",
    "to KZ86 125K ZT50 0410 0100, please",
    "DE89370400440532013000",
    // telephones
    "+7 7172 23 57 50",
    "8 (7172) 23-57-50",
    "+7 701 000 00 00",
    "87770000000",
    "+7 (747) 000-00-00",
    "7052223344",
    "+996 555 123 456",
    "+7 495 123 45 67",
    "call 8 701 000 00 00 after 18:00",
    "тел. +7‑701‑000‑00‑00",
    // e-mail addresses
    "a@b.kz",
    "write to Aigerim.S+list@mail.example.kz.",
    "<айгүл@пошта.қаз>",
    "mailto:a@example.org?subject=x",
    "@@a@b.org",
    // keyed hashes, UUIDs and tokens
    "0193a2b0-0000-7000-8000-000000000001",
    "0193A2B0000070008000000000000001",
    "5f2c7a10b3d94e8896aa01c2d3e4f506",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "fmN7C92kCgelrmCsSfYfJMSgFHoKwT9pMA",
    "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg=",
    "Dn6lLqtecEtelT6pj9dM-w",
    "id=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dz",
    "c29tZSBrZXkgb2YgMTggYg7x",
    "u4pruydqqvj8s3kd92nf7t",
    "５f2c7a10\u{200b}b3d94e8896aa01c2d3e4f506",
    "жеке куәлік 012345678",
    "5801\u{ad}0110\u{ad}0015",
    "(580101)100015",
    "8-701-000-00-00",
];

/// What studies are full of and what points to nobody.
const INNOCENT: [&str; 54] = [
    "",
    "92.50",
    "92,5 %",
    "0.30000000000000004",
    "92.33333333333333",
    "100",
    "2026",
    "2023 2024 2025 2026",
    "2019-2020, 2020-2021, 2021-2022",
    "2026-11-22",
    "22.11.2026",
    "2026-11-22 2026-12-01",
    "2026-11-22 - 2026-12-01",
    "2026-11-22/2026-12-01",
    "22.11.2026-01.12.2026",
    "2026-11-22T10:00:00.000Z",
    "2026-11-22T10:00:00+05:00",
    "2026-11-22 10:00:00",
    "20261122T100000Z",
    "18:30",
    "18:30-20:00, 21.11",
    "1795338000",
    "1795338000000",
    "1795338000000000000",
    "100 100 100 100",
    "85 90 78 92 88 71",
    "8 90 78 92 88 71",
    "8 100 100 50 90",
    "10 000 000",
    "PED-7",
    "PED-2026-07",
    "KZ-CPM-PED-2026-07-ADVANCED-01",
    "introduction-to-modern-pedagogy-2026",
    "https://cpm.example/courses/2026/07/modern-pedagogy-2",
    "module3-lesson12-introduction-part2",
    "Курс «Заманауи педагогика», 72 сағат, 3-топ",
    "мұғалім, педагог-зерттеуші",
    "№ 12-345/26",
    "No. 03-114/26",
    "Мектеп-гимназия № 8, 7 сынып, 25 оқушы",
    "BSc (Hons), MSc 2019",
    "АҚ «Өрлеу» ҰБАО филиалы",
    "+5 %",
    "+1000",
    "3@2.50",
    "@everyone",
    "a@b",
    "5 @ 2.50 kg",
    "112",
    "050000",
    "580101100016",
    "4111111111111112",
    "the quick brown fox jumps over the lazy dog",
    "SuperkalifragilistischExpialigetisch",
];

#[test]
fn what_points_to_a_person_is_seen_wherever_it_stands() {
    let missed: Vec<&str> = POINTS.into_iter().filter(|text| !is_in(text)).collect();
    assert_eq!(missed, [""; 0]);
}

#[test]
fn what_studies_are_full_of_passes() {
    let taken: Vec<&str> = INNOCENT.into_iter().filter(|text| is_in(text)).collect();
    assert_eq!(taken, [""; 0]);
}

#[test]
fn a_number_is_looked_at_whichever_way_it_is_written() {
    for number in [
        "580101100015",
        "580101100015.0",
        "5.80101100015e11",
        "5801011000150E-1",
        "-580101100015",
        "87770000000",
        "4111111111111111",
        // What is left of 000229100002 and 050412500011.
        "229100002",
        "50412500011",
        "12345678901234567890123456789012",
    ] {
        assert!(is_number(number), "{number}");
    }
    for number in [
        "0",
        "-0",
        "92.50",
        "1e400",
        "1e-400",
        "100",
        "2026",
        "20261122",
        "1795338000",
        "1795338000000",
        "0.580101100015",
        "580101100016",
        "3.141592653589793",
        "5.5e0",
    ] {
        assert!(!is_number(number), "{number}");
    }
}

const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn a_random_token_is_seen_nearly_always() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    for (length, seen) in [(22, 85), (32, 97), (43, 99)] {
        let mut token = || (0..length).map(|_| char::from(BASE64URL[next(64)])).collect();
        let found = (0..1000).filter(|_| is_in(&token() as &String)).count();
        assert!(found >= seen * 10, "{found} of 1000 with {length} characters");
    }
}
