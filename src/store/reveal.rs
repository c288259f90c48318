//! Saying which value a pseudonym stands for, after it is on record that it is said.

use zeroize::Zeroizing;

use super::{Append, Position, Recorder, Unrecorded};
use crate::ledger::entry::{Admin, Entry};
use crate::redaction::treat::pseudonym::{BadPseudonym, PseudonymSecret};
use crate::vocabulary::Name;

/// Who asks which value a pseudonym stands for, and why.
#[derive(Clone, Debug)]
pub struct Reveal {
    /// The partner that got the pseudonym.
    pub partner: Name,
    /// Its scope.
    pub scope: Name,
    /// The document that the reveal rests on, by its number or place.
    pub document: String,
    /// Who asks.
    pub by: String,
}

/// A value that was revealed, and the entry that says so.
pub struct Revealed {
    /// The value.
    pub value: Zeroizing<String>,
    /// Where the entry is, on disk.
    pub position: Position,
}

impl Recorder {
    /// The value that a pseudonym stands for, once its reveal is on disk.
    ///
    /// The entry is an admin entry `pseudonym-revealed` with the partner, the scope as its object,
    /// and the document. It holds neither the value nor the pseudonym, which would point to the
    /// person for as long as the secret is kept, even when the person was erased.
    ///
    /// Blocks the thread.
    ///
    /// # Errors
    /// A pseudonym that does not open, a document that is not named, or an entry that cannot be
    /// recorded: then nothing is revealed.
    pub fn reveal(
        &self,
        secret: &PseudonymSecret,
        asked: Reveal,
        pseudonym: &str,
    ) -> Result<Revealed, Unrevealed> {
        let Reveal { partner, scope, document, by } = asked;
        if document.trim().is_empty() || document.len() > DOCUMENT_BYTES_MAX {
            return Err(Unrevealed::Document);
        }
        let value = secret.of(&partner, &scope).reveal(pseudonym.trim())?;
        // A shorter value is in many a number by chance.
        let tells = value.chars().count() >= TELLING_CHARS;
        let holds = |text: &str| {
            text.contains(pseudonym.trim()) || (tells && text.contains(value.as_str()))
        };
        if holds(&document) || holds(&by) {
            return Err(Unrevealed::Personal);
        }
        let entry = Entry::Admin(Admin {
            document: Some(document),
            object: Some(scope.to_string()),
            partner: Some(partner),
            ..Admin::plain("pseudonym-revealed", by)
        });
        let recorded = self.append_blocking(vec![Append::plain(entry)]).pop();
        let position = recorded.unwrap_or(Err(Unrecorded::Stopped))?;
        Ok(Revealed { value, position })
    }
}

/// Why nothing was revealed. No message holds a value.
#[derive(Debug, thiserror::Error)]
pub enum Unrevealed {
    /// The pseudonym does not open.
    #[error(transparent)]
    Bad(#[from] BadPseudonym),
    /// The document is not named.
    #[error("name the document that the reveal rests on, in 1 to 256 bytes")]
    Document,
    /// The document's reference, or who asks, holds the value or the pseudonym.
    #[error("the document or who asks holds the value or the pseudonym, which is never kept")]
    Personal,
    /// It could not be recorded.
    #[error("the reveal was not recorded, so nothing is revealed: {0}")]
    Unrecorded(#[from] Unrecorded),
}

const DOCUMENT_BYTES_MAX: usize = 256;
const TELLING_CHARS: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::store::Reader;
    use crate::store::recorder::tests::Folder;

    const IIN: &str = "580101100015";

    fn asked(document: &str) -> Reveal {
        let [partner, scope] = ["training-gb", "iin"].map(|name| Name::parse(name).unwrap());
        Reveal { partner, scope, document: document.into(), by: "officer".into() }
    }

    fn pseudonym() -> String {
        let Reveal { partner, scope, .. } = asked("");
        PseudonymSecret::rehearsal().of(&partner, &scope).make(IIN).unwrap()
    }

    fn entries(reader: &Reader) -> Vec<String> {
        reader.entries(0).map(|entry| String::from_utf8(entry.unwrap().bytes).unwrap()).collect()
    }

    #[test]
    fn the_entry_is_there_before_the_value_and_says_neither_value_nor_pseudonym() {
        let folder = Folder::new();
        let (recorder, reader, _) = folder.start_failing();
        let secret = PseudonymSecret::rehearsal();
        let revealed = recorder.reveal(&secret, asked("case 12/2026"), &pseudonym()).unwrap();
        assert_eq!(revealed.value.as_str(), IIN);
        let told = entries(&reader);
        let entry = &told[usize::try_from(revealed.position.seq).unwrap()];
        for said in ["pseudonym-revealed", "training-gb", "iin", "case 12/2026", "officer"] {
            assert!(entry.contains(said), "{entry}");
        }
        assert!(!entry.contains(IIN) && !entry.contains(&pseudonym()), "{entry}");
    }

    #[test]
    fn without_a_record_there_is_no_value() {
        let folder = Folder::new();
        let (recorder, _, broken) = folder.start_failing();
        let secret = PseudonymSecret::rehearsal();
        broken.store(1, Ordering::SeqCst);
        let told = recorder.reveal(&secret, asked("case 12/2026"), &pseudonym());
        assert!(matches!(told, Err(Unrevealed::Unrecorded(_))));
        recorder.close();
        let told = recorder.reveal(&secret, asked("case 12/2026"), &pseudonym());
        assert!(matches!(told, Err(Unrevealed::Unrecorded(Unrecorded::Stopped))));
    }

    #[test]
    fn what_is_not_to_be_revealed_leaves_no_entry() {
        let folder = Folder::new();
        let (recorder, reader, _) = folder.start_failing();
        let secret = PseudonymSecret::rehearsal();
        let pseudonym = pseudonym();
        for (document, pseudonym) in [
            ("", pseudonym.as_str()),
            (" ", &pseudonym),
            (&"x".repeat(257), &pseudonym),
            ("about 580101100015", &pseudonym),
            (&pseudonym, &pseudonym),
            ("case 12/2026", "p1.AAAA"),
            ("case 12/2026", IIN),
        ] {
            assert!(recorder.reveal(&secret, asked(document), pseudonym).is_err(), "{document}");
        }
        let by_him = Reveal { by: IIN.into(), ..asked("case 12/2026") };
        assert!(matches!(recorder.reveal(&secret, by_him, &pseudonym), Err(Unrevealed::Personal)));
        assert_eq!(entries(&reader), Vec::<String>::new());
    }
}
