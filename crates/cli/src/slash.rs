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
    Slash { name: "/help", takes: "", help: "list commands and keys", does: Does::Help },
    Slash {
        name: "/mode",
        takes: "[MODE]",
        help: "show or set the mode: read-only, confirm, accept-edits, auto",
        does: Does::Mode,
    },
    Slash { name: "/model", takes: "[ID]", help: "show or switch the model", does: Does::Model },
    Slash {
        name: "/effort",
        takes: "[LEVEL]",
        help: "show or set how much the model thinks: none, minimal, low, medium, high, xhigh",
        does: Does::Effort,
    },
    Slash { name: "/diff", takes: "", help: "show this session's changes to files", does: Does::Diff },
    Slash {
        name: "/undo",
        takes: "[FILE]",
        help: "undo the last step and later ! commands, or only FILE",
        does: Does::Undo,
    },
    Slash { name: "/redo", takes: "", help: "reverse the last undo", does: Does::Redo },
    Slash { name: "/cost", takes: "", help: "show tokens, cost and context use of the session", does: Does::Cost },
    Slash {
        name: "/compact",
        takes: "[FOCUS]",
        help: "summarize the conversation to free context, keeping FOCUS",
        does: Does::Compact,
    },
    Slash { name: "/sessions", takes: "", help: "list recent sessions in this directory", does: Does::Sessions },
    Slash { name: "/quit", takes: "", help: "quit; the session is kept", does: Does::Quit },
];

const KEYS: &str = "\
Enter sends · Alt-Enter, Ctrl-J or a trailing \\ starts a new line
@ completes a file, Tab accepts · ! runs a command in the sandbox and shows the model its output
Shift-Tab or F2 changes the mode · Up and Down browse earlier input
Esc or Ctrl-C stops the turn · Ctrl-C twice, or Ctrl-D on an empty line, quits
The model reads what you type while it works before its next step.";

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
