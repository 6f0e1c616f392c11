use agent::{Listing, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::names;

pub(crate) struct ListFiles;

/// Lists files under a directory, except those that .gitignore excludes.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Directory to list; default: the whole workspace.
    path: Option<String>,
    /// Only files that match, such as `*.rs` or `**/test_*.py`.
    glob: Option<String>,
}

const LIMIT: usize = 200;

impl Tool for ListFiles {
    type Args = Args;
    const NAME: &'static str = "list_files";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let path = args.path.unwrap_or_else(|| ".".to_owned());
        match args.glob {
            None => overview(workspace, &path).await,
            Some(glob) => {
                let listing = workspace.list(&path, Some(glob.clone()), None, LIMIT).await?;
                if listing.entries.is_empty() {
                    return Ok(format!("No file below `{path}` matches `{glob}`."));
                }
                Ok(show(&listing))
            }
        }
    }
}

/// The whole tree where it fits, else as deep as it fits: an overview is worth more than the letter A.
pub(crate) async fn overview(workspace: &mut Workspace<'_>, path: &str) -> Result<String, ToolError> {
    let whole = workspace.list(path, None, None, LIMIT).await?;
    if whole.entries.is_empty() {
        return Ok(format!("`{path}` has no files."));
    }
    if whole.left_out == 0 {
        return Ok(show(&whole));
    }
    for depth in [3, 2, 1] {
        let listing = workspace.list(path, None, Some(depth), LIMIT).await?;
        if listing.left_out == 0 || depth == 1 {
            return Ok(format!("{}[{depth} levels shown; give a path or glob for more]\n", show(&listing)));
        }
    }
    Ok(show(&whole))
}

/// What stands in the directory of a file, or else in that of the workspace: at most 20 paths.
pub(crate) async fn beside(workspace: &mut Workspace<'_>, filename: &str) -> String {
    const MOST: usize = 20;
    let folder = filename.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let found = match workspace.list(folder, None, Some(1), MOST).await {
        Err(_) if folder != "." => workspace.list(".", None, Some(1), MOST).await,
        found => found,
    };
    let Ok(listing) = found else { return String::new() };
    let mut names: Vec<String> =
        listing.entries.iter().map(|listed| format!("`{}`", names::shown(&listed.path))).collect();
    if 0 < listing.left_out {
        names.push(format!("{} more", listing.left_out));
    }
    names.join(", ")
}

fn show(listing: &Listing) -> String {
    let mut shown = String::new();
    for listed in &listing.entries {
        shown.push_str(&names::shown(&listed.path));
        shown.push('\n');
    }
    if 0 < listing.left_out {
        shown.push_str(&format!("[{} more; narrow path or glob]\n", listing.left_out));
    }
    shown
}
