//! Transfers of every format to the archive, and treated values to the bureau.

use super::{AIGERIM, DANIYAR, Expect, MADINA, NURLAN, Sample};

pub(super) fn transfers() -> Vec<Sample> {
    [soap(), tables_and_lines(), forms(), questions(), treated()].into_iter().flatten().collect()
}

fn soap() -> Vec<Sample> {
    let learner = |iin, name| {
        format!("<a:learner><a:iin>{iin}</a:iin><a:familyName>{name}</a:familyName></a:learner>")
    };
    let (first, second) = (learner(AIGERIM, "Сәрсенова"), learner(MADINA, "Оспанова"));
    let certificate = |before: &str, number: &str| {
        format!(
            "{before}<s:Envelope xmlns:s=\"{SOAP12}\"><s:Body>\
             <certificate xmlns=\"urn:archive-kz:1\" iin=\"{AIGERIM}\">\
             <number>{number}</number></certificate>\
             </s:Body></s:Envelope>"
        )
    };
    vec![
        Sample::new(
            "SOAP 1.1: of two listeners, one stays",
            ("POST", "/archive-kz/soap/enrol"),
            format!(
                "<?xml version=\"1.0\"?>\n<s:Envelope xmlns:s=\"{SOAP11}\" \
                 xmlns:a=\"urn:archive-kz:1\">\n<s:Body><a:enrol><!-- test -->\
                 {first}{second}</a:enrol></s:Body>\n</s:Envelope>"
            ),
            Expect::Receives(
                "archive-kz",
                "…<a:enrol><a:learner><a:iin>580101100015</a:iin>\
                 <a:familyName>Сәрсенова</a:familyName></a:learner></a:enrol>…",
            ),
        )
        .of("text/xml; charset=utf-8"),
        Sample::new(
            "SOAP 1.2: an attribute says whose it is",
            CERTIFICATE,
            certificate("", "KZ-7-0001"),
            Expect::Receives("archive-kz", "…iin=\"580101100015\"><a:number>KZ-7-0001</a:number>…"),
        )
        .of("application/soap+xml; charset=utf-8"),
        Sample::new(
            "an entity that reads a file",
            CERTIFICATE,
            certificate("<!DOCTYPE a [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>", "&f;"),
            Expect::Refused("DOCUMENT_UNPARSABLE"),
        )
        .of("application/soap+xml; charset=utf-8"),
    ]
}

fn tables_and_lines() -> Vec<Sample> {
    let table = format!(
        "ИИН;Фамилия;ИИК;Должность\r\n{AIGERIM};Сарсенова;KZ86125KZT5004100100;учитель\r\n\
         {NURLAN};Тестов;;\r\n{DANIYAR};Ахметов;;=1+1\r\n"
    );
    let (cp1251, ..) = encoding_rs::WINDOWS_1251.encode(&table);
    let line = |iin: &str, score: &str| format!(r#"{{"iin":"{iin}","score":{score},"room":4}}"#);
    let marks =
        [line(AIGERIM, "92.50"), line(AIGERIM, "88"), line(NURLAN, "7"), line(AIGERIM, "9")];
    vec![
        Sample::new(
            "CSV in windows-1251: rows and columns are cut out",
            ("POST", "/archive-kz/listeners"),
            cp1251.into_owned(),
            Expect::Receives(
                "archive-kz",
                "ИИН;Фамилия;Должность\r\n580101100015;Сарсенова;учитель\r\n911231200429;Ахметов;",
            ),
        )
        .of("text/csv; charset=windows-1251"),
        Sample::new(
            "NDJSON in parts: each leaves before the next is read",
            ("POST", "/archive-kz/marks"),
            marks.join("\n"),
            Expect::Receives(
                "archive-kz",
                "{\"iin\":\"580101100015\",\"score\":92.50}\n\
                 {\"iin\":\"580101100015\",\"score\":88}\n\
                 {\"iin\":\"580101100015\",\"score\":9}",
            ),
        )
        .of("application/x-ndjson"),
    ]
}

fn forms() -> Vec<Sample> {
    let text = |name: &str, media: &str, content: &str| {
        format!(
            "--b7\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\
             Content-Type: {media}\r\n\r\n{content}\r\n"
        )
    };
    let learner = format!(r#"{{"iin":"{AIGERIM}","family_name":"Сәрсенова","iban":"KZ00"}}"#);
    let file = "--b7\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"me.png\"\r\n\
                Content-Type: image/png\r\n\r\n";
    let form = |photo: &[u8]| {
        let before = text("learner", "application/json", &learner) + file;
        [before.as_bytes(), photo, b"\r\n--b7--\r\n"].concat()
    };
    vec![
        Sample::new(
            "a form, without its token",
            ("POST", "/archive-kz/requests"),
            format!("iin={AIGERIM}&family_name=S%C3%A4rsen&module=1&module=2&csrf=0f1e"),
            Expect::Receives(
                "archive-kz",
                "iin=580101100015&family_name=S%C3%A4rsen&module=1&module=2",
            ),
        )
        .of("application/x-www-form-urlencoded"),
        Sample::new(
            "a form with JSON and a photograph",
            DOCUMENTS,
            form(PNG),
            Expect::Receives(
                "archive-kz",
                "learner: {\"iin\":\"580101100015\",\"family_name\":\"Сәрсенова\"}\n\
                 photo: … bytes of image/png",
            ),
        )
        .of("multipart/form-data; boundary=b7"),
        Sample::new(
            "a photograph that is a program",
            DOCUMENTS,
            form(b"MZ\x90\0\x03\0\0\0"),
            Expect::Refused("CONTENT_MISMATCH"),
        )
        .of("multipart/form-data; boundary=b7"),
    ]
}

fn questions() -> Vec<Sample> {
    vec![
        Sample::new(
            "a question; of the answer a clerk's name stays",
            ("GET", "/archive-kz/learners/580101100015/certificates?course=PED-7"),
            "",
            Expect::Receives(
                "archive-kz",
                "GET /v2/learners/580101100015/certificates?course=PED-7",
            ),
        )
        .of("")
        .answered(r#"{"id":"…","certificates":[{"number":"KZ-7-0001"}]}"#),
        Sample::new(
            "a question about somebody who was not asked",
            ("GET", "/archive-kz/learners/580101000019/certificates"),
            "",
            Expect::Refused("NO_CONSENT"),
        )
        .of(""),
    ]
}

fn treated() -> Vec<Sample> {
    vec![Sample::new(
        "masked, shortened, coarser, under another name, sealed once more",
        ("POST", "/verify-kz/checks"),
        format!(
            r#"{{"iin":"{AIGERIM}","given_name":"Айгерім","born":"1958-01-01",{}}}"#,
            concat!(
                r#""phone":"+77010001122","address":"Үлгі көшесі, 3, Алматы","#,
                r#""account":"KZ86125KZT5004100100","remark":"ИИН 911231200429""#
            )
        ),
        Expect::Receives(
            "verify-kz",
            concat!(
                r#"{"iin":"p1.…","given_name":"А","born":"1958","phone":"********1122","#,
                r#""address":"Алматы","account":"…","remark":"ИИН ************"}"#
            ),
        ),
    )]
}

const CERTIFICATE: (&str, &str) = ("POST", "/archive-kz/soap12/certificates");
const DOCUMENTS: (&str, &str) = ("POST", "/archive-kz/documents");
const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// A grey point.
const PNG: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\
    \x00\x00:~\x9bU\x00\x00\x00\x0aIDATx\x9cch\x00\x00\x00\x82\x00\x81w\xcdr\xb6\x00\x00\x00\
    \x00IEND\xaeB`\x82";
