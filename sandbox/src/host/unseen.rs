//! What commands do not get to see of the workspace: looked for before each, told after it, and compared: what another
//! program replaced meanwhile could be read for a moment, so output that repeats it is withheld.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use agent::{Background, Ended, Ran};

use super::Host;
use crate::fence::LayerKind;
use crate::hidden::{self, Search, Surveyed};
use crate::keeper::Keeper;

impl Host {
    /// What is hidden from commands in the directories that they write to.
    pub(super) async fn surveyed(&self) -> Surveyed {
        let (roots, survey) = (Arc::clone(&self.roots), Arc::clone(&self.survey));
        let mut survey = survey.lock_owned().await;
        let looked = tokio::task::spawn_blocking(move || {
            roots.hidden().map(|hidden| survey.look(hidden, &roots.all())).unwrap_or_default()
        });
        // Only a panic ends it early.
        looked.await.unwrap_or(Surveyed::none())
    }

    /// What the model asked for and was not shown, for the user: paths from the workspace, or absolute.
    pub fn take_hidden_hits(&self) -> Vec<PathBuf> {
        self.roots.hidden().map(|hidden| hidden.take_hits().into_iter().collect()).unwrap_or_default()
    }

    /// Said when a command names something hidden, and once when a command fails. `keeper`: where the kernel asks about
    /// each open, the warden has said it.
    pub(super) fn hidden_note(
        &self,
        command: &str,
        ended: Ended,
        surveyed: &Surveyed,
        keeper: Option<&Keeper>,
    ) -> Option<String> {
        let hidden = self.roots.hidden()?;
        let root = self.roots.workspace.real();
        let shown: Vec<&Path> = surveyed.hidden.iter().map(|path| path.strip_prefix(root).unwrap_or(path)).collect();
        let named = hidden::named_in(command, &shown);
        named.iter().for_each(|path| hidden.was_hit(path));
        let works = |kind| keeper.is_some_and(|keeper| keeper.layers.iter().any(|layer| layer.works(kind)));
        if !works(LayerKind::Mounts) && works(LayerKind::Notify) {
            return None;
        }
        let is_first =
            ended != Ended::Exited(0) && !shown.is_empty() && !self.hidden_told.swap(true, Ordering::Relaxed);
        match named.is_empty() {
            true if is_first => hidden::note(&shown, surveyed.search),
            _ => hidden::note(&named, Search::Whole),
        }
    }

    pub(super) fn remember_hidden(&self, id: u32, surveyed: Surveyed) {
        self.hidden_from.lock().unwrap_or_else(PoisonError::into_inner).insert(id, surveyed);
    }

    pub(super) fn without_replaced(&self, mut background: Background) -> Background {
        let mut all = self.hidden_from.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(surveyed) = all.get_mut(&background.id)
            && let Some(note) = surveyed.judge(&background.output, self.roots.workspace.real())
        {
            background.output = note.shown(background.output);
            background.notes.push(note.text);
            // What comes next is compared with what is there now.
            surveyed.look_again();
        }
        background
    }
}

impl Surveyed {
    /// `root`: of the workspace.
    pub(super) fn withhold(&self, ran: &mut Ran, root: &Path) {
        let full = ran.full_output.as_ref().map(|path| std::fs::read(path).unwrap_or_default());
        let all = full.as_ref().map_or_else(|| ran.output.as_str().into(), |full| String::from_utf8_lossy(full));
        let Some(note) = self.judge(&all, root) else { return };
        if note.is_told
            && let Some(path) = ran.full_output.take()
        {
            // One that cannot be removed was not written by us.
            let _ = std::fs::remove_file(path);
        }
        ran.output = note.shown(std::mem::take(&mut ran.output));
        ran.notes.push(note.text);
    }

    /// `None`: nothing was replaced since the look.
    fn judge(&self, output: &str, root: &Path) -> Option<Replaced> {
        let replaced = self.replaced();
        // While Linux replaces a file, its old content too is without a cover for an instant.
        let is_told =
            replaced.iter().any(|(path, old)| [path, old.as_path()].iter().any(|file| repeats(output, &content(file))));
        let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
        let names: Vec<String> = replaced.iter().map(|(path, _)| format!("`{}`", shown(path))).collect();
        let rest = match is_told {
            true => "The output contained its content and was withheld.",
            false => "It is hidden again.",
        };
        let text = format!(
            "While the command ran, another program replaced {}, which is hidden from you. {rest}",
            names.join(", ")
        );
        (!names.is_empty()).then_some(Replaced { is_told, text })
    }
}

struct Replaced {
    /// What is in it stands in the output.
    is_told: bool,
    text: String,
}

impl Replaced {
    fn shown(&self, output: String) -> String {
        if self.is_told { String::new() } else { output }
    }
}

/// Larger files are not what people keep secrets in.
const LARGEST: u64 = 1 << 20;
/// Shorter values stand in any text by chance.
const SHORTEST: usize = 6;

fn content(path: &Path) -> Vec<u8> {
    hidden::read(path, LARGEST).unwrap_or_default()
}

/// Whether a line of a file, or what it gives to a name, stands in a text.
fn repeats(text: &str, content: &[u8]) -> bool {
    let content = String::from_utf8_lossy(content);
    let quotes = |c: char| c.is_whitespace() || "\"',;".contains(c);
    let lines = content.lines().filter(|line| !line.trim_start().starts_with('#'));
    let values = lines.flat_map(|line| [Some(line), line.split_once(['=', ':']).map(|(_, value)| value)]);
    values
        .flatten()
        .map(|value| value.trim_matches(quotes))
        .any(|value| SHORTEST <= value.len() && text.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_secret_is_known_again() {
        let secret = b"# DATABASE\nURL=\"postgres://x\"\nA=1\n";
        for (text, expected) in
            [("the url: postgres://x!", true), ("URL=\"postgres://x\"", true), ("A=1 # DATABASE", false), ("", false)]
        {
            assert_eq!(repeats(text, secret), expected, "{text}");
        }
        assert!(repeats("x deadbeefdeadbeef y", b"deadbeefdeadbeef\n"));
    }
}
