//! A store with every kind of entry, as the real program wrote it, and copies to tamper with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use data_encoding::BASE64;
use otkel::ledger::checkpoint::{Checkpoint, LogKey};
use rusqlite::Connection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::serve::{Server, Stage, send};

/// The store, made once.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) size: u64,
    /// The sizes that checkpoints are kept of.
    pub(crate) signed: Vec<u64>,
    pub(crate) key: String,
    /// The folder of the whole world.
    pub(crate) world: PathBuf,
    kinds: Vec<String>,
}

/// A copy of the store.
pub(crate) struct Copy {
    pub(crate) folder: PathBuf,
    pub(crate) store: PathBuf,
}

/// What `otkel verify` said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

pub(crate) fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        // On a thread of its own, since whoever asks first may be in a runtime already.
        let making = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            read(&runtime.block_on(made()))
        });
        making.join().unwrap()
    })
}

/// Four lives of one gateway: at work, with a full disk, killed while the partner was thinking,
/// and at work again.
async fn made() -> Stage {
    let stage = Stage::new("tamper").await;
    let server = stage.serve().await;
    for person in 0..6 {
        let (_, consent) = stage.consent(person);
        assert_eq!(server.desk().grant(&consent).await.unwrap().0, 201);
    }
    transfers(&stage, &server, &[(&[0], 200), (&[0, 1], 200), (&[2, 99], 200), (&[99], 403)]).await;
    assert_eq!(server.desk().withdraw(Stage::record(1)).await.unwrap().0, 200);
    transfers(&stage, &server, &[(&[1], 403), (&[0, 1], 200)]).await;
    assert_eq!(server.desk().block(2).await.unwrap().0, 201);
    transfers(&stage, &server, &[(&[2], 403)]).await;
    let (_, block) = server.desk().block(3).await.unwrap();
    let block = block["block"].as_str().unwrap().parse().unwrap();
    assert_eq!(server.desk().lift(block).await.unwrap().0, 200);
    assert!(server.stop().success());

    let server = stage.serve_with_faults().await.unwrap();
    stage.fault.plan("fail write 1 ENOSPC");
    transfers(&stage, &server, &[(&[0], 503)]).await;
    stage.fault.calm();
    server.desk().well().await;
    transfers(&stage, &server, &[(&[0], 200), (&[3, 4, 5], 200)]).await;
    assert!(server.stop().success());

    let server = stage.serve().await;
    let held = stage.partner.hold().await;
    let whole = stage.partner.seen().whole.len();
    let caller = stage.caller(&server);
    let (reply, ()) = tokio::join!(send(&caller, &[0]), async {
        stage.partner.whole(whole + 1).await;
        assert!(server.kill());
    });
    assert!(reply.is_err());
    drop(held);

    let server = stage.serve().await;
    for _ in 0..3 {
        transfers(&stage, &server, &[(&[0], 200), (&[4, 1], 200), (&[98], 403)]).await;
    }
    assert!(server.stop().success());
    stage
}

async fn transfers(stage: &Stage, server: &Server, transfers: &[(&[u64], u16)]) {
    let caller = stage.caller(server);
    for (people, status) in transfers {
        let reply = send(&caller, people).await.unwrap();
        assert_eq!(reply.status, *status, "{:?}", reply.body);
    }
}

fn read(stage: &Stage) -> Original {
    let connection = Connection::open(stage.store()).unwrap();
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(fold, [], |_| Ok(())).unwrap();
    let numbers = |sql: &str| -> Vec<u64> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, u32>(0)).unwrap();
        rows.map(|number| number.unwrap().into()).collect()
    };
    let signed = numbers("SELECT size FROM checkpoints ORDER BY size");
    let mut statement = connection.prepare("SELECT bytes FROM entries ORDER BY seq").unwrap();
    let kinds = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let kind = |bytes: Vec<u8>| {
        let entry: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        entry["type"].as_str().unwrap().to_owned()
    };
    let kinds: Vec<String> = kinds.map(|bytes| kind(bytes.unwrap())).collect();
    let size = u64::try_from(kinds.len()).unwrap();
    let (key, world) = (stage.key(), stage.world.folder.clone());
    Original { size, signed, key, world, kinds }
}

impl Original {
    /// A copy of the store, of this name.
    pub(crate) fn copy(&self, name: &str) -> Copy {
        let folder = self.world.with_file_name("copies").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let store = folder.join("otkel.db");
        fs::copy(self.world.join("store/otkel.db"), &store).unwrap();
        Copy { folder, store }
    }

    /// Positions that differ in what they are or where they stand.
    pub(crate) fn telling(&self) -> Vec<u64> {
        let inner = self.signed[self.signed.len() / 2];
        let mut telling = vec![0, inner - 1, inner, self.size - 1];
        for kind in ["block", "consent", "disclosure", "outcome", "refusal", "admin"] {
            telling.push(self.of_kind(kind)[0]);
        }
        telling.sort_unstable();
        telling.dedup();
        telling
    }

    /// The positions of the entries of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<u64> {
        (0..).zip(&self.kinds).filter(|(_, of)| *of == kind).map(|(seq, _)| seq).collect()
    }

    /// What is said of an entry that was rewritten: the signed sizes around it.
    pub(crate) fn between(&self, seq: u64) -> String {
        let after = self.signed.iter().rev().find(|size| **size <= seq).unwrap_or(&0);
        let before = self.signed.iter().find(|size| **size > seq).unwrap();
        format!("entries were rewritten between {after} and {before}: the signed root is another")
    }

    /// The consent record that was withdrawn, and the position of that event.
    pub(crate) fn consent(&self) -> (Uuid, u64) {
        (Stage::record(1), *self.of_kind("consent").last().unwrap())
    }

    /// The checkpoint of a size, signed by somebody else.
    pub(crate) fn forge(&self, size: u64) -> String {
        let connection = Connection::open(self.world.join("store/otkel.db")).unwrap();
        let sql = format!("SELECT note FROM checkpoints WHERE size = {size}");
        let note: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        let root = BASE64.decode(note.lines().nth(2).unwrap().as_bytes()).unwrap();
        let origin = note.lines().next().unwrap();
        let key = LogKey::from_seed(origin, &Zeroizing::new([1; 32])).unwrap();
        let root = root.try_into().unwrap();
        Checkpoint { origin: origin.to_owned(), size, root }.sign(&key).unwrap()
    }

    fn verify(&self, store: &Path, checkpoint: Option<&Path>) -> Said {
        let mut verify = Stage::program();
        verify.args(["verify", "--key", &self.key, "--store"]).arg(store);
        if let Some(checkpoint) = checkpoint {
            verify.arg("--checkpoint").arg(checkpoint);
        }
        Said::of(&mut verify)
    }
}

impl Copy {
    /// Changes the copy.
    pub(crate) fn sql(&self, sql: &str) {
        Connection::open(&self.store).unwrap().execute_batch(sql).unwrap();
    }

    /// Verifies the copy alone.
    pub(crate) fn verify(&self) -> Said {
        original().verify(&self.store, None)
    }

    /// Verifies the copy against the checkpoint that was published.
    pub(crate) fn verify_published(&self) -> Said {
        self.verify_with(&original().world.join("checkpoint"))
    }

    /// Verifies the copy against a checkpoint.
    pub(crate) fn verify_with(&self, checkpoint: &Path) -> Said {
        original().verify(&self.store, Some(checkpoint))
    }
}

impl Said {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Self { code: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
    }
}
