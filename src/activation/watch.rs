//! Acts when the rule files change, once they have come to rest.
//!
//! An editor writes a file under another name and moves it, a copy comes file by file, a mounted
//! volume swaps a link: so two looks, a second apart, must agree before anything is read.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Activation;
use super::folder::{self, Look};

/// Watches a folder and reloads the rules whenever it has changed and come to rest.
pub async fn watch(activation: Activation, folder: PathBuf, stop: CancellationToken) {
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let folder = folder.clone();
        let look = tokio::task::spawn_blocking(move || folder::look(&folder).ok()).await;
        let look = look.ok().flatten();
        if is_new(look.as_ref(), last.as_ref(), activation.looked().as_ref()) {
            // What comes of it is told and recorded by the reload itself.
            let _ = activation.reload("file-change").await;
        }
        last = look;
    }
}

/// Whether a folder has come to rest in a state that nobody has tried to activate.
fn is_new(look: Option<&Look>, last: Option<&Look>, tried: Option<&Look>) -> bool {
    look.is_some() && look == last && look != tried
}

const PERIOD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_new_state_that_two_looks_agree_on_is_acted_on() {
        let folder = std::env::temp_dir().join(format!("otkel-watch-{}", std::process::id()));
        fs::create_dir_all(folder.join("partners")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        let look = || folder::look(&folder).unwrap();
        write("register.toml", "a = 1");
        let start = look();
        assert!(!is_new(Some(&start), None, Some(&start)), "nothing changed");
        write("partners/x.toml", "half");
        let half = look();
        assert!(!is_new(Some(&half), Some(&start), Some(&start)), "it may still be written");
        write("partners/x.toml", "half, whole");
        let whole = look();
        assert!(!is_new(Some(&whole), Some(&half), Some(&start)), "it was being written");
        assert!(is_new(Some(&look()), Some(&whole), Some(&start)), "it is at rest");
        assert!(!is_new(Some(&look()), Some(&whole), Some(&whole)), "it was tried already");
        assert!(!is_new(None, None, Some(&start)), "there is nothing to read");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_kind_of_change_is_seen() {
        let folder = std::env::temp_dir().join(format!("otkel-look-{}", std::process::id()));
        fs::create_dir_all(folder.join("signatures")).unwrap();
        let file = |name: &str| folder.join(name);
        let mut last = folder::look(&folder).unwrap();
        let mut changed = |what: &str| {
            let next = folder::look(&folder).unwrap();
            assert_ne!(std::mem::replace(&mut last, next.clone()), next, "{what}");
        };
        fs::write(file("register.toml"), "a").unwrap();
        changed("a new file");
        fs::write(file("register.toml"), "ab").unwrap();
        changed("a longer file");
        fs::rename(file("register.toml"), file("other.toml")).unwrap();
        changed("another name");
        fs::write(file("signatures/aigul.sig"), "").unwrap();
        changed("a signature");
        fs::remove_file(file("other.toml")).unwrap();
        changed("a file less");
        fs::write(file(".hidden"), "").unwrap();
        assert_eq!(folder::look(&folder).unwrap(), last, "hidden files are none");
        fs::remove_dir_all(&folder).unwrap();
    }
}
