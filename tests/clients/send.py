"""Sends to the demonstration's gateway with Python's usual libraries.

    send.py json|gzip|multipart|csv|zeep PORT FOLDER

FOLDER is the demonstration's. What the caller gets is printed.
"""

import csv
import gzip
import io
import json
import os
import sys

import requests

AIGERIM = "580101100015"
NURLAN = "580101000019"
# A grey point.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)


def session(folder):
    certificates = os.path.join(folder, "certificates")
    session = requests.Session()
    # The environment may name other authorities and proxies.
    session.trust_env = False
    session.verify = os.path.join(certificates, "authority.pem")
    session.cert = tuple(os.path.join(certificates, f"lms.{end}") for end in ("pem", "key"))
    return session


def learners():
    return {"learners": [{"iin": AIGERIM, "family_name": "Сәрсенова", "iban": "KZ00"}]}


def send_json(session, base):
    return session.post(f"{base}/training-gb/enrolments", json=learners())


def send_gzip(session, base):
    body = gzip.compress(json.dumps(learners()).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return session.post(f"{base}/training-gb/enrolments", data=body, headers=headers)


def send_multipart(session, base):
    learner = json.dumps({"iin": AIGERIM, "family_name": "Сәрсенова", "iban": "KZ00"})
    files = {
        "learner": (None, learner, "application/json"),
        "photo": ("me.png", PNG, "image/png"),
        "debug": (None, "true"),
    }
    return session.post(f"{base}/archive-kz/documents", files=files)


def send_csv(session, base):
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerow(["ИИН", "Фамилия", "ИИК", "Должность"])
    writer.writerow([AIGERIM, "Сарсенова", "KZ86125KZT5004100100", 'учитель; "Алгебра"'])
    writer.writerow([NURLAN, "Тестов", "", ""])
    headers = {"content-type": "text/csv; charset=windows-1251"}
    body = table.getvalue().encode("windows-1251")
    return session.post(f"{base}/archive-kz/listeners", data=body, headers=headers)


def send_zeep(session, base):
    import zeep

    here = os.path.dirname(os.path.abspath(__file__))
    transport = zeep.Transport(session=session)
    client = zeep.Client(os.path.join(here, "archive.wsdl"), transport=transport)
    binding = "{urn:archive-kz:1}LearnersSoap"
    service = client.create_service(binding, f"{base}/archive-kz/soap/enrol")
    learners = [
        {"iin": AIGERIM, "familyName": "Сәрсенова", "phone": "+77010000000"},
        {"iin": NURLAN, "familyName": "Тестов"},
    ]
    return service.enrol(course="PED-7", learner=learners)


def main():
    what, port, folder = sys.argv[1:]
    send = {
        "json": send_json,
        "gzip": send_gzip,
        "multipart": send_multipart,
        "csv": send_csv,
        "zeep": send_zeep,
    }[what]
    answer = send(session(folder), f"https://localhost:{port}")
    if isinstance(answer, requests.Response):
        answer = f"{answer.status_code} {answer.text}"
    print(answer)


main()
