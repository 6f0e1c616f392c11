//! The model's tools, one file each. To add one: write its file, add its two lines here.
//!
//! **Invariant:** a tool acts only through the `Workspace` it is handed, and its
//! result says what is true now, without echoing what the model just wrote.

mod apply_diff;
mod create_file;
mod encoding;
mod list_files;
mod names;
mod plain;
mod read_file;
mod read_output;
mod repo_map;
mod run_command;
mod search_files;
mod stop_command;
mod symbol;
mod syntax;

use agent::AnyTool;

use crate::create_file::{CreateFile, Tests};
pub use crate::encoding::text_of;
use crate::plain::Plain;
use crate::read_file::{Lines, ReadFile};
pub use crate::run_command::show_ran;

/// Every tool, in the order the model sees them.
pub const TOOLS: &[&dyn AnyTool] = &[
    &ReadFile { lines: Lines::Numbered, next: "" },
    &search_files::SearchFiles,
    &list_files::ListFiles,
    &CreateFile { tests: Tests::Written, part: "`apply_diff`" },
    &apply_diff::ApplyDiff,
    &run_command::RunCommand,
    &read_output::ReadOutput,
    &stop_command::StopCommand,
    &repo_map::RepoMap,
];

/// For models of which it is not known that a map helps them: all but the last.
pub const TOOLS_WITHOUT_MAP: &[&dyn AnyTool] = match TOOLS.split_last() {
    Some((_, others)) => others,
    None => &[],
};

/// For models that write whole files better than diffs, and are led astray by more than this. Qwen2.5-Coder 1.5B filled
/// in every argument that there is, and read files line by line; with the words after a read it wrote the change next in
/// 3 of 3 cases, without them in none. It copied line numbers into what it wrote (docs/scaffold.md).
pub const WHOLE_FILE_TOOLS: &[&dyn AnyTool] = &[
    &Plain {
        tool: ReadFile { lines: Lines::Bare, next: "[To change it, write the whole file with `create_file`.]" },
        description: Some("Reads a text file. Also lists a directory."),
    },
    &Plain { tool: CreateFile { tests: Tests::AskedAbout, part: "a command, such as `sed -i`" }, description: None },
    &Plain { tool: run_command::RunCommand, description: None },
];

/// Larger files are not read whole into memory for the model: it has other means for them.
const MAX_FILE_BYTES: u64 = 4 << 20;
