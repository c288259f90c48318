//! Telephone numbers: ITU-T E.164, and the national forms of Kazakhstan.
//!
//! The tables are of the numbering plans as libphonenumber 9.0.43 has them.

use super::check::number;

/// Whether digits are an international number with its country code; numbers that are free to call
/// belong to no person.
pub(super) fn is_international(digits: &[u8]) -> bool {
    let code = (1..=3).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let &(least, most) = LENGTHS.get(number(code) as usize)?;
        (*code.first()? != b'0' && most > 0).then_some((code, national, least..=most))
    });
    let Some((code, national, lengths)) = code else { return false };
    let is_long_enough = |length: usize| u8::try_from(length).is_ok_and(|n| lengths.contains(&n));
    // The trunk digit in `+49 (0)30 …` is not dialled from abroad.
    let has_trunk = national.first() == Some(&b'0') && is_long_enough(national.len() - 1);
    (is_long_enough(national.len()) || has_trunk)
        && match (code, national) {
            (b"7", [b'8', b'0', ..]) => false,
            (b"7", [first, ..]) => !matches!(first, b'0' | b'1' | b'2' | b'5'),
            (b"1", [a, _, _, b, ..]) => *a >= b'2' && *b >= b'2',
            _ => true,
        }
}

/// Whether 10 digits are a national number of Kazakhstan, or a mobile one of Russia.
pub(super) fn is_national(digits: &[u8]) -> bool {
    is_mobile(digits) || is_fixed(digits) || (digits.len() == 10 && digits.starts_with(b"9"))
}

/// Whether 10 digits are a mobile number of Kazakhstan.
pub(super) fn is_mobile(digits: &[u8]) -> bool {
    let code = digits.get(..3).map_or(0, number);
    digits.len() == 10
        && matches!(code, 700..=702 | 705..=708 | 747 | 760..=764 | 771 | 775..=778 | 785)
}

/// Whether 10 digits are a number of a landline in Kazakhstan.
pub(super) fn is_fixed(digits: &[u8]) -> bool {
    let (area, next) = (digits.get(..3).map_or(0, number), digits.get(3..5).map_or(0, number));
    digits.len() == 10
        && match area {
            710 => matches!(next, 20..=43 | 59 | 63),
            711 => matches!(next, 20..=47 | 49 | 59),
            712 => matches!(next, 20..=39 | 59),
            713 => matches!(next, 20..=37 | 39..=43 | 45..=49 | 59),
            714 => matches!(next, 20..=31 | 33..=49 | 51..=59 | 97),
            715 => matches!(next, 20..=29 | 31..=47 | 59),
            716 => matches!(next, 20..=49 | 51 | 59 | 61),
            717 => matches!(next, 20..=29),
            718 => matches!(next, 20..=29 | 31..=34 | 36..=45 | 59 | 70..=79),
            721 => matches!(next, 20..=39 | 44 | 46..=49 | 53 | 54 | 56 | 59),
            722 => matches!(next, 20..=30 | 36 | 37 | 39 | 46 | 51 | 52 | 56 | 57 | 59),
            723 => matches!(next, 20..=49 | 51 | 53 | 59),
            724 => matches!(next, 20..=29 | 31..=33 | 35..=39 | 59),
            725 => matches!(next, 20..=48 | 59 | 61),
            726 => matches!(next, 20..=29 | 31..=44 | 59),
            727 => matches!(next, 20..=40 | 52 | 57 | 59 | 70..=79 | 90..=99),
            728 => matches!(next, 20..=43 | 59),
            729 => matches!(next, 20..=29 | 31 | 32 | 34 | 35 | 37 | 38 | 59),
            _ => false,
        }
}

/// The least and most digits after each country code; zeros where there is no such code.
static LENGTHS: [(u8, u8); 1000] = {
    let mut table = [(0, 0); 1000];
    let mut rows = CODES.as_slice();
    while let [(least, most, codes), more @ ..] = rows {
        let mut codes = *codes;
        while let [code, others @ ..] = codes {
            #[allow(clippy::indexing_slicing, reason = "a constant: the compiler checks it")]
            {
                table[*code as usize] = (*least, *most);
            }
            codes = others;
        }
        rows = more;
    }
    table
};

/// Country codes by the least and most digits of a person's number in the country; a number has 8
/// to 15 digits with its code.
const CODES: [(u8, u8, &[u16]); 30] = [
    (5, 5, &[247, 290, 500, 682]),
    (5, 7, &[676, 677, 678, 683, 688, 690]),
    (5, 8, &[686]),
    (5, 10, &[685]),
    (5, 11, &[352]),
    (6, 6, &[298, 299, 672, 681, 687]),
    (6, 7, &[597]),
    (6, 9, &[27, 40, 252, 359, 376, 421, 508]),
    (6, 10, &[53, 63, 95, 98, 358, 880]),
    (6, 11, &[82]),
    (6, 12, &[39]),
    (6, 13, &[43, 49]),
    (7, 7, &[238, 239, 246, 248, 269, 291, 297, 501, 592, 673, 674, 679, 680, 691, 692, 960]),
    (7, 8, &[230, 241, 267, 372, 507, 599, 670, 675, 961, 975]),
    (7, 9, &[46, 48, 220, 231, 245, 254, 265, 354, 423, 595, 967]),
    (7, 10, &[243, 353]),
    (7, 11, &[86]),
    (7, 12, &[62, 381, 882]),
    (
        8,
        8,
        &[
            45, 47, 65, 216, 222, 223, 226, 227, 228, 232, 235, 236, 253, 257, 266, 268, 350, 356,
            357, 370, 371, 373, 374, 382, 386, 389, 502, 503, 504, 505, 506, 509, 591, 598, 689,
            852, 853, 965, 968, 973, 974, 993,
        ],
    ),
    (
        8,
        9,
        &[
            32, 36, 51, 66, 213, 224, 250, 258, 264, 355, 377, 385, 387, 593, 855, 962, 963, 970,
            971,
        ],
    ),
    (8, 10, &[20, 57, 60, 64, 378, 850, 856, 964, 976, 977]),
    (8, 11, &[886]),
    (8, 12, &[383, 883, 972]),
    (
        9,
        9,
        &[
            33, 34, 41, 56, 61, 93, 94, 211, 212, 218, 221, 233, 237, 240, 242, 244, 249, 251, 255,
            256, 260, 261, 262, 351, 375, 380, 420, 590, 594, 596, 966, 992, 994, 995, 996, 998,
        ],
    ),
    (9, 10, &[44, 81, 84, 92, 263, 881]),
    (9, 11, &[31]),
    (9, 12, &[870]),
    (10, 10, &[1, 7, 30, 52, 58, 90, 91, 225, 229, 234]),
    (10, 11, &[54, 55]),
    (11, 12, &[878, 888]),
];
