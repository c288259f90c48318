use proptest::prelude::*;

use super::*;

/// A line with identifiers, `{kind:…}` around each.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) hits: Vec<(Kind, String)>,
}

/// The lines of the vectors.
pub(crate) fn lines() -> Vec<Line> {
    let file = include_str!("../../tests/vectors/identifiers.txt");
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.map(|line| read(&unescape(line))).collect()
}

fn unescape(line: &str) -> String {
    let mut parts = line.split(r"\u{");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}

fn read(line: &str) -> Line {
    let mut parts = line.split('{');
    let mut text = parts.next().unwrap().to_owned();
    let mut hits = Vec::new();
    for part in parts {
        let (kind, rest) = part.split_once(':').unwrap();
        let (identifier, rest) = rest.split_once('}').unwrap();
        let kind = Kind::ALL.into_iter().find(|known| known.word() == kind).unwrap();
        hits.push((kind, identifier.to_owned()));
        text = text + identifier + rest;
    }
    Line { text, hits }
}

fn hits(text: &str) -> Vec<(Kind, String)> {
    let mut hits = Vec::new();
    scan(text, |hit| hits.push((hit.kind, text.get(hit.span).unwrap().to_owned())));
    hits
}

#[test]
fn each_line_of_the_vectors_has_its_identifiers_and_no_others() {
    let lines = lines();
    assert!(lines.len() > 250);
    let wrong: Vec<String> = lines
        .iter()
        .filter(|line| hits(&line.text) != line.hits)
        .map(|line| format!("{}\n  {:?}", line.text, hits(&line.text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The lines that are one identifier and nothing else.
fn single() -> Vec<(Kind, String)> {
    let lines = lines().into_iter().filter_map(|line| {
        let [(kind, identifier)] = line.hits.as_slice() else { return None };
        (*identifier == line.text).then(|| (*kind, identifier.clone()))
    });
    lines.collect()
}

/// An IIN in small parts is known only where it is announced, or stands alone.
const SPELT_OUT: [&str; 2] = ["580 101 100 015", "58.01.01.10.00.15"];

const SENTENCES: [(&str, &str); 6] = [
    ("Тыңдаушының нөмірі – ", ", хабарласыңыз."),
    ("Қосымша ақпарат: «", "» (2026 жылғы 20 қаңтар, 72 сағат)"),
    ("Номер слушателя: ", ". Просим связаться до 18:30."),
    ("Сообщение от 22.11.2026 (", ") передано в деканат"),
    ("Please use ", "; thank you."),
    ("Seen on 2026-11-22 at 10:00: ", " – and 92.50 marks"),
];

#[test]
fn identifiers_are_found_in_sentences_of_three_languages() {
    let identifiers = single();
    assert!(identifiers.len() > 90);
    for (kind, identifier) in identifiers.iter().filter(|(_, i)| !SPELT_OUT.contains(&&**i)) {
        for (before, after) in SENTENCES {
            let text = format!("{before}{identifier}{after}");
            assert_eq!(hits(&text), [(*kind, identifier.clone())], "{text}");
        }
    }
}

#[test]
fn what_a_reader_does_not_see_hides_nothing() {
    let wide = |c: char| match c {
        ' ' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(c) - 0x20 + 0xff00).unwrap(),
        c => c,
    };
    let arabic = |c: char| match c {
        '0'..='9' => char::from_u32(u32::from(c) - 0x30 + 0x660).unwrap(),
        ' ' => '\u{2009}',
        '-' => '\u{2011}',
        c => c,
    };
    for (kind, identifier) in single() {
        for changed in [
            identifier.chars().map(wide).collect(),
            identifier.chars().map(arabic).collect(),
            identifier.chars().flat_map(|c| [c, '\u{200b}']).collect(),
            identifier.chars().flat_map(|c| ['\u{ad}', c, '\u{fe0f}']).collect::<String>(),
        ] {
            let found = hits(&changed);
            assert_eq!(found.len(), 1, "{changed}");
            assert_eq!(found[0].0, kind, "{changed}");
            let (before, after) = changed.split_once(&*found[0].1).unwrap();
            let is_seen = |c: char| !matches!(c, '\u{200b}' | '\u{ad}' | '\u{fe0f}');
            assert!(!before.contains(is_seen), "{changed}");
            assert!(!after.contains(is_seen), "{changed}");
        }
    }
}

#[test]
fn a_number_is_looked_at_whichever_way_it_is_written() {
    for (number, kind) in [
        ("580101100015", Kind::Iin),
        ("580101100015.0", Kind::Iin),
        ("5.80101100015e11", Kind::Iin),
        ("5.80101100015E+11", Kind::Iin),
        ("5801011000150E-1", Kind::Iin),
        ("5801011000150000.000e-4", Kind::Iin),
        ("-580101100015", Kind::Iin),
        ("57014e7", Kind::Bin),
        ("500140000017", Kind::Bin),
        ("87770000000", Kind::Phone),
        ("7052223344", Kind::Phone),
        ("4111111111111111", Kind::Card),
        // What is left of 000229100002 and 050412500011.
        ("229100002", Kind::Iin),
        ("50412500011", Kind::Iin),
    ] {
        assert_eq!(scan_number(number), Some(kind), "{number}");
    }
    for number in [
        "0",
        "-0",
        "0e99999999999999999999",
        "1e400",
        "1e-400",
        "1e99999999999999999999",
        "92.50",
        "20261122",
        "1795338000",
        "1795338000000",
        "580101100016",
        "580101100015.5",
        "0.580101100015",
        "58010110001500000000000000",
        "12345678901234567890123456789012",
        "3.141592653589793",
    ] {
        assert_eq!(scan_number(number), None, "{number}");
    }
}

#[test]
fn national_numbers_are_those_of_the_numbering_plan() {
    let codes = |digits: usize, is: fn(&[u8]) -> bool| {
        let all = 0..10_usize.pow(u32::try_from(digits).unwrap());
        all.filter(|n| is(format!("{n:0digits$}{:0>1$}", "", 10 - digits).as_bytes())).count()
    };
    assert_eq!(codes(3, phone::is_mobile), 19);
    assert_eq!(codes(5, phone::is_fixed), 494);
}

/// Numbers, a line of random ones each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
        (self.0 >> 33) % end
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }
}

/// An ordinary sentence with numbers in it.
#[allow(clippy::many_single_char_names, reason = "numbers that mean nothing")]
fn sentence(dice: &mut Dice) -> String {
    let (day, month, year) = (dice.between(1, 28), dice.between(1, 12), dice.between(1950, 2035));
    let (hour, minute) = (dice.below(24), dice.below(60));
    let (a, b, c) = (dice.below(1000), dice.below(1000), dice.below(1000));
    let (n, m) = (dice.between(1, 99), dice.between(10, 99));
    let seconds = dice.between(1_500_000_000, 1_900_000_000);
    let part = dice.below(1_000_000);
    match dice.below(24) {
        0 => format!("Бағасы {n} {a:03} {b:03} теңге, оның ішінде ҚҚС {a} {c:03} ₸"),
        1 => format!("Сумма договора {n} {a:03} {b:03} {c:03},50 тг без НДС"),
        2 => format!("The price is ${n},{a:03},{b:03}.{m} or {n}.{a:03}.{b:03},{m} €"),
        3 => format!("{year} жылғы {day} қаңтарда, сағат {hour:02}:{minute:02}-де"),
        4 => format!("С {day:02}.{month:02}.{year} по {m:02}.{month:02}.{year}, {hour} ч"),
        5 => format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{n:02}.{a:03}Z"),
        6 => format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{n:02}+05:00"),
        7 => format!("Бұйрық № {a}-{n}/{year}, хаттама № {b}"),
        8 => format!("Заказ № {a:03}{b:03}-{n} от {day:02}.{month:02}.{year} г."),
        9 => format!("Order ORD-{year}-{part:06}, invoice INV{a:03}{b:03}"),
        10 => format!("43.{part:06}, 76.{part:06}; {n}.{part:06}{part:06}"),
        11 => format!("Бағалары: {n} {m} {n} {m} {m} {n} {m}"),
        12 => format!("Оценки {n}, {m}, {n}, {m}; средняя {m}.{n}"),
        13 => format!("Marks {n} {m} {n} {m} {n} {m} of 100 100 100 100"),
        14 => format!("Абай даңғылы, {n}, {m}-пәтер, {part:06} Алматы"),
        15 => format!("Курс {a} сағат, {n}-топ, {year}-{} оқу жылы", year + 1),
        16 => format!("{n}% қатысты, {a}/{b} адам, {m} млн"),
        17 => format!("https://cpm.example/{year}/{month:02}/course-{a}?page={n}&t={seconds}"),
        18 => format!("v{n}.{a}.{b}-rc{m} 192.168.{n}.{m} build {part:06}"),
        19 => {
            format!("{seconds} {seconds}{a:03} {year}{month:02}{day:02}{hour:02}{minute:02}00")
        }
        20 => format!("Дело № {m}{a:02}-{n}-00-2{n}/{a}, ст. {n} п. {m}"),
        21 => format!("{a:03}f{b:03}a-{m}bc-4{m}d-8a{m}-{part:06}{part:06} тапсырыс"),
        22 => format!("Ауданы {a}.{n} м², {n}×{m}×{a} см, {b},{m} кг, −{n} °C"),
        _ => format!("Years {year} {} {} {}, pages {a}–{b}", year + 1, year + 2, year + 3),
    }
}

#[test]
fn ordinary_sentences_are_left_alone() {
    let mut dice = Dice(7);
    let taken: Vec<_> = (0..20_000)
        .map(|_| sentence(&mut dice))
        .filter(|text| !hits(text).is_empty())
        .map(|text| format!("{text}\n  {:?}", hits(&text)))
        .collect();
    assert!(taken.is_empty(), "{}\n{}", taken.len(), taken.join("\n"));
}

fn luhn_digit(digits: &str) -> u32 {
    let is_right = |check: &u32| {
        let values = format!("{digits}{check}");
        let values = values.bytes().rev().map(|byte| u32::from(byte - b'0')).enumerate();
        let sum = |(n, value): (usize, u32)| {
            let doubled = value * 2;
            if n % 2 == 0 { value } else { doubled / 10 + doubled % 10 }
        };
        values.map(sum).sum::<u32>() % 10 == 0
    };
    (0..10).find(is_right).unwrap()
}

fn iin() -> impl Strategy<Value = (Kind, String)> {
    "[0-9]{4}[0-37-9][0-9]{6}".prop_filter_map("no check digit", |digits| {
        let all = (0..10).map(|check| format!("{digits}{check}"));
        let mut right = all.filter(|number| check::has_check_digit(number.as_bytes()));
        right.next().map(|number| (Kind::Iin, number))
    })
}

fn account() -> impl Strategy<Value = (Kind, String)> {
    "[0-9]{5}[A-Z0-9]{11}".prop_map(|account| {
        let values = format!("{account}KZ00");
        let left = values.chars().filter_map(|c| c.to_digit(36)).fold(0, |left, value| {
            if value > 9 { (left * 100 + value) % 97 } else { (left * 10 + value) % 97 }
        });
        (Kind::Iban, format!("KZ{:02}{account}", 98 - left))
    })
}

/// Identifiers of every kind that needs no word beside it.
fn identifier() -> impl Strategy<Value = (Kind, String)> {
    prop_oneof![
        iin(),
        account(),
        "[4-6][0-9]{14}".prop_map(|n| (Kind::Card, format!("{n}{}", luhn_digit(&n)))),
        "[4-6][0-9]{3} [0-9]{4} [0-9]{4} [0-9]{3}"
            .prop_map(|n| (Kind::Card, format!("{n}{}", luhn_digit(&n.replace(' ', ""))))),
        r"\+7 ?\(?7(0[0-25-8]|47|7[15-8])\)? ?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}"
            .prop_map(|n| (Kind::Phone, n)),
        "8 ?7(0[0-25-8]|47|7[15-8]) ?[0-9]{3}-?[0-9]{2}-?[0-9]{2}".prop_map(|n| (Kind::Phone, n)),
        "[a-z][a-zа-яә0-9._+-]{0,20}[a-z0-9]@[a-zа-я0-9]{1,10}(-[a-z0-9]{1,5})?[.][a-zқ]{2,8}"
            .prop_map(|n| (Kind::Email, n)),
    ]
}

/// Characters of which identifiers are made, and those around them.
const MIXED: &str = "[0-90-90-90-9０-９٠-٩⑩½@＠+ .()\u{a0}\u{ad}\u{200b}A-Za-zКЗа-яқөұN№-]{0,60}";

proptest! {
    #[test]
    fn an_identifier_in_a_text_is_found_with_exactly_its_span(
        (kind, identifier) in identifier(),
        before in "([а-яА-ЯәғқңөұүһA-Za-z,.!?«»–]{1,12} ){0,6}",
        after in "( [а-яА-ЯәғқңөұүһA-Za-z,.!?«»–]{1,12}){0,6}",
    ) {
        let text = format!("{before}{identifier}{after}");
        prop_assert_eq!(hits(&text), [(kind, identifier)], "{}", text);
    }

    #[test]
    fn a_text_without_digits_and_at_signs_has_nothing(text in r"\PC*") {
        let is_sign = |c: &char| {
            plain::of(&c.to_string()).iter().any(|b| b.is_ascii_digit() || *b == b'@')
        };
        let text: String = text.chars().filter(|c| !is_sign(c)).collect();
        prop_assert_eq!(hits(&text), []);
        prop_assert!(!may_hold(text.as_bytes()) || !text.is_ascii());
    }

    #[test]
    fn the_quick_look_misses_nothing_and_hits_are_parts_of_the_text(text in MIXED) {
        let mut spans = Spans::of(&text);
        let plain = plain::of(&text);
        let (mut found, mut end) = (Vec::new(), 0);
        find(&plain, true, &mut |kind, span| {
            found.push(Hit { kind, span: spans.original(span) });
        });
        let mut scanned = Vec::new();
        scan(&text, |hit| scanned.push(hit));
        prop_assert_eq!(&scanned, &found);
        prop_assert!(found.is_empty() || may_hold(text.as_bytes()));
        for hit in found {
            prop_assert!(hit.span.start >= end && hit.span.end > hit.span.start);
            prop_assert!(text.get(hit.span.clone()).is_some());
            end = hit.span.end;
        }
    }
}
