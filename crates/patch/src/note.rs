//! The one line that tells the model how a hunk that was not exact was placed.

use crate::choose::Tie;
use crate::place::{Fit, How, Shift};

pub(crate) fn note(how: &How, tie: Option<Tie>, fit: &Fit) -> Option<String> {
    let how = match how {
        How::Exact => None,
        How::TrailingSpace => Some("ignoring white space at the ends of lines".to_owned()),
        How::Unicode => Some("taking typographic quotes, dashes and spaces for plain ones".to_owned()),
        How::InnerSpace => Some("taking runs of white space for one space".to_owned()),
        How::BlankLines => Some("with the file's blank lines between its lines".to_owned()),
        How::Trimmed { above, below, drifted } => Some(trimmed_text(*above, *below, *drifted)),
        How::Indented(shift) => Some(format!("with its indentation shifted as a block ({})", shift_text(shift))),
        How::Gutter => Some("without the line numbers in front of its lines".to_owned()),
        How::Stated => Some("by its line number or at the end, having no lines to find".to_owned()),
    };
    let tie = tie.map(|tie| match tie {
        Tie::Number => "of several places at the one its line number names",
        Tie::Anchor => "of several places at the one below its @@ anchor",
        Tie::Order => "of several places at the only one between its neighbours",
        Tie::End => "of several places at the one at the end of the file",
    });
    let parts: Vec<&str> = how.as_deref().into_iter().chain(tie).collect();
    (!parts.is_empty()).then(|| format!("was placed at line {} {}", fit.start + 1, parts.join(", ")))
}

fn trimmed_text(above: usize, below: usize, drifted: usize) -> String {
    let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} of its context lines {what}"));
    let parts = [
        part(above, "above left out, as the file has others"),
        part(below, "below left out, as the file has others"),
        part(drifted, "taken for a line much like it"),
    ];
    format!("with {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
}

fn shift_text(shift: &Shift) -> String {
    match shift {
        Shift::Deeper(by) => format!("{} columns deeper", by.chars().count()),
        Shift::Shallower(by) => format!("{} columns shallower", by.chars().count()),
        Shift::TabsToSpaces(width) => format!("tabs to {width} spaces"),
        Shift::SpacesToTabs(width) => format!("{width} spaces to a tab"),
    }
}
