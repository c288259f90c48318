//! Made-up course listeners, and documents that hold so many of them that they fill a size.

use std::str::FromStr;
use std::sync::Arc;

use hyper::body::Bytes;

/// The size of a body: how many bytes it has and how many records they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    pub(crate) records: usize,
}

const SIZES: [Size; 3] = [
    Size { name: "2k", bytes: 2 << 10, records: 1 },
    Size { name: "64k", bytes: 64 << 10, records: 32 },
    Size { name: "1m", bytes: 1 << 20, records: 500 },
];

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        SIZES.into_iter().find(|size| size.name == name).ok_or("a size is 2k, 64k or 1m")
    }
}

/// The people who have consented, and whom documents speak of.
pub(crate) struct People {
    iins: Vec<String>,
}

impl People {
    /// So many people with distinct numbers, at most two million.
    pub(crate) fn new(count: usize) -> Self {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let mut iins: Vec<String> = Vec::with_capacity(count);
        while iins.len() < count {
            iins.extend(iin(iins.len(), &mut chance));
        }
        Self { iins }
    }

    /// Their individual identification numbers.
    pub(crate) fn iins(&self) -> &[String] {
        &self.iins
    }

    /// Documents of this size, about these people.
    pub(crate) fn documents(self: &Arc<Self>, size: Size) -> Documents {
        let mut chance = Chance(size.bytes as u64);
        let count = (4000 / size.records).clamp(8, 256);
        let templates = (0..count).map(|_| Template::new(size, &mut chance)).collect();
        Documents { templates, people: Arc::clone(self) }
    }
}

/// Documents of one size, different in their values and people.
pub(crate) struct Documents {
    templates: Vec<Template>,
    people: Arc<People>,
}

impl Documents {
    /// The document of a turn. Everyone has been spoken of before somebody is for a second time.
    pub(crate) fn of(&self, turn: usize) -> Bytes {
        let template = &self.templates[turn % self.templates.len()];
        let mut text = template.text.clone();
        let iins = self.people.iins();
        for (record, at) in template.iins.iter().enumerate() {
            let iin = &iins[(turn * template.iins.len() + record) * STRIDE % iins.len()];
            text[*at..][..iin.len()].copy_from_slice(iin.as_bytes());
        }
        Bytes::from(text)
    }
}

/// A document, and where in it the numbers of its people stand.
struct Template {
    text: Vec<u8>,
    iins: Vec<usize>,
}

impl Template {
    fn new(size: Size, chance: &mut Chance) -> Self {
        let mut text = String::with_capacity(size.bytes + 1024);
        let mut iins = Vec::with_capacity(size.records);
        text.push_str(HEAD);
        for record in 1..=size.records {
            if record > 1 {
                text.push(',');
            }
            // A record ends where its share of the size does, so the last one fills the document.
            let end = (size.bytes - TAIL.len()) * record / size.records;
            iins.push(push_record(&mut text, end, chance));
        }
        text.push_str(TAIL);
        Self { text: text.into_bytes(), iins }
    }
}

/// Writes one record that ends, padded by its notes, at `end` bytes of the text; returns where its
/// number stands.
fn push_record(text: &mut String, end: usize, chance: &mut Chance) -> usize {
    let mut number_at = 0;
    for line in include_str!("record.json").lines() {
        for (index, part) in line.split('$').enumerate() {
            match part {
                literal if index % 2 == 0 => text.push_str(literal),
                "iin" => {
                    number_at = text.len();
                    text.push_str("000000000000");
                }
                "family" => text.push_str(chance.pick(&FAMILIES)),
                "given" => text.push_str(chance.pick(&GIVEN)),
                "patronymic" => text.push_str(chance.pick(&PATRONYMICS)),
                "position" => text.push_str(chance.pick(&POSITIONS)),
                "digit" => text.push_str(&chance.below(10).to_string()),
                "digits" => text.push_str(&(1_000_000 + chance.below(9_000_000)).to_string()),
                "mark" => text.push_str(&(10 + chance.below(90)).to_string()),
                unknown => panic!("record.json: ${unknown}$"),
            }
        }
    }
    let longest = NOTES.iter().map(|words| words.len()).max().unwrap();
    let close = "\"}";
    while text.len() + longest + close.len() <= end {
        text.push_str(chance.pick(&NOTES));
    }
    while text.len() + close.len() < end {
        text.push('.');
    }
    text.push_str(close);
    number_at
}

/// A number of the 19th century, so nobody's, with a right check digit; `None` where the rule of
/// the check digit says that the number is never issued.
fn iin(serial: usize, chance: &mut Chance) -> Option<String> {
    // Ten thousand to a year and century, so that no two are the same.
    let (year, century) = (serial / 10_000 % 100, 1 + serial / 1_000_000);
    let (month, day) = (1 + chance.below(12), 1 + chance.below(28));
    let eleven = format!("{year:02}{month:02}{day:02}{century}{:04}", serial % 10_000);
    let digits: Vec<u32> = eleven.bytes().map(|digit| u32::from(digit - b'0')).collect();
    let sum = |first: usize| {
        let weight = |index: usize| ((index + first - 1) % 11 + 1) as u32;
        digits.iter().enumerate().map(|(index, digit)| digit * weight(index)).sum::<u32>() % 11
    };
    let check = [sum(1), sum(3)].into_iter().find(|check| *check < 10)?;
    Some(format!("{eleven}{check}"))
}

/// The same numbers in every run: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Prime to any number of people that is not a multiple of it, and far from the order of import.
const STRIDE: usize = 7919;
const HEAD: &str = r#"{"course":{"code":"PED-72","title":"Педагогикалық шеберлік"},"learners":["#;
const TAIL: &str = "]}";
const FAMILIES: [&str; 6] = ["Ахметова", "Сейітқали", "Нұрланова", "Оспанов", "Kim", "Petrova"];
const GIVEN: [&str; 6] = ["Айгүл", "Ерлан", "Дана", "Тимур", "Алия", "Olga"];
const PATRONYMICS: [&str; 4] = ["Маратқызы", "Серікұлы", "Болатовна", "Ивановна"];
const POSITIONS: [&str; 4] = ["мұғалім", "директор орынбасары", "methodologist", "тәрбиеші"];
const NOTES: [&str; 5] = ["сабаққа ", "қатысты, ", "the group ", r#"topic \"7\" "#, "үлгерді; "];
