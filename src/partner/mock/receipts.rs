//! Receipts as a script wants them: those of another status, and those that prove nothing.

use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use super::script::Note;
use crate::signing::receipt::{Bytes, Receipt, Status};
use crate::signing::{Sign, SigningKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The receipt that a script wants in the place of one of the receiver's; `None` for none.
///
/// `sealed` is the body of the answer, where that is sealed.
pub(super) fn instead(
    receipt: &str,
    note: Option<Note>,
    sealed: Option<&[u8]>,
    identity: &dyn Sign,
) -> Option<String> {
    let mut receipt = read(receipt)?;
    receipt.reply = sealed.map(|body| {
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        Bytes::new(&Sha256::digest(body).into(), length)
    });
    match note {
        None => {}
        Some(Note::None) => return None,
        Some(Note::Garbage) => return Some("this.is.no-receipt".to_owned()),
        Some(Note::WrongSignature) => {
            let stranger = SigningKey::from_seed(&Zeroizing::new(STRANGER));
            return same_kid(&receipt.sign(&stranger).ok()?, &receipt.sign(identity).ok()?);
        }
        Some(Note::Accepted) => receipt.status = Status::Accepted,
        Some(Note::Rejected) => receipt.status = Status::Rejected,
        Some(Note::Deferred) => receipt.status = Status::Deferred,
        Some(Note::OtherId) => receipt.did = Uuid::from_u128(!receipt.did.as_u128()),
        Some(Note::OtherBytes) => receipt.env = Bytes::new(&[0; 32], receipt.env.len),
    }
    receipt.sign(identity).ok()
}

fn read(receipt: &str) -> Option<Receipt> {
    let payload = receipt.split('.').nth(1)?;
    let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The signature of one under the header and payload of the other.
fn same_kid(strange: &str, good: &str) -> Option<String> {
    let (signed, _) = good.rsplit_once('.')?;
    let (_, signature) = strange.rsplit_once('.')?;
    Some(format!("{signed}.{signature}"))
}

/// The key of nobody.
const STRANGER: [u8; 32] = [0x5a; 32];
