use super::*;
use zeroize::Zeroizing;

fn secret(seed: u8) -> StoreSecret {
    StoreSecret::from_seed(&Zeroizing::new([seed; 32]))
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("otkel-sqlite-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_store_opens_only_with_its_secret_and_its_schema() {
    let folder = folder("schema");
    let path = folder.join("store.db");
    drop(open(&path, secret(1), 1).unwrap());
    assert!(open(&path, secret(1), 1).is_ok());
    assert!(matches!(open(&path, secret(2), 1), Err(StoreError::OtherSecret)));
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let sql = |sql| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    sql("UPDATE migrations SET sha256 = 'x'");
    assert!(matches!(open(&path, secret(1), 1), Err(StoreError::Schema(_))));
    sql("INSERT INTO migrations (sha256) VALUES ('y')");
    assert!(matches!(open(&path, secret(1), 1), Err(StoreError::Schema(_))));
    std::fs::write(&path, "not a database, but long enough to be taken for one").unwrap();
    assert!(open(&path, secret(1), 1).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_date() {
    let folder = folder("older");
    let path = folder.join("store.db");
    let older = Connection::open(&path).unwrap();
    let first = include_str!("../schema.sql");
    older
        .execute_batch(
            "CREATE TABLE migrations (number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT;
             CREATE TABLE secrets (mark BLOB NOT NULL) STRICT;",
        )
        .unwrap();
    older.execute_batch(first).unwrap();
    let sql = "INSERT INTO migrations (sha256) VALUES (?1)";
    let digest = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(first));
    older.execute(sql, [digest]).unwrap();
    older.execute("INSERT INTO secrets VALUES (?1)", [secret(1).mark()]).unwrap();
    let (subject, id) = (secret(1).reference("iin", "a"), Uuid::from_u128(7));
    let sql = "INSERT INTO consents (subject, seq, record, body) VALUES (?1, 4, ?2, x'00')";
    older.execute(sql, params![subject.0, id.as_bytes()]).unwrap();
    older.execute("UPDATE head SET consents = 5", []).unwrap();
    drop(older);
    let Err(refused) = snapshot(&path) else { panic!("it was read") };
    assert!(refused.to_string().contains("an older program made it"), "{refused}");

    let (mut store, reader) = open(&path, secret(1), 1).unwrap();
    assert_eq!(store.head().unwrap().records, 5);
    let kept = reader.record(&id).unwrap().unwrap();
    assert_eq!((kept.kind, kept.subject, kept.seq), (RecordKind::Consent, subject, 4));
    assert!(snapshot(&path).is_ok());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn durability_settings_hold_and_a_failed_read_is_an_error() {
    let folder = folder("settings");
    let path = folder.join("store.db");
    let (_, reader) = open(&path, secret(1), 1).unwrap();
    let connection = connect(&path).unwrap();
    let kept =
        |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((kept("synchronous"), kept("fullfsync"), kept("checkpoint_fullfsync")), (2, 1, 1));
    let subject = reader.reference("iin", "a");
    assert_eq!(reader.facts(&[subject]).unwrap(), (0, vec![None]));
    connection.execute_batch("INSERT INTO subjects VALUES (zeroblob(16), x'00')").unwrap();
    assert!(reader.facts(&[SubjectRef([0; 16])]).is_err());
    connection.execute_batch("DROP TABLE subjects").unwrap();
    assert!(reader.facts(&[reader.reference("iin", "b")]).is_err());
    // WAL cannot be had in memory: a place that does not keep the setting is refused.
    let refused = connect(Path::new(":memory:")).unwrap_err();
    assert!(matches!(refused, StoreError::Setting { name: "journal_mode", .. }));
    std::fs::remove_dir_all(&folder).unwrap();
}
