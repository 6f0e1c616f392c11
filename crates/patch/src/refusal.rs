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
    #[error("{path} already exists and was not changed. Send an edit of it instead of a new file.")]
    Exists {
        /// The file.
        path: String,
    },
    /// A file to be created has a line without its `+`.
    #[error(
        "{path} was not created: this line does not start with `+`: `{line}`. Start every line of a new file with `+`; \
         to edit an existing file, name it after `---` too."
    )]
    Unmarked {
        /// The file.
        path: String,
        /// The line.
        line: String,
    },
    /// The edit would leave the file as it is.
    #[error("the edit of {path} changes nothing: its old and new lines are the same.")]
    NoChange {
        /// The file.
        path: String,
    },
    /// Everything the edit would do is in the file already.
    #[error("{path} already contains this change (line {line}). It was not applied again; continue.")]
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
        "the deletion of {path} does not list all of its lines ({left} left). Nothing was changed. Read the file; to \
         delete all of it, send the deletion without hunks."
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
        report.push_str(&format!("More hunks that do not match: {}.\n", hunks.len() - MOST_SHOWN));
    }
    if !fitted.is_empty() {
        let places: Vec<String> = fitted.iter().map(|(number, line)| format!("hunk {number} at line {line}")).collect();
        report.push_str(&format!("These match but were not applied: {}.\n", places.join(", ")));
    }
    let last = "Fix the hunks above and send the whole edit again.";
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
                writeln!(out, "matches {count} places: lines {}{more}.", lines.join(", "))?;
                for (index, candidate) in first.iter().enumerate() {
                    let between = if index > 0 { "   ...\n" } else { "" };
                    write!(out, "{between}{candidate}")?;
                }
                writeln!(out, "Add context lines that only the right place has.")
            }
            Why::Misplaced(found) => {
                writeln!(
                    out,
                    "only roughly matches these lines, which are not where its number or its neighbours put \
                     it:\n{found}"
                )?;
                writeln!(out, "Copy the lines exactly, and send the hunks in file order.")
            }
            Why::Outside(found) => {
                writeln!(out, "matches only here, which is not under the line that its @@ names:")?;
                write!(out, "{found}")?;
                writeln!(out, "Correct the lines, or the text after @@.")
            }
            Why::Elided(line) => writeln!(
                out,
                "would replace code with the placeholder `{line}`. Write the code out, or leave those lines out of the \
                 hunk."
            ),
            Why::Nowhere(None) => writeln!(out, "matches nowhere, and no line is similar. Read the file again."),
            Why::Nowhere(Some((closest, difference))) => {
                write!(out, "matches nowhere. The closest lines are:\n{closest}")?;
                match difference {
                    Some(Difference { line, expected, .. }) if is_ellipsis(expected) => writeln!(
                        out,
                        "The hunk has `{}` for line {line}, which is a placeholder. Write the lines out, or send one \
                         hunk for each side of it.",
                        expected.trim()
                    ),
                    Some(Difference { line, expected, found }) => writeln!(
                        out,
                        "Line {line} differs: the hunk has `{expected}`, the file has `{found}`. Copy the lines \
                         exactly."
                    ),
                    None => {
                        writeln!(out, "The hunk lacks lines or has them in another order. Copy them exactly.")
                    }
                }
            }
            Why::AlreadyThere(line) => writeln!(out, "is already there, at line {line}. Remove it from the edit."),
            Why::NoContext => {
                writeln!(
                    out,
                    "has no non-blank line to locate it by. Add the line above and the line below as context."
                )
            }
            Why::Cut => writeln!(
                out,
                "is cut off: its header counts more lines than follow. Send all of it; if it is complete, use a bare \
                 `@@`."
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
