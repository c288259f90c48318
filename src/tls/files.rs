//! Reading certificate and key files: bounded, and for secrets only when they are kept secret.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecretMut as _, SecretBox};

/// Reads a file that holds a secret.
///
/// The mode is that of the opened file, so it cannot be changed between the look and the read.
///
/// # Errors
/// A file that cannot be read, is longer than 1 MiB, or gives its group or others any right.
pub fn read_secret(path: &Path) -> Result<SecretBox<[u8]>, FileFault> {
    let mut file = open(path)?;
    let (mode, length) = facts(path, &file)?;
    if mode & OPEN_TO_OTHERS != 0 {
        return Err(FileFault::OpenToOthers { path: path.to_owned(), mode: mode & 0o777 });
    }
    let length = usize::try_from(length).ok().filter(|_| length <= FILE_BYTES_MAX);
    let length = length.ok_or_else(|| FileFault::TooLong { path: path.to_owned() })?;
    // The one place where the secret will stand: a vector that grows leaves copies behind.
    let mut secret = SecretBox::new(vec![0; length].into_boxed_slice());
    file.read_exact(secret.expose_secret_mut())
        .map_err(|source| FileFault::Unreadable { path: path.to_owned(), source })?;
    Ok(secret)
}

/// Reads a file that holds no secret, such as a certificate.
///
/// # Errors
/// A file that cannot be read or is longer than 1 MiB.
pub fn read(path: &Path) -> Result<Vec<u8>, FileFault> {
    let file = open(path)?;
    facts(path, &file)?;
    contents(path, file)
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The file is missing, or this process may not read it.
    #[error("{path} cannot be read: check that it exists and that this user may read it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path is that of a folder, device or pipe.
    #[error("{path} is not a plain file: name the file itself")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A secret that others than its owner may use.
    #[error("{path} has mode {mode:03o}, so others may use the secret in it: chmod 600 {path}")]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is longer than any key or list of authorities.
    #[error("{path} is longer than {FILE_BYTES_MAX} bytes: it is not a key or certificate file")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

fn open(path: &Path) -> Result<File, FileFault> {
    File::open(path).map_err(|source| FileFault::Unreadable { path: path.to_owned(), source })
}

/// The mode and the length of a plain file.
fn facts(path: &Path, file: &File) -> Result<(u32, u64), FileFault> {
    let facts = file
        .metadata()
        .map_err(|source| FileFault::Unreadable { path: path.to_owned(), source })?;
    if !facts.is_file() {
        return Err(FileFault::NotAFile { path: path.to_owned() });
    }
    Ok((facts.permissions().mode(), facts.len()))
}

fn contents(path: &Path, file: File) -> Result<Vec<u8>, FileFault> {
    let mut bytes = Vec::new();
    let read = file
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| FileFault::Unreadable { path: path.to_owned(), source })?;
    if u64::try_from(read).is_ok_and(|read| read <= FILE_BYTES_MAX) {
        Ok(bytes)
    } else {
        Err(FileFault::TooLong { path: path.to_owned() })
    }
}

const OPEN_TO_OTHERS: u32 = 0o077;
const FILE_BYTES_MAX: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn with_mode(name: &str, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("otkel-{}-{name}", std::process::id()));
        fs::write(&path, b"secret").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_secret_is_read_only_when_its_owner_alone_may_use_it() {
        for mode in [0o400, 0o600, 0o700] {
            assert!(read_secret(&with_mode("closed", mode)).is_ok(), "{mode:o}");
        }
        for mode in [0o640, 0o604, 0o610, 0o602, 0o644] {
            let path = with_mode("open", mode);
            let fault = read_secret(&path).unwrap_err();
            assert!(matches!(fault, FileFault::OpenToOthers { .. }), "{mode:o}");
            assert!(fault.to_string().contains("chmod 600"));
            assert!(read(&path).is_ok(), "a certificate is no secret");
            fs::remove_file(path).unwrap();
        }
        fs::remove_file(with_mode("closed", 0o600)).unwrap();
    }

    #[test]
    fn a_folder_and_a_missing_file_are_told_apart() {
        assert!(matches!(
            read_secret(&std::env::temp_dir()),
            Err(FileFault::NotAFile { .. } | FileFault::Unreadable { .. })
        ));
        assert!(matches!(read(Path::new("/nonexistent/otkel")), Err(FileFault::Unreadable { .. })));
    }
}
