//! Why a file was left as it is. Each `Display` is text for the model: what is wrong with which hunk, what the file has
//! there now with line numbers, which hunks did fit, and what to send.

use std::fmt::{self, Display, Formatter};

use crate::elision::is_ellipsis;

/// Why nothing was applied to a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such file to update, rename or delete.
    #[error("{path} does not exist. Check the name, or create it: `--- /dev/null`, `+++ b/{path}`.")]
    Missing {
        /// The file.
        path: String,
    },
    /// The file to be created exists, with other content.
    #[error("{path} exists already and was not changed. Send an update of it instead of a new file.")]
    Exists {
        /// The file.
        path: String,
    },
    /// A file to be created has a line without its `+`.
    #[error(
        "{path} was not created: a line of it does not begin with `+`: `{line}`. Begin every line of a new file with `+`; \
         to change a file that exists, name it after `---` too."
    )]
    Unmarked {
        /// The file.
        path: String,
        /// The line.
        line: String,
    },
    /// The edit would leave the file as it is.
    #[error("the edit of {path} changes nothing: its old and new lines are the same. Nothing was changed.")]
    NoChange {
        /// The file.
        path: String,
    },
    /// Everything the edit would do is in the file already.
    #[error("{path} already has what the edit would make of it (line {line}). It was not applied twice; go on.")]
    AlreadyThere {
        /// The file.
        path: String,
        /// Where, from 1.
        line: usize,
    },
    /// Two hunks change the same lines.
    #[error(
        "hunks {first} and {second} both change line {line} of {path}. Nothing was changed. Send them as one hunk."
    )]
    Overlap {
        /// The file.
        path: String,
        /// A hunk's number, from 1.
        first: usize,
        /// The other's.
        second: usize,
        /// The line of the file, from 1.
        line: usize,
    },
    /// A deletion whose hunks leave lines over.
    #[error(
        "{path} has {left} lines that the deletion does not name. Nothing was changed. Read the file; if all of it shall \
         go, send the deletion without hunks."
    )]
    NotEmptied {
        /// The file.
        path: String,
        /// How many lines would be left.
        left: usize,
    },
    /// At least one hunk has no place, or several.
    #[error("{}", unplaced_report(path, hunks, fitted))]
    Unplaced {
        /// The file.
        path: String,
        /// The hunks without a place.
        hunks: Vec<Unplaced>,
        /// The number of each hunk that did fit and the line, from 1, where it would stand.
        fitted: Vec<(usize, usize)>,
    },
}

/// A hunk without a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Its number in the edit, from 1.
    pub number: usize,
    /// Its header, or its first line.
    pub title: String,
    /// Why.
    pub why: Why,
}

/// Why a hunk has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It fits in several places.
    Ambiguous {
        /// In how many.
        count: usize,
        /// The first of them.
        first: Vec<Candidate>,
    },
    /// It fits here only by loosening the match, and its number or the hunks around it say that it belongs elsewhere.
    Misplaced(Candidate),
    /// It fits here only, and its `@@` anchor names other lines.
    Outside(Candidate),
    /// It fits nowhere; the closest lines, if any are close, and the first that differs.
    Nowhere(Option<(Candidate, Option<Difference>)>),
    /// What it would make of the file is there already, at this line.
    AlreadyThere(usize),
    /// It has no line to be found, or blank ones only, and does not say where.
    NoContext,
    /// The edit's text ends inside it.
    Cut,
    /// This line would come in place of the code that it stands for: `// ... existing code ...`.
    Elided(String),
}

/// Lines of the file as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where the hunk would begin, from 1.
    pub line: usize,
    /// The number of the first line shown, from 1.
    pub shown_from: usize,
    /// The lines, at most a dozen.
    pub lines: Vec<String>,
}

/// The first line on which a hunk and the closest lines differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The line of the file, from 1.
    pub line: usize,
    /// What the hunk expects there.
    pub expected: String,
    /// What the file has.
    pub found: String,
}

/// Hunks described in one message; more would only be skimmed.
const MOST_SHOWN: usize = 8;

fn unplaced_report(path: &str, hunks: &[Unplaced], fitted: &[(usize, usize)]) -> String {
    let mut report = format!("{path} was not changed.\n");
    for hunk in hunks.iter().take(MOST_SHOWN) {
        report.push_str(&hunk.to_string());
    }
    if hunks.len() > MOST_SHOWN {
        report.push_str(&format!("{} more hunks do not fit either.\n", hunks.len() - MOST_SHOWN));
    }
    if !fitted.is_empty() {
        let places: Vec<String> = fitted.iter().map(|(number, line)| format!("hunk {number} at line {line}")).collect();
        report.push_str(&format!("These fit and were not applied either: {}.\n", places.join(", ")));
    }
    let last = "Mend what is named above and send the whole edit again.";
    report.push_str(last);
    report
}

impl Display for Unplaced {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "hunk {} (`{}`) ", self.number, self.title.trim())?;
        match &self.why {
            Why::Ambiguous { count, first } => {
                let lines: Vec<String> = first.iter().map(|found| found.line.to_string()).collect();
                let more = if *count > first.len() { " and more" } else { "" };
                writeln!(out, "fits in {count} places: lines {}{more}.", lines.join(", "))?;
                for (index, candidate) in first.iter().enumerate() {
                    let between = if index > 0 { "   ...\n" } else { "" };
                    write!(out, "{between}{candidate}")?;
                }
                writeln!(out, "Add lines of context above or below that only the right place has.")
            }
            Why::Misplaced(found) => {
                writeln!(
                    out,
                    "is not quite like any lines but these, which are not where its number or its neighbours put it:\n{found}"
                )?;
                writeln!(out, "Copy the lines as they are, and send the hunks in the order of the file.")
            }
            Why::Outside(found) => {
                writeln!(out, "fits here only, which does not belong to the line that its @@ names:")?;
                write!(out, "{found}")?;
                writeln!(out, "Correct the lines, or what stands after @@.")
            }
            Why::Elided(line) => writeln!(
                out,
                "would write `{line}` in place of the code that it stands for. Write that code out, or leave its lines out of the hunk."
            ),
            Why::Nowhere(None) => writeln!(out, "fits nowhere, and no line of the file is close. Read the file again."),
            Why::Nowhere(Some((closest, difference))) => {
                write!(out, "fits nowhere. The closest lines are now:\n{closest}")?;
                match difference {
                    Some(Difference { line, expected, .. }) if is_ellipsis(expected) => writeln!(
                        out,
                        "The hunk has `{}` for line {line}, which is not expanded. Write the lines out, or send a hunk for each side of it.",
                        expected.trim()
                    ),
                    Some(Difference { line, expected, found }) => writeln!(
                        out,
                        "Line {line} differs: the hunk has `{expected}`, the file has `{found}`. Copy the lines as they are."
                    ),
                    None => {
                        writeln!(out, "Lines are missing in the hunk or come in another order. Copy them as they are.")
                    }
                }
            }
            Why::AlreadyThere(line) => writeln!(out, "is already there, at line {line}. Leave it out."),
            Why::NoContext => {
                writeln!(
                    out,
                    "has no line with text to find its place by. Add the line above and the line below as context."
                )
            }
            Why::Cut => writeln!(
                out,
                "is cut off: its header promises more lines than follow. Send it whole; if it is, write a bare `@@`."
            ),
        }
    }
}

impl Display for Candidate {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (number, line) in (self.shown_from..).zip(&self.lines) {
            writeln!(out, "{number:>6} | {line}")?;
        }
        Ok(())
    }
}
