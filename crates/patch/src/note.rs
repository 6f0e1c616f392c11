//! The one line that tells the model how a hunk that was not exact was placed.

use crate::choose::Tie;
use crate::place::{Fit, How, Shift};

pub(crate) fn note(how: &How, tie: Option<Tie>, fit: &Fit) -> Option<String> {
    let how = match how {
        How::Exact => None,
        How::TrailingSpace => Some("ignoring trailing whitespace".to_owned()),
        How::Unicode => Some("treating typographic quotes, dashes and spaces as plain".to_owned()),
        How::InnerSpace => Some("treating runs of whitespace as one space".to_owned()),
        How::BlankLines => Some("with the file's blank lines between its lines".to_owned()),
        How::Trimmed { above, below, drifted } => Some(trimmed_text(*above, *below, *drifted)),
        How::Indented(shift) => Some(format!("with its indentation shifted ({})", shift_text(shift))),
        How::Gutter => Some("without its line-number prefixes".to_owned()),
        How::Stated => Some("by its line number or at the end, as it has no lines to match".to_owned()),
    };
    let tie = tie.map(|tie| match tie {
        Tie::Number => "choosing the match its line number names",
        Tie::Anchor => "choosing the match below its @@ anchor",
        Tie::Order => "choosing the only match between its neighbours",
        Tie::End => "choosing the match at the end of the file",
    });
    let parts: Vec<&str> = how.as_deref().into_iter().chain(tie).collect();
    (!parts.is_empty()).then(|| format!("was applied at line {} {}", fit.start + 1, parts.join(", ")))
}

fn trimmed_text(above: usize, below: usize, drifted: usize) -> String {
    let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} of its context lines {what}"));
    let parts = [
        part(above, "above dropped, as the file's differ"),
        part(below, "below dropped, as the file's differ"),
        part(drifted, "matched to a similar line"),
    ];
    format!("with {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "))
}

fn shift_text(shift: &Shift) -> String {
    match shift {
        Shift::Deeper(by) => format!("deeper by {}", by.chars().count()),
        Shift::Shallower(by) => format!("shallower by {}", by.chars().count()),
        Shift::TabsToSpaces(width) => format!("tabs to {width} spaces"),
        Shift::SpacesToTabs(width) => format!("{width} spaces to a tab"),
    }
}
