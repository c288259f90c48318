//! Writing a small file so that a reader, or a power cut, finds the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Puts a file in place of another in one step and returns once that is on disk, unless what is
/// there is to stay.
///
/// Temporary file in the same folder, fsync, rename, fsync of the folder. Processes that do this at
/// once take turns: whoever holds the lock on the temporary file while it has its name.
pub(super) fn replace(
    path: &Path,
    content: &[u8],
    stays: impl FnOnce(&str) -> bool,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = locked(&temporary)?;
    if read(path).is_ok_and(|there| there.is_some_and(|there| stays(&there))) {
        return Ok(());
    }
    file.set_len(0)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder_of(path)
}

/// Opens a file, made anew if it is not there, and locks it against other processes.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        // Whoever had the lock before may have given the file another name.
        match fs::metadata(path) {
            Ok(named) if named.ino() == file.metadata()?.ino() => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// The content of a file, `None` when there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Syncs the folder that holds a path, so that the name in it is on disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_replace_at_once_leave_a_whole_file_that_never_goes_back() {
        let folder = std::env::temp_dir().join(format!("otkel-publish-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("checkpoint");
        let number = |text: &str| {
            let digits = text.strip_suffix(" entries").unwrap();
            digits.trim_start_matches('.').parse::<u32>().unwrap()
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..200 {
                        let text = format!("{}{n} entries", ".".repeat(n % 7));
                        let n = u32::try_from(n).unwrap();
                        replace(&path, text.as_bytes(), |there| number(there) > n).unwrap();
                    }
                });
            }
            let mut last = 0;
            while last < 199 {
                if let Some(text) = read(&path).unwrap() {
                    assert!(number(&text) >= last, "{text} after {last}");
                    last = number(&text);
                }
            }
        });
        assert!(fs::read_dir(&folder).unwrap().count() <= 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
