//! Keys in PKCS#11 tokens (OASIS PKCS#11 v3.1): the private key signs and never leaves.
//!
//! Sessions are opened when they are needed, at most [`SESSIONS_MAX`] at a time, and kept. After
//! any failure all of them are given up, and the next one finds token and key anew: so a token
//! that was unplugged, or a network that was down, is used again once it is back. A PIN that the
//! token refused is not tried again before its file is written anew, because a token locks itself
//! after a few wrong ones.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use secrecy::ExposeSecret as _;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::Unopened;
use crate::config::{TokenKey, TokenObject};
use crate::signing::{SIGNATURE, Sign, Unsigned, VerifyKey};
use crate::tls::{self, FileFault};

/// A private key in a token.
pub(super) struct Token {
    place: TokenKey,
    module: Pkcs11,
    public: VerifyKey,
    sessions: Mutex<Sessions>,
    opening: Mutex<()>,
    returned: Condvar,
}

#[derive(Default)]
struct Sessions {
    idle: Vec<Live>,
    open: usize,
    // When the file was written whose PIN the token refused.
    refused: Option<SystemTime>,
}

/// An open session, with the key as it is known in it.
struct Live {
    session: Session,
    key: ObjectHandle,
}

impl Token {
    /// Finds the token and its key, and has it sign on trial.
    pub(super) fn open(place: &TokenKey) -> Result<Self, Unopened> {
        let module = module(&place.module)?;
        let (live, public) = begin(&module, place)?;
        let public = VerifyKey::from_bytes(&public)?;
        if !public.verify(TRIAL, &live.sign(TRIAL)?) {
            let (token, key) = (place.token.clone(), place.key.to_string());
            return Err(BadToken::NotEd25519 { token, key }.into());
        }
        let sessions = Sessions { idle: vec![live], open: 1, refused: None };
        Ok(Self {
            place: place.clone(),
            module,
            public,
            sessions: Mutex::new(sessions),
            opening: Mutex::new(()),
            returned: Condvar::new(),
        })
    }

    /// Signs, in a second attempt with a new session. Blocks for as long as the token takes.
    fn try_sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], BadToken> {
        let live = self.take()?;
        if let Ok(signature) = live.sign(message) {
            self.put(live);
            return Ok(signature);
        }
        self.give_up(live);
        let live = self.take()?;
        match live.sign(message) {
            Ok(signature) => {
                self.put(live);
                Ok(signature)
            }
            Err(why) => {
                self.give_up(live);
                Err(why)
            }
        }
    }

    fn take(&self) -> Result<Live, BadToken> {
        let mut sessions = self.sessions();
        loop {
            if let Some(live) = sessions.idle.pop() {
                return Ok(live);
            }
            if sessions.open < SESSIONS_MAX {
                break;
            }
            let waited = self.returned.wait_timeout(sessions, PATIENCE);
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return Err(BadToken::Busy { token: self.place.token.clone() });
            }
            sessions = guard;
        }
        sessions.open += 1;
        drop(sessions);
        // One after the other: of many who log in at once with a wrong PIN all would count.
        let turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.pin_written();
        let refused = self.sessions().refused;
        let opened = if refused.is_some() && refused == written {
            Err(BadToken::pin(&self.place))
        } else {
            self.again()
        };
        if let Err(why) = &opened {
            let mut sessions = self.sessions();
            sessions.open = sessions.open.saturating_sub(1);
            if let BadToken::Pin { .. } = why {
                sessions.refused = written;
            }
            drop(sessions);
            self.returned.notify_one();
        }
        drop(turn);
        opened
    }

    fn again(&self) -> Result<Live, BadToken> {
        let (live, public) = begin(&self.module, &self.place)?;
        if public == *self.public.as_bytes() {
            return Ok(live);
        }
        Err(BadToken::Another { token: self.place.token.clone() })
    }

    fn pin_written(&self) -> Option<SystemTime> {
        std::fs::metadata(&self.place.pin_file).and_then(|facts| facts.modified()).ok()
    }

    fn put(&self, live: Live) {
        self.sessions().idle.push(live);
        self.returned.notify_one();
    }

    /// Gives up a session that failed, and with it all that nobody uses now.
    fn give_up(&self, live: Live) {
        let mut sessions = self.sessions();
        let idle = std::mem::take(&mut sessions.idle);
        sessions.open = sessions.open.saturating_sub(idle.len().saturating_add(1));
        drop(sessions);
        self.returned.notify_all();
        // Closing asks the token, which may take its time.
        drop((live, idle));
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sign for Token {
    fn key(&self) -> &VerifyKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], Unsigned> {
        let sign = || self.try_sign(message);
        // Elsewhere than in a worker of a runtime nobody else waits for this thread.
        let worker = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        let signed = if worker { tokio::task::block_in_place(sign) } else { sign() };
        signed.map_err(|why| {
            tracing::error!(kid = self.public.kid(), "a signature was not made: {why}");
            Unsigned
        })
    }
}

impl Live {
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], BadToken> {
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        let signed = self.session.sign(&pure, self.key, message);
        let signature = signed.map_err(|why| BadToken::failed("sign", &why))?;
        let failed = BadToken::Failed { what: "sign", code: "NotASignature".to_owned() };
        signature.try_into().map_err(|_| failed)
    }
}

/// The driver. It is loaded once and never unloaded: keys may share it, and drivers may have
/// threads of their own.
fn module(path: &Path) -> Result<Pkcs11, BadToken> {
    static LOADED: Mutex<Vec<(PathBuf, Pkcs11)>> = Mutex::new(Vec::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, module)) = loaded.iter().find(|(other, _)| other == path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(|why| BadToken::module(path, &why))?;
    loaded.push((path.to_owned(), module.clone()));
    Ok(module)
}

/// Starts the driver unless it runs, opens a session, logs in and finds the key's two halves.
fn begin(module: &Pkcs11, place: &TokenKey) -> Result<(Live, [u8; 32]), BadToken> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(why) => return Err(BadToken::module(&place.module, &why)),
    }
    let slot = slot(module, place)?;
    let mechanisms = module.get_mechanism_list(slot);
    let mechanisms = mechanisms.map_err(|why| BadToken::failed("name its mechanisms", &why))?;
    if !mechanisms.contains(&MechanismType::EDDSA) {
        return Err(BadToken::Mechanism { token: place.token.clone() });
    }
    let session = module.open_ro_session(slot);
    let session = session.map_err(|why| BadToken::failed("open a session", &why))?;
    login(&session, place)?;
    let key = object(&session, place, ObjectClass::PRIVATE_KEY)?;
    let public = public(&session, place, key)?;
    Ok((Live { session, key }, public))
}

fn slot(module: &Pkcs11, place: &TokenKey) -> Result<Slot, BadToken> {
    let slots = module.get_slots_with_token();
    let slots = slots.map_err(|why| BadToken::failed("be looked for", &why))?;
    let labelled = |slot: &Slot| {
        module.get_token_info(*slot).is_ok_and(|token| token.label().trim_end() == place.token)
    };
    match slots.into_iter().filter(labelled).collect::<Vec<_>>().as_slice() {
        [slot] => Ok(*slot),
        [] => Err(BadToken::NoToken { token: place.token.clone() }),
        _ => Err(BadToken::Tokens { token: place.token.clone() }),
    }
}

/// Logs in. The PIN is read for this and kept nowhere.
fn login(session: &Session, place: &TokenKey) -> Result<(), BadToken> {
    let file = tls::read_secret(&place.pin_file)?;
    let pin = file.expose_secret();
    let pin = pin.strip_suffix(b"\n").unwrap_or(pin);
    let pin = RawAuthPin::new(Box::new(pin.to_vec()));
    match session.login_with_raw(UserType::User, &pin) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
            | RvError::UserPinNotInitialized,
            _,
        )) => Err(BadToken::pin(place)),
        Err(why) => Err(BadToken::failed("log in", &why)),
    }
}

/// The one key of a class that has the label or the identifier.
fn object(
    session: &Session,
    place: &TokenKey,
    class: ObjectClass,
) -> Result<ObjectHandle, BadToken> {
    let name = match &place.key {
        TokenObject::Label(label) => Attribute::Label(label.clone().into_bytes()),
        TokenObject::Id(id) => Attribute::Id(id.clone()),
    };
    let template = [Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS), name];
    let found = session.find_objects(&template);
    match found.map_err(|why| BadToken::failed("look for the key", &why))?.as_slice() {
        [key] => Ok(*key),
        found => {
            let (token, key) = (place.token.clone(), place.key.to_string());
            Err(BadToken::Key { token, key, found: found.len() })
        }
    }
}

/// The public half: the token's public key beside the private one, or what that says of itself.
fn public(
    session: &Session,
    place: &TokenKey,
    private: ObjectHandle,
) -> Result<[u8; 32], BadToken> {
    let key = object(session, place, ObjectClass::PUBLIC_KEY).unwrap_or(private);
    let said = session.get_attributes(key, &[AttributeType::EcPoint]);
    let said = said.map_err(|why| BadToken::failed("tell the public key", &why))?;
    let point = said.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => Some(point.as_slice()),
        _ => None,
    });
    // PKCS#11 2.40 wraps the 32 bytes in a DER OCTET STRING, 3.0 and later may not.
    let bare = point.map(|point| point.strip_prefix(&[0x04, 0x20]).unwrap_or(point));
    let (token, key) = (place.token.clone(), place.key.to_string());
    bare.and_then(|bare| bare.try_into().ok()).ok_or(BadToken::NotEd25519 { token, key })
}

/// Why a token is of no use. None of them has anything of a PIN.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// The module is missing, or is none.
    #[error("the PKCS#11 module `{}` cannot be used ({code}): check its path", path.display())]
    Module {
        /// The shared library.
        path: PathBuf,
        /// What it or the system said.
        code: String,
    },
    /// No token has the label.
    #[error("there is no token `{token}`: check that it is plugged in, and its label")]
    NoToken {
        /// The label.
        token: String,
    },
    /// Several tokens have the label.
    #[error("several tokens are called `{token}`: give each a label of its own")]
    Tokens {
        /// The label.
        token: String,
    },
    /// The file of the PIN cannot be used.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The token refuses the PIN, or is locked.
    #[error(
        "the token `{token}` refuses the PIN in `{}`, or is locked: write the file anew; until \
         then the PIN is not tried again", file.display()
    )]
    Pin {
        /// The label.
        token: String,
        /// The file of the PIN.
        file: PathBuf,
    },
    /// Not exactly one key has the label or identifier.
    #[error("the token `{token}` has {found} Ed25519 keys {key} and not one: check label and id")]
    Key {
        /// The label of the token.
        token: String,
        /// The label or identifier of the key.
        key: String,
        /// How many there are.
        found: usize,
    },
    /// The key is of another kind.
    #[error("the key {key} of the token `{token}` is not an Ed25519 key")]
    NotEd25519 {
        /// The label of the token.
        token: String,
        /// The label or identifier of the key.
        key: String,
    },
    /// The token cannot do Ed25519.
    #[error(
        "the token `{token}` cannot sign with Ed25519 (CKM_EDDSA): use another token or a file"
    )]
    Mechanism {
        /// The label.
        token: String,
    },
    /// The token has another key by the same name than before.
    #[error("the token `{token}` has another key than before: load the configuration again")]
    Another {
        /// The label.
        token: String,
    },
    /// All sessions were in use for too long.
    #[error("the token `{token}` is too slow for what it is asked")]
    Busy {
        /// The label.
        token: String,
    },
    /// The token failed.
    #[error("the token did not {what}: {code}")]
    Failed {
        /// What it was to do.
        what: &'static str,
        /// The return value, as PKCS#11 calls it but for its `CKR_`.
        code: String,
    },
}

impl BadToken {
    fn module(path: &Path, why: &Error) -> Self {
        Self::Module { path: path.to_owned(), code: code(why) }
    }

    fn pin(place: &TokenKey) -> Self {
        Self::Pin { token: place.token.clone(), file: place.pin_file.clone() }
    }

    fn failed(what: &'static str, why: &Error) -> Self {
        Self::Failed { what, code: code(why) }
    }
}

// The return value alone: what the crate says of each is a paragraph of the standard.
fn code(why: &Error) -> String {
    match why {
        Error::Pkcs11(value, _) => format!("{value:?}"),
        other => other.to_string(),
    }
}

/// How many sessions one key has at most: what it may sign at the same time.
const SESSIONS_MAX: usize = 8;
/// What a key signs on trial; nothing else begins like it.
const TRIAL: &[u8] = b"OTK1 trial\0\0";
const PATIENCE: Duration = Duration::from_secs(5);
