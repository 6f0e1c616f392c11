use agent::{LineRange, SandboxError, Tool, ToolError, Workspace};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::symbol::{self, Part};
use crate::{MAX_FILE_BYTES, encoding, list_files, names};

/// Shows lines with their numbers or as they are.
pub(crate) struct ReadFile {
    pub(crate) lines: Lines,
    /// What to do next, at the end of a file of which every line was shown; may be empty.
    pub(crate) next: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    Numbered,
    /// For models that copy what stands before a line into what they write.
    Bare,
}

/// Reads a text file with line numbers, or lists a directory.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Args {
    /// Path in the workspace.
    filename: String,
    /// First line to read, from 1.
    first_line: Option<usize>,
    /// Number of lines to read, at most 500.
    lines: Option<usize>,
    /// Read only this function or type, given its name or a line number in it.
    symbol: Option<String>,
}

/// What one call shows at the most: about 5,000 tokens.
const MAX_LINES: usize = 500;
/// A file that is no longer is shown whole, whatever part was asked for.
const SHOWN_WHOLE: usize = 40;
const MAX_BYTES: usize = 18_000;
/// A longer line is clipped: minified code and data are not for reading.
const MAX_LINE_BYTES: usize = 2_000;

impl Tool for ReadFile {
    type Args = Args;
    const NAME: &'static str = "read_file";

    async fn run(&self, args: Args, workspace: &mut Workspace<'_>) -> Result<String, ToolError> {
        let bytes = match workspace.read(&args.filename, MAX_FILE_BYTES).await {
            Ok(bytes) => bytes,
            Err(ToolError::Sandbox(SandboxError::IsDirectory(_))) => {
                return list_files::overview(workspace, &args.filename).await;
            }
            Err(ToolError::Sandbox(SandboxError::NotFound(path))) => {
                return Err(not_found(workspace, &args.filename, SandboxError::NotFound(path)).await);
            }
            Err(error) => return Err(error),
        };
        let Some((text, encoding)) = encoding::decode(&bytes) else {
            return Err(ToolError::Failed(binary(&args.filename, &bytes)));
        };
        let total = lines_of(&text).count();
        let wanted = args.symbol.as_deref().map(str::trim).filter(|wanted| !wanted.is_empty());
        let shown = match wanted {
            // Nobody is helped by a third of a page, and small models were seen to go on line by line.
            _ if total <= SHOWN_WHOLE => vec![show(&text, self.lines, 1, MAX_LINES)],
            Some(wanted) => {
                let parts = symbol::parts(&args.filename, &text, wanted).map_err(ToolError::Failed)?;
                parts.iter().map(|part| show_part(&text, self.lines, part)).collect()
            }
            None => {
                let lines = args.lines.unwrap_or(MAX_LINES).min(MAX_LINES);
                vec![show(&text, self.lines, args.first_line.unwrap_or(1).max(1), lines)]
            }
        };
        let lines: Vec<LineRange> = shown.iter().flat_map(Shown::whole_lines).collect();
        workspace.shown(&args.filename, &bytes, &lines, total);
        let mut described: String =
            shown.iter().map(|shown| describe(&args.filename, &text, &encoding.note(), shown)).collect();
        if !self.next.is_empty() && workspace.unseen_lines(&args.filename).is_empty() {
            described = format!("{}\n{}", described.trim_end(), self.next);
        }
        Ok(described)
    }
}

/// A file from its first line, as far as one call shows it. Without numbers: it is shown to be written anew.
pub(crate) fn show_whole(filename: &str, bytes: &[u8], workspace: &mut Workspace<'_>) -> String {
    let Some((text, encoding)) = encoding::decode(bytes) else { return binary(filename, bytes) };
    let shown = show(&text, Lines::Bare, 1, MAX_LINES);
    workspace.shown(filename, bytes, &shown.whole_lines(), shown.total);
    describe(filename, &text, &encoding.note(), &shown)
}

fn binary(filename: &str, bytes: &[u8]) -> String {
    format!(
        "`{filename}` is a binary file ({} bytes). Inspect it with a command such as `file` or `xxd | head`.",
        bytes.len()
    )
}

#[derive(Debug, PartialEq, Eq)]
struct Shown {
    /// From 1; `last` is less than `first` where nothing is shown.
    first: usize,
    last: usize,
    total: usize,
    /// What was asked for ends here.
    until: usize,
    /// Lines of which only the beginning is shown.
    clipped: Vec<usize>,
    text: String,
}

impl Shown {
    /// What the model knows after this.
    fn whole_lines(&self) -> Vec<LineRange> {
        let mut first = self.first;
        let mut whole = Vec::new();
        for clipped in self.clipped.iter().copied().chain([self.last + 1]) {
            if first < clipped {
                whole.push((first, clipped - 1));
            }
            first = clipped + 1;
        }
        whole
    }
}

fn show_part(text: &str, form: Lines, part: &Part) -> Shown {
    let lines = (part.last + 1).saturating_sub(part.first).min(MAX_LINES);
    Shown { until: part.last, ..show(text, form, part.first, lines) }
}

fn show(text: &str, form: Lines, first: usize, lines: usize) -> Shown {
    let total = lines_of(text).count();
    let mut shown = Shown { first, last: first - 1, total, until: total, clipped: Vec::new(), text: String::new() };
    for (index, line) in lines_of(text).enumerate().skip(first - 1).take(lines) {
        if MAX_BYTES < shown.text.len() {
            break;
        }
        let kept = line.floor_char_boundary(MAX_LINE_BYTES.min(line.len()));
        let (kept, rest) = line.split_at(kept);
        if form == Lines::Numbered {
            shown.text.push_str(&line_number(index + 1));
        }
        shown.text.push_str(kept);
        if !rest.is_empty() {
            shown.text.push_str(&format!(" [... {} more bytes on this line]", rest.len()));
            shown.clipped.push(index + 1);
        }
        shown.text.push('\n');
        shown.last = index + 1;
    }
    shown
}

/// As an edit counts them: in a file without a line feed a carriage return ends a line.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    let end = if has_cr_ends(text) { '\r' } else { '\n' };
    text.split_inclusive(end).map(move |line| line.strip_suffix(end).unwrap_or(line).trim_end_matches('\r'))
}

fn has_cr_ends(text: &str) -> bool {
    text.contains('\r') && !text.contains('\n')
}

/// What stands before a line.
pub(crate) fn line_number(number: usize) -> String {
    format!("{number:>4}\t")
}

fn describe(filename: &str, text: &str, encoding: &str, shown: &Shown) -> String {
    let total = shown.total;
    if text.is_empty() {
        return format!("`{filename}` is empty.");
    }
    if shown.last < shown.first {
        return format!("`{filename}` has {}; line {} is past the end.", agent::counted(total, "line"), shown.first);
    }
    let mut notes = encoding.to_owned();
    if text.contains("\r\n") {
        notes.push_str(", CRLF line ends");
    }
    if has_cr_ends(text) {
        notes.push_str(", CR line ends");
    }
    if !text.ends_with(if has_cr_ends(text) { '\r' } else { '\n' }) {
        notes.push_str(", no final newline");
    }
    let mut described = if shown.first == 1 && shown.last == total {
        format!("`{filename}`, {}{notes}:\n{}", agent::counted(total, "line"), shown.text)
    } else {
        format!("`{filename}`, lines {}-{} of {total}{notes}:\n{}", shown.first, shown.last, shown.text)
    };
    if shown.last < shown.until {
        let more = shown.until - shown.last;
        described.push_str(&format!("[{}: use first_line {}]", agent::counted(more, "more line"), shown.last + 1));
    }
    described
}

/// Names files that the model may have meant: the same name elsewhere, else what is there.
async fn not_found(workspace: &mut Workspace<'_>, filename: &str, error: SandboxError) -> ToolError {
    let name = filename.rsplit('/').next().unwrap_or(filename);
    let plain = !name.is_empty() && !name.contains(['*', '?', '[', '{', '\\']);
    let elsewhere = match workspace.list(".", Some(format!("**/{name}")), None, 3).await {
        Ok(listing) if plain => listing.entries,
        Ok(_) | Err(_) => Vec::new(),
    };
    // Only a link whose target is missing is listed under the very name that is not found.
    if elsewhere.iter().any(|listed| listed.path.strip_suffix('@') == Some(filename)) {
        return ToolError::Failed(format!("`{filename}` is a link to a file that does not exist."));
    }
    let shown = |path: &str| names::shown(path.strip_suffix('@').unwrap_or(path));
    let paths: Vec<String> = elsewhere.iter().map(|listed| format!("`{}`", shown(&listed.path))).collect();
    let there = if paths.is_empty() { list_files::beside(workspace, filename).await } else { paths.join(", ") };
    ToolError::Failed(if there.is_empty() { error.to_string() } else { format!("{error} Nearby: {there}.") })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, first: usize, lines: usize, expected: Expect) {
        expected.assert_eq(&describe("a.txt", text, "", &show(text, Lines::Numbered, first, lines)));
    }

    #[test]
    fn a_whole_file() {
        check(
            "one\ntwo\n",
            1,
            500,
            expect![[r#"
            `a.txt`, 2 lines:
               1	one
               2	two
        "#]],
        );
    }

    #[test]
    fn carriage_returns_alone_end_lines_too() {
        check(
            "one\rtwo\r",
            1,
            500,
            expect![[r#"
            `a.txt`, 2 lines, CR line ends:
               1	one
               2	two
        "#]],
        );
    }

    #[test]
    fn a_part_says_how_to_read_on() {
        check(
            "1\n2\n3\n4\n5",
            2,
            2,
            expect![[r#"
                `a.txt`, lines 2-3 of 5, no final newline:
                   2	2
                   3	3
                [2 more lines: use first_line 4]"#]],
        );
    }

    #[test]
    fn nothing_there_is_said() {
        check("", 1, 500, expect!["`a.txt` is empty."]);
        check("1\n", 7, 500, expect!["`a.txt` has 1 line; line 7 is past the end."]);
    }

    #[test]
    fn a_clipped_line_does_not_count_as_shown() {
        let text = format!("1\n{}\n3\n4\n", "x".repeat(MAX_LINE_BYTES + 1));
        assert_eq!(show(&text, Lines::Bare, 1, 500).whole_lines(), [(1, 1), (3, 4)]);
        assert_eq!(show(&text, Lines::Bare, 2, 1).whole_lines(), []);
        assert_eq!(show(&text, Lines::Bare, 3, 1).whole_lines(), [(3, 3)]);
        assert_eq!(show(&text, Lines::Bare, 9, 1).whole_lines(), []);
    }

    #[test]
    fn long_lines_and_long_files_are_bounded() {
        let text = format!("{}\n", "x".repeat(1_000_000)).repeat(100);
        assert!(show(&text, Lines::Numbered, 1, 500).text.len() < MAX_BYTES + 2 * MAX_LINE_BYTES);
    }
}
