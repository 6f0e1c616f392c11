//! The path on disk that a model means: letters such as `é` are one character in some names and two in others (Unicode's
//! normal forms NFC and NFD), and both look the same; blanks around a name are most often the model's, but may be its.

use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization as _;

use crate::effect::{Effect, Observation, SandboxError};
use crate::tool::ToolError;
use crate::workspace::Workspace;

impl Workspace<'_> {
    /// What `path` means. Another spelling is remembered, so that from here on both mean the same file.
    pub(crate) async fn resolve(&mut self, path: &str) -> PathBuf {
        let written = self.plain(path);
        if written != self.plain(path.trim()) && self.exists(&written).await {
            return self.remember(path, written);
        }
        let written = self.plain(path.trim());
        // Nearly all names are of this kind, and cost no look.
        let has_forms = !written.is_absolute() && written.to_str().is_some_and(|text| !text.is_ascii());
        if !has_forms || self.exists(&written).await {
            self.seen.spellings.remove(path);
            return written;
        }
        let on_disk = self.other_form(&written).await;
        if on_disk == written { written } else { self.remember(path, on_disk) }
    }

    fn remember(&mut self, path: &str, on_disk: PathBuf) -> PathBuf {
        self.seen.spellings.insert(path.to_owned(), on_disk.clone());
        on_disk
    }

    /// Part by part: a directory may be in one form, and what is in it in the other. Parts that are not there stay as
    /// they are written.
    async fn other_form(&mut self, path: &Path) -> PathBuf {
        let mut found = PathBuf::new();
        let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        while let Some(part) = parts.next() {
            let forms = [part.clone(), part.nfc().collect(), part.nfd().collect()];
            let mut known = None;
            for form in forms {
                let path = found.join(form);
                if known.is_none() && self.exists(&path).await {
                    known = Some(path);
                }
            }
            match known {
                Some(path) => found = path,
                None => {
                    found.push(part);
                    found.extend(parts);
                    break;
                }
            }
        }
        found
    }

    /// Whether there is something, as far as the policy lets us look.
    async fn exists(&mut self, path: &Path) -> bool {
        match self.perform(Effect::Read { path: path.to_path_buf(), max_bytes: 0 }).await {
            Ok(Observation::Read(_)) => true,
            Err(ToolError::Sandbox(error)) => matches!(
                error,
                SandboxError::TooLarge { .. } | SandboxError::IsDirectory(_) | SandboxError::NotRegular(_)
            ),
            Ok(_) | Err(_) => false,
        }
    }
}
