//! Repositories that commands left, in words for the human: where each is now, and the one command that brings it back.

use std::path::Path;

use sandbox::{Planted, Recovered};

use crate::paths;

/// Repairs what a killed run left in this directory. Returns what there is to say, a sentence each.
pub(crate) fn recover(root: &Path) -> anyhow::Result<Vec<String>> {
    let recovered = sandbox::recover(&paths::repositories()?, root);
    Ok(recovered.iter().flat_map(|recovered| sentences(root, recovered)).collect())
}

fn sentences(root: &Path, recovered: &Recovered) -> Vec<String> {
    let session = &recovered.session;
    let mut sentences = vec![format!(
        "session {session} was killed while commands could run; the git files that they changed were restored"
    )];
    sentences.extend(recovered.repaired.iter().cloned());
    sentences.extend(recovered.planted.iter().map(|planted| sentence(root, planted)));
    sentences
}

pub(crate) fn sentence(root: &Path, planted: &Planted) -> String {
    format!(
        "a git repository appeared: {}; git runs the programs that a repository names, so it was moved out of the \
         workspace. To keep it, run: mv {} {}",
        name(root, planted),
        quoted(&planted.kept),
        quoted(&planted.place)
    )
}

/// From the workspace.
pub(crate) fn name(root: &Path, planted: &Planted) -> String {
    planted.place.strip_prefix(root).unwrap_or(&planted.place).display().to_string()
}

/// For a POSIX shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@%,=".contains(character);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted(Path::new("/a/b-c/.git")), "/a/b-c/.git");
        assert_eq!(quoted(Path::new("/a b/it's/.git")), "'/a b/it'\\''s/.git'");
        assert_eq!(quoted(Path::new("/a$(x)")), "'/a$(x)'");
    }
}
