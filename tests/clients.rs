//! Clients that we did not write send through the demonstration's gateway; its mock partner opens
//! what comes, and says what it got.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/demo.rs"]
mod demo;
#[path = "support/python.rs"]
mod python;

use std::fs;
use std::process::{Command, Stdio};

use demo::Demo;

/// What a client sends, what it gets, and what the partner opens: lines, where `…` stands for
/// anything.
struct Trial {
    sends: &'static str,
    gets: &'static str,
    opens: &'static str,
}

const ACCEPTED: &str = r#"{"accepted":true,"id":"…"}"#;

#[test]
fn curl_sends_every_format() {
    let mut demo = Demo::start("clients-curl");
    let folder = demo.folder.clone();
    let file = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    file("body.json", br#"{"learners":[{"iin":"580101100015","family_name":"A","iban":"KZ00"}]}"#);
    file("soap.xml", SOAP.as_bytes());
    file("marks.ndjson", MARKS.as_bytes());
    file("photo.png", PNG);
    gzip(&folder.join("body.json"));
    for trial in CURL {
        let printed = curl(&demo, trial.sends);
        assert!(fits(trial.gets, &printed), "{}\n{printed}", trial.sends);
        opened(&mut demo, trial.opens);
    }
}

#[test]
fn python_sends_as_its_libraries_do() {
    let mut demo = Demo::start("clients-python");
    let enrolled = r#"training-gb received for P09: {"learners":[{"family_name":"\u0421…"}]}"#;
    for Trial { sends, gets, opens } in [
        Trial { sends: "json", gets: r#"200 {"accepted":true,"id":"…"}"#, opens: enrolled },
        Trial { sends: "gzip", gets: r#"200 {"accepted":true,"id":"…"}"#, opens: enrolled },
        Trial {
            sends: "multipart",
            gets: r#"200 {"accepted":true,"id":"…"}"#,
            opens: "archive-kz received for P09:\n\
                    learner: {\"iin\":\"580101100015\",\"family_name\":\"…\"}\n\
                    photo: 67 bytes of image/png",
        },
        Trial {
            sends: "csv",
            gets: r#"200 {"accepted":true,"id":"…"}"#,
            opens: "archive-kz received for P09:\n\
                    ИИН;Фамилия;Должность\n\
                    580101100015;Сарсенова;\"учитель; \"\"Алгебра\"\"\"",
        },
        Trial {
            sends: "zeep",
            gets: "…-…-7…",
            opens: "archive-kz received for P09: \
                    <?xml version=\"1.0\" encoding=\"UTF-8\"?>\
                    <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                    xmlns:a=\"urn:archive-kz:1\"><s:Body><a:enrol><a:course>PED-7</a:course>\
                    <a:learner><a:iin>580101100015</a:iin><a:familyName>Сәрсенова</a:familyName>\
                    </a:learner></a:enrol></s:Body></s:Envelope>",
        },
    ] {
        let (port, folder) = (demo.port.to_string(), demo.folder.join("otkel-demo"));
        let arguments = [sends.as_ref(), port.as_ref(), folder.as_os_str()];
        let done = python::python("clients/send.py", &arguments, Stdio::null());
        let printed = String::from_utf8(done.stdout).unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(fits(gets, printed.trim()), "{sends}: {printed}{told}");
        opened(&mut demo, opens);
    }
}

/// Waits until the partner has said these lines, one after the other.
#[track_caller]
fn opened(demo: &mut Demo, lines: &str) {
    let mut lines = lines.lines();
    let first = lines.next().unwrap();
    demo.says(|line| fits(first, line));
    for wanted in lines {
        let line = demo.says(|_| true);
        assert!(fits(wanted, &line), "{line}\n  is not\n{wanted}");
    }
}

/// Whether a text is as expected: `…` stands for anything.
fn fits(expected: &str, text: &str) -> bool {
    otkel::demo::sample::fits(expected, text)
}

fn curl(demo: &Demo, arguments: &str) -> String {
    let certificates = "otkel-demo/certificates";
    let command = format!(
        "curl -s --cacert {certificates}/authority.pem --cert {certificates}/lms.pem \
         --key {certificates}/lms.key {arguments}"
    );
    let command = command.replace('@', &format!("https://localhost:{}", demo.port));
    let command = command.replace("FILE:", "@");
    let done = Command::new("sh").args(["-c", &command]).current_dir(&demo.folder).output();
    String::from_utf8(done.unwrap().stdout).unwrap()
}

fn gzip(file: &std::path::Path) {
    let done = Command::new("gzip").arg("--keep").arg(file).status().unwrap();
    assert!(done.success());
}

const CURL: &[Trial] = &[
    Trial {
        sends: "--json FILE:body.json @/training-gb/enrolments",
        gets: ACCEPTED,
        opens: r#"training-gb received for P09: {"learners":[{"family_name":"A"}]}"#,
    },
    Trial {
        sends: "-H 'content-type: application/json' -H 'content-encoding: gzip' \
                --data-binary FILE:body.json.gz --compressed @/training-gb/enrolments",
        gets: ACCEPTED,
        opens: r#"training-gb received for P09: {"learners":[{"family_name":"A"}]}"#,
    },
    Trial {
        sends: "-H 'content-type: text/xml; charset=utf-8' -H 'soapaction: \"\"' \
                --data-binary FILE:soap.xml @/archive-kz/soap/enrol",
        gets: "<s:Envelope …<accepted xmlns=\"urn:archive-kz:1\"><id>…</id></accepted>…",
        opens: "archive-kz received for P09: <s:Envelope …<a:iin>580101100015</a:iin></a:learner>…",
    },
    Trial {
        sends: "-H 'content-type: application/x-ndjson' -T marks.ndjson -X POST \
                @/archive-kz/marks",
        gets: ACCEPTED,
        opens: "archive-kz received for P09:\n\
                {\"iin\":\"580101100015\",\"score\":92.50}\n\
                {\"iin\":\"580101100015\",\"score\":7}\n\
                archive-kz received for P09: {\"iin\":\"580101100015\",\"score\":1e2}",
    },
    Trial {
        sends: "-d iin=580101100015 -d csrf=0f1e --data-urlencode 'family_name=Сәр' \
                @/archive-kz/requests",
        gets: ACCEPTED,
        opens: "archive-kz received for P09: iin=580101100015&family_name=%D0%A1%D3%99%D1%80",
    },
    Trial {
        sends: "-F 'learner={\"iin\":\"580101100015\"};type=application/json' \
                -F 'photo=FILE:photo.png' -F debug=1 @/archive-kz/documents",
        gets: ACCEPTED,
        opens: "archive-kz received for P09:\n\
                learner: {\"iin\":\"580101100015\"}\n\
                photo: 67 bytes of image/png",
    },
    Trial {
        sends: "'@/archive-kz/learners/580101100015/certificates?course=PED-7'",
        gets: r#"{"id":"…","certificates":[{"number":"KZ-7-0001"}]}"#,
        opens: "archive-kz received for P09: \
                GET /v2/learners/580101100015/certificates?course=PED-7",
    },
];

const SOAP: &str = r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
<enrol xmlns="urn:archive-kz:1"><learner><iin>580101100015</iin><iik>KZ00</iik></learner></enrol>
</e:Body></e:Envelope>"#;
const MARKS: &str = r#"{"iin":"580101100015","score":92.50,"room":4}
{"iin":"580101100015","score":7}
{"iin":"580101100015","score":1e2}
"#;
/// A grey point.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
    \0\0\0\nIDATx\x9cch\0\0\0\x82\0\x81w\xcdr\xb6\0\0\0\0IEND\xaeB`\x82";
