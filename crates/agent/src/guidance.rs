//! AGENTS.md below the root: those of the directories of a file that is read or edited, each shown once.
//!
//! The root's own AGENTS.md is part of the first message, see `prompt.rs`.

use std::path::Path;

use crate::clip::Clipped;
use crate::workspace::Workspace;

pub(crate) const FILE_NAME: &str = "AGENTS.md";
/// About 1,000 tokens: guidance that is longer than that is documentation.
const MAX_BYTES: usize = 4_000;

/// What to add to the outcome of a call that touched files. Empty most of the time.
pub(crate) async fn for_touched(workspace: &mut Workspace<'_>) -> String {
    let mut shown = String::new();
    for path in std::mem::take(&mut workspace.touched) {
        let mut directory = path.parent();
        let mut found = Vec::new();
        while let Some(current) = directory.filter(|current| is_below_root(current)) {
            if !workspace.seen.guided.insert(current.to_owned()) {
                break;
            }
            let file = current.join(FILE_NAME);
            // A file that cannot be read guides nobody; the model can find out why by reading it.
            if let Ok(Some(bytes)) = workspace.peek(&file.to_string_lossy(), 1 << 20).await {
                let text = Clipped::to(String::from_utf8_lossy(&bytes), MAX_BYTES);
                found.push(format!("\n[{} applies to files below it:]\n{}", file.display(), text.as_str()));
            }
            directory = current.parent();
        }
        // The nearest one last: it has the last word.
        shown.extend(found.into_iter().rev());
    }
    shown
}

fn is_below_root(directory: &Path) -> bool {
    !directory.as_os_str().is_empty() && directory != Path::new(".") && directory.is_relative()
}
