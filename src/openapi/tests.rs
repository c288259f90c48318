use super::fields::Leaf;
use super::{guess, toml};
use crate::document::FieldPath;

fn leaf(path: &str) -> Leaf {
    Leaf { path: FieldPath::parse(path).unwrap().segments().to_vec(), ..Leaf::default() }
}

fn guessed(path: &str) -> Option<&'static str> {
    guess::category(&leaf(path)).map(|guess| guess.category)
}

#[test]
fn names_are_guessed_in_three_languages_and_ways_of_writing() {
    let cases = [
        (
            "D01",
            "$.lastName $.LAST_NAME $.lastname $['last-name'] $.surname $.fio $.Фамилия $.тегі",
        ),
        ("D01", "$.familiya $.ТегіАты $.learner.name $.learners[*].name $.слушатели[*].имя"),
        (
            "D02",
            "$.phone $.phoneNumber $.mobile_phone $.TEL $.телефон $['ұялы телефон'] $.phones[0]",
        ),
        ("D03", "$.iban $.bankAccount $.card_number $.ibans[*] $.ИИК $.банк.id $['Номер счёта']"),
        (
            "D04",
            "$.iin $.userIIN $.IINCode $.ИИН $.жсн $.zhsn $.passport.number $.birth_date $.dob",
        ),
        ("D06", "$.address $.home_address.line1 $.addresses[*].x $.postalCode $.мекенжайы $.adres"),
        ("D07", "$.email $.e_mail $.emailAddress $.contactEmail $.emails[*] $.Почта $.poshta"),
        ("D08", "$.position $.jobTitle $.employer.id $.employment.title $.Должность $.lauazym"),
        ("D20", "$.score $.finalGrade $.results[*].code $.оценка $.баға $.certificate_number"),
    ];
    for (category, paths) in cases {
        for path in paths.split(" $").map(|path| format!("${}", path.trim_start_matches('$'))) {
            assert_eq!(guessed(&path), Some(category), "{path}");
        }
    }
}

#[test]
fn what_only_sounds_like_it_is_not_guessed() {
    let none = "$.name $.course.name $.id $.code $.ipAddress $.bin $.БСН $.contact_type $.telling \
        $.emailTemplateId $.cardinality $.scoreboard $.user_agent $[0] $[*]";
    for path in none.split_ascii_whitespace() {
        assert_eq!(guessed(path), None, "{path}");
    }
}

#[test]
fn the_longest_phrase_counts_and_the_own_name_before_others() {
    assert_eq!(guessed("$.email_address"), Some("D07"), "not an address");
    assert_eq!(guessed("$.address.email"), Some("D07"));
    assert_eq!(guessed("$.email.street"), Some("D06"));
    assert_eq!(guessed("$.employer.address.x"), Some("D06"), "the nearest around it");
}

#[test]
fn a_format_or_a_pattern_tells_where_a_name_does_not() {
    let mut leaf = leaf("$.login");
    leaf.formats.insert("email".to_owned());
    let guess = guess::category(&leaf).unwrap();
    assert_eq!((guess.category, guess.why.as_str()), ("D07", "format `email`"));
    leaf.formats = ["date".to_owned()].into();
    assert_eq!(guess::category(&leaf), None);
    leaf.twelve_digits = true;
    assert_eq!(guess::category(&leaf).unwrap().category, "D04");
    assert!(guess::is_iin(&leaf));
}

#[test]
fn a_name_of_a_route_is_made_of_any_text() {
    let cases = [
        ("enrolLearners", "enrol-learners"),
        ("PUT /v1/a.b_c", "put-v1-a-b-c"),
        ("  --x--  ", "x"),
        ("тыңдаушы", ""),
        ("a2B", "a2b"),
        ("abcdefghijklm-nop", "abcdefghijklm"),
    ];
    for (text, name) in cases {
        assert_eq!(toml::name(text, 14), name, "{text}");
    }
}

#[test]
fn texts_cannot_leave_their_line_or_hide() {
    assert_eq!(toml::string("a\"b\\c\n\u{202e}\u{7f}😀"), r#""a\"b\\c\u000A\u202E\u007F😀""#);
    assert_eq!(toml::comment(" a\r\n# b\u{2028} "), "a\\u000D\\u000A# b");
    assert_eq!(toml::comment(&"x".repeat(200)).chars().count(), 81);
}
