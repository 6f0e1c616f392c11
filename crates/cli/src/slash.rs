//! What a line of the human's is: words for the model, a command of the conversation, or one for the shell.
//!
//! To add a command: its row here, and what it does in `chat_commands.rs`.

use providers::distance;

/// One command of a conversation.
pub(crate) struct Slash {
    pub(crate) name: &'static str,
    /// What may follow the name.
    takes: &'static str,
    pub(crate) help: &'static str,
    does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Help,
    Mode,
    Model,
    Effort,
    Diff,
    Undo,
    Redo,
    Cost,
    Compact,
    Sessions,
    Quit,
}

/// All of them, in the order of `/help`.
pub(crate) const COMMANDS: &[Slash] = &[
    Slash { name: "/help", takes: "", help: "what can be typed here", does: Does::Help },
    Slash {
        name: "/mode",
        takes: "[MODE]",
        help: "what may be done without asking: read-only, confirm, accept-edits, auto",
        does: Does::Mode,
    },
    Slash { name: "/model", takes: "[ID]", help: "which model answers", does: Does::Model },
    Slash {
        name: "/effort",
        takes: "[LEVEL]",
        help: "how much the model thinks: none, minimal, low, medium, high, xhigh",
        does: Does::Effort,
    },
    Slash { name: "/diff", takes: "", help: "what this conversation changed in the files", does: Does::Diff },
    Slash {
        name: "/undo",
        takes: "[FILE]",
        help: "take back the last step's changes and those of ! after it, or FILE's",
        does: Does::Undo,
    },
    Slash { name: "/redo", takes: "", help: "take the last undo back", does: Does::Redo },
    Slash {
        name: "/cost",
        takes: "",
        help: "tokens and cost of the session, and how full the context is",
        does: Does::Cost,
    },
    Slash {
        name: "/compact",
        takes: "[FOCUS]",
        help: "condense what was said, to make room; FOCUS is kept in particular",
        does: Does::Compact,
    },
    Slash { name: "/sessions", takes: "", help: "the last sessions of this directory", does: Does::Sessions },
    Slash { name: "/quit", takes: "", help: "leave; the session is kept", does: Does::Quit },
];

const KEYS: &str = "\
Enter sends · Alt-Enter, Ctrl-J or \\ at the end of a line begins another one
@ names a file, Tab takes it · ! runs a command in the fence, and shows the model what it printed
Shift-Tab or F2 changes the mode · Up and Down go through what was written before
Esc or Ctrl-C stops the turn · Ctrl-C twice, or Ctrl-D on an empty line, leaves
What you write while the model works is read by it before its next step.";

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Words,
    Shell(&'a str),
    Command(Does, &'a str),
    /// With the name that it may mean.
    Unknown(&'a str, &'static str),
}

pub(crate) fn read(line: &str) -> Line<'_> {
    let line = line.trim();
    if let Some(command) = line.strip_prefix('!') {
        return Line::Shell(command.trim());
    }
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    // `/etc/hosts looks wrong` is no command.
    if !name.starts_with('/') || name.get(1..).is_some_and(|rest| rest.contains('/')) {
        return Line::Words;
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => Line::Command(command.does, argument.trim()),
        None => {
            let nearest = COMMANDS.iter().min_by_key(|command| distance(name, command.name));
            Line::Unknown(name, nearest.map_or("/help", |command| command.name))
        }
    }
}

pub(crate) fn help() -> String {
    let row = |command: &Slash| format!("{:<14} {}\n", format!("{} {}", command.name, command.takes), command.help);
    COMMANDS.iter().map(row).collect::<String>() + KEYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_what_it_looks_like() {
        assert_eq!(read("fix /the bug"), Line::Words);
        assert_eq!(read("/etc/hosts looks wrong"), Line::Words);
        assert_eq!(read("! ls -l"), Line::Shell("ls -l"));
        assert_eq!(read("/mode  auto "), Line::Command(Does::Mode, "auto"));
        assert_eq!(read("/quit"), Line::Command(Does::Quit, ""));
        assert_eq!(read("/hlep me"), Line::Unknown("/hlep", "/help"));
        assert_eq!(read("/exit"), Line::Unknown("/exit", "/quit"));
    }

    #[test]
    fn the_help_names_each_command() {
        for command in COMMANDS {
            assert!(help().contains(command.name) && help().contains(command.help));
        }
    }
}
