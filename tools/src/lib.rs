//! The model's tools, one file each. To add one: write its file, add its two lines here.
//!
//! **Invariant:** a tool acts only through the `Workspace` it is handed, and its
//! result says what is true now, without echoing what the model just wrote.

mod apply_diff;
mod create_file;
mod encoding;
mod list_files;
mod read_file;
mod read_output;
mod run_command;
mod search_files;
mod stop_command;
mod syntax;

use agent::AnyTool;

/// Every tool, in the order the model sees them.
pub const TOOLS: &[&dyn AnyTool] = &[
    &read_file::ReadFile,
    &search_files::SearchFiles,
    &list_files::ListFiles,
    &create_file::CreateFile,
    &apply_diff::ApplyDiff,
    &run_command::RunCommand,
    &read_output::ReadOutput,
    &stop_command::StopCommand,
];

/// For models that write whole files better than diffs: these few, each once.
pub const WHOLE_FILE_TOOLS: &[&dyn AnyTool] = &[
    &read_file::ReadFile,
    &create_file::CreateFile,
    &run_command::RunCommand,
    &search_files::SearchFiles,
    &list_files::ListFiles,
];

/// Larger files are not read whole into memory for the model: it has other means for them.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// `1 line`, `2 lines`: only the word.
fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}
