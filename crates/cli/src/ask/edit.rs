//! The human's own editor, on copies outside of the workspace.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use agent::{Change, Effect};
use anyhow::{Context as _, bail};

/// What the human makes of an effect: the command, or the new texts. Waits until the editor has ended.
pub(crate) fn edit(effect: &Effect) -> anyhow::Result<Effect> {
    let folder = tempfile::TempDir::with_prefix("agent-edit-").context("cannot create a copy to edit")?;
    match effect {
        Effect::Run { command, timeout } => {
            Ok(Effect::Run { command: edit_command(folder.path(), command)?, timeout: *timeout })
        }
        Effect::Start { command } => Ok(Effect::Start { command: edit_command(folder.path(), command)? }),
        Effect::Write { changes } => {
            let mut copies = Vec::new();
            for (index, change) in changes.iter().enumerate() {
                copies.push(copy(folder.path(), index, change)?);
            }
            let paths: Vec<PathBuf> = copies.iter().flatten().cloned().collect();
            if paths.is_empty() {
                bail!("it has no text to edit");
            }
            open_editor(&paths)?;
            let edited = changes.iter().zip(copies).map(|(change, copy)| {
                let after = copy.map_or_else(|| Ok(change.after.clone()), |copy| fs::read(copy).map(Some))?;
                Ok(Change { after, ..change.clone() })
            });
            Ok(Effect::Write { changes: edited.collect::<anyhow::Result<_>>()? })
        }
        Effect::Read { .. }
        | Effect::List { .. }
        | Effect::Search { .. }
        | Effect::Map { .. }
        | Effect::ReadOutput { .. }
        | Effect::Stop { .. } => bail!("it has nothing to edit"),
    }
}

fn edit_command(folder: &Path, command: &str) -> anyhow::Result<String> {
    let path = folder.join("command.sh");
    fs::write(&path, format!("{command}\n"))?;
    open_editor(std::slice::from_ref(&path))?;
    let edited = fs::read_to_string(&path)?.trim_end().to_owned();
    if edited.trim().is_empty() {
        bail!("the command is now empty; press n to refuse it");
    }
    Ok(edited)
}

/// Under its own name, so that the editor knows the language; `None` for what is no text.
fn copy(folder: &Path, index: usize, change: &Change) -> anyhow::Result<Option<PathBuf>> {
    let Some(text) = change.after.as_deref().filter(|after| std::str::from_utf8(after).is_ok()) else {
        return Ok(None);
    };
    let parts = change.path.components().filter(|part| matches!(part, Component::Normal(_)));
    // Numbered only where there may be two of one name.
    let folder = if index == 0 { folder.to_owned() } else { folder.join(index.to_string()) };
    let path = folder.join(parts.collect::<PathBuf>());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, text)?;
    Ok(Some(path))
}

fn open_editor(paths: &[PathBuf]) -> anyhow::Result<()> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    through_shell(&format!("{editor} \"$@\""), paths).with_context(|| format!("the editor `{editor}`"))
}

/// Shows a text in `$PAGER`, or in `less` where there is none.
pub(crate) fn page(text: &str) -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::with_prefix("agent-page-")?;
    fs::write(file.path(), text)?;
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less".to_owned());
    through_shell(&format!("{pager} < \"$1\""), &[file.path().to_owned()])
}

#[expect(clippy::disallowed_types, reason = "the human's own editor and pager, on copies outside of the workspace")]
fn through_shell(line: &str, paths: &[PathBuf]) -> anyhow::Result<()> {
    let tty = File::options().read(true).write(true).open("/dev/tty")?;
    // Ctrl-C is for what it runs; without the trap the shell would end with it, and so seem to have failed.
    let mut arguments: Vec<OsString> = vec!["-c".into(), format!("trap : INT; {line}").into(), "sh".into()];
    arguments.extend(paths.iter().map(OsString::from));
    let mut command = std::process::Command::new("sh");
    command.args(arguments).stdin(tty.try_clone()?).stdout(tty.try_clone()?).stderr(tty);
    // As git does: without it `less` shows colours as what they are made of.
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "R");
    }
    let status = command.status()?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    Ok(())
}
