//! Where the program keeps its own files, by the XDG base directories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy as _;

fn base() -> anyhow::Result<etcetera::base_strategy::Xdg> {
    etcetera::base_strategy::Xdg::new().context("cannot find the home directory; set HOME")
}

pub(crate) fn user_config() -> anyhow::Result<PathBuf> {
    Ok(base()?.config_dir().join("agent/config.toml"))
}

pub(crate) fn state() -> anyhow::Result<PathBuf> {
    let base = base()?;
    Ok(base.state_dir().unwrap_or_else(|| base.data_dir()).join("agent"))
}

/// Our own directories, without links, as far as they are there: no part of any workspace.
pub(crate) fn own() -> anyhow::Result<Vec<PathBuf>> {
    let state = state()?;
    // Links in the part that is there are followed; what is not there yet is named below it.
    let real = |path: PathBuf| {
        let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        let (above, real) = there?;
        Some(path.strip_prefix(above).map_or(real.clone(), |below| real.join(below)))
    };
    Ok([state, worktrees()?].into_iter().filter_map(real).collect())
}

pub(crate) fn sessions() -> anyhow::Result<PathBuf> {
    Ok(state()?.join("sessions"))
}

/// Where `agent ci` works. Not below [`state`], which is hidden from commands.
pub(crate) fn worktrees() -> anyhow::Result<PathBuf> {
    Ok(state()?.with_file_name("agent-ci"))
}

/// Results of `agent ci`, one patch a session.
pub(crate) fn patches() -> anyhow::Result<PathBuf> {
    Ok(state()?.join("patches"))
}

/// What the workspaces' files were, for `agent undo`.
pub(crate) fn snapshots() -> anyhow::Result<PathBuf> {
    Ok(state()?.join("snapshots"))
}

/// Repositories that commands made, a folder a session.
pub(crate) fn repositories() -> anyhow::Result<PathBuf> {
    Ok(state()?.join("repositories"))
}

pub(crate) fn symbols() -> anyhow::Result<PathBuf> {
    Ok(state()?.join("symbols"))
}

pub(crate) fn repository_config(workspace: &Path) -> PathBuf {
    workspace.join(".agent/config.toml")
}

/// Of the file with all that is trusted.
const MOST_TRUSTED_BYTES: u64 = 64 << 20;

/// Trust is given to a file's content: a file that changed must be trusted again.
pub(crate) fn is_trusted(workspace: &Path, content: &str) -> anyhow::Result<bool> {
    Ok(trusted()?.get(&workspace.to_string_lossy().into_owned()).is_some_and(|known| known == content))
}

/// Remembers or forgets (`None`) a repository's configuration file.
pub(crate) fn set_trusted(workspace: &Path, content: Option<String>) -> anyhow::Result<()> {
    let mut all = trusted()?;
    let key = workspace.to_string_lossy().into_owned();
    match content {
        Some(content) => all.insert(key, content),
        None => all.remove(&key),
    };
    let folder = state()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = tempfile::NamedTempFile::new_in(&folder)?;
    serde_json::to_writer_pretty(&file, &all)?;
    file.persist(folder.join("trusted.json"))?;
    Ok(())
}

fn trusted() -> anyhow::Result<BTreeMap<String, String>> {
    let path = state()?.join("trusted.json");
    match sandbox::read_bounded(&path, MOST_TRUSTED_BYTES) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged; delete it", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
