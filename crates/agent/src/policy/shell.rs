//! Takes a command line apart into the simple commands that it runs. Pure, by a real shell grammar.
//!
//! It fails closed: what is not on the short lists here (here-documents, functions, loops, redirections that write,
//! assignments, `eval` by another name ...) is not taken apart, and whoever judges it has to ask.

use std::fmt;

use tree_sitter::{Node, Parser};

/// A command line, fully taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Every command that runs, those of substitutions included, in the order of the text.
    pub(crate) commands: Vec<Simple>,
    /// There is a redirection, even if it writes nowhere.
    redirected: bool,
    /// What here-strings (`<<< word`) give to commands on their stdin.
    pub(crate) here_strings: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Simple {
    /// The first is always [`Word::Plain`].
    pub(crate) words: Vec<Word>,
    /// It reads what the command before it printed.
    pub(crate) reads_pipe: bool,
    /// Its output becomes a part of another command.
    pub(crate) substituted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Known to the letter, quotes taken off.
    Plain(String),
    /// The shell makes names of files or several words of it; what it is before that.
    Pattern(String),
    /// Known only when it runs.
    Unknown,
}

impl Line {
    /// The words of the only command, if it is that and nothing more.
    pub(crate) fn only(&self) -> Option<Vec<&str>> {
        match self.commands.as_slice() {
            [only] if !self.redirected => only.words.iter().map(Word::plain).collect(),
            _ => None,
        }
    }
}

impl Word {
    pub(crate) fn plain(&self) -> Option<&str> {
        match self {
            Word::Plain(text) => Some(text),
            Word::Pattern(_) | Word::Unknown => None,
        }
    }
}

impl Simple {
    pub(crate) fn program(&self) -> &str {
        self.words.first().and_then(Word::plain).unwrap_or_default()
    }
}

/// For humans: quotes gone, what is not known as `…`.
impl fmt::Display for Simple {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|word| match word {
            Word::Plain(text) | Word::Pattern(text) => text,
            Word::Unknown => "…",
        });
        formatter.write_str(&words.collect::<Vec<&str>>().join(" "))
    }
}

/// Longer lines are not commands that anybody checks. Also bounds the parser's time and memory.
const MOST_BYTES: usize = 64 << 10;
/// Of the syntax tree. The reader below is recursive; each `&&` and each `$(` is one level or a few.
const DEEPEST: u32 = 250;

/// The commands of a line, or what in it cannot be taken apart.
pub(crate) fn take_apart(text: &str) -> Result<Line, &'static str> {
    if MOST_BYTES < text.len() {
        return Err("it is longer than 64 KiB");
    }
    // Shells disagree on these, and eyes miss them.
    let odd = |character: char| {
        (character.is_control() && !matches!(character, '\n' | '\t'))
            || (!character.is_ascii() && character.is_whitespace())
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if text.contains(odd) {
        return Err("it has invisible characters");
    }
    const BROKEN: &str = "it is not valid shell syntax";
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).map_err(|_| BROKEN)?;
    let tree = parser.parse(text, None).ok_or(BROKEN)?;
    if tree.root_node().has_error() {
        return Err(BROKEN);
    }
    if is_deep(tree.root_node()) {
        return Err("it is nested too deeply");
    }
    let mut reader = Reader { text, line: Line::default(), substituted: false };
    reader.statements(tree.root_node())?;
    if reader.line.commands.is_empty() {
        return Err("it runs nothing");
    }
    Ok(reader.line)
}

struct Reader<'a> {
    text: &'a str,
    line: Line,
    substituted: bool,
}

impl<'a> Reader<'a> {
    fn statements(&mut self, node: Node<'_>) -> Result<(), &'static str> {
        children(node).try_for_each(|child| self.statement(child, false))
    }

    fn statement(&mut self, node: Node<'_>, reads_pipe: bool) -> Result<(), &'static str> {
        match node.kind() {
            "list" => self.statements(node),
            "pipeline" => {
                let stages = children(node).filter(Node::is_named).enumerate();
                stages.into_iter().try_for_each(|(index, stage)| self.statement(stage, reads_pipe || 0 < index))
            }
            "redirected_statement" => children(node).try_for_each(|child| match child.kind() {
                "file_redirect" | "herestring_redirect" => self.redirect(child),
                _ => self.statement(child, reads_pipe),
            }),
            "command" => self.command(node, reads_pipe),
            "comment" | ";" | "&" | "&&" | "||" | "\n" | "$(" | ")" | "`" => Ok(()),
            kind => Err(not_taken_apart(kind)),
        }
    }

    fn command(&mut self, node: Node<'_>, reads_pipe: bool) -> Result<(), &'static str> {
        // A command stands before those of its own substitutions.
        let place = self.line.commands.len();
        let mut words = Vec::new();
        for child in children(node) {
            match child.kind() {
                "command_name" => words.push(Word::Plain(self.program(child)?)),
                "file_redirect" | "herestring_redirect" => self.redirect(child)?,
                _ => words.push(self.word(child)?),
            }
        }
        self.line.commands.insert(place, Simple { words, reads_pipe, substituted: self.substituted });
        Ok(())
    }

    /// Only a word without quotes, escapes and expansions says what runs.
    fn program(&self, node: Node<'_>) -> Result<String, &'static str> {
        let text = self.text_of(node);
        let word = node.named_child(0).filter(|word| word.kind() == "word" && self.text_of(*word) == text);
        let plain = |character: char| character.is_ascii_alphanumeric() || "._/+-@:,%".contains(character);
        match word {
            Some(_) if text.chars().all(plain) => Ok(text.to_owned()),
            Some(_) | None => Err("its program is not a plain word"),
        }
    }

    fn word(&mut self, node: Node<'_>) -> Result<Word, &'static str> {
        let text = self.text_of(node);
        match node.kind() {
            "number" => Ok(Word::Plain(text.to_owned())),
            "word" => Ok(unquoted(text)),
            "raw_string" => Ok(Word::Plain(inside(text).to_owned())),
            "string" => {
                let mut known = true;
                for child in children(node).filter(Node::is_named) {
                    if child.kind() != "string_content" {
                        self.word(child)?;
                        known = false;
                    }
                }
                if known { in_double_quotes(inside(text)).map(Word::Plain) } else { Ok(Word::Unknown) }
            }
            "concatenation" => {
                let parts: Vec<Word> = children(node).map(|part| self.word(part)).collect::<Result<_, _>>()?;
                Ok(parts.into_iter().reduce(join).unwrap_or(Word::Unknown))
            }
            "simple_expansion" => Ok(Word::Unknown),
            "expansion" => {
                let name = node.named_child(0).filter(|name| name.kind() == "variable_name");
                match name {
                    Some(name) if text == format!("${{{}}}", self.text_of(name)) => Ok(Word::Unknown),
                    Some(_) | None => Err("it has an expansion that can run or change something"),
                }
            }
            "command_substitution" if text.starts_with('`') && text.contains('\\') => {
                Err("it has escapes inside backquotes")
            }
            "command_substitution" => {
                let outer = std::mem::replace(&mut self.substituted, true);
                self.statements(node)?;
                self.substituted = outer;
                Ok(Word::Unknown)
            }
            kind => Err(not_taken_apart(kind)),
        }
    }

    /// `2>&1` and `>/dev/null` change no file.
    fn redirect(&mut self, node: Node<'_>) -> Result<(), &'static str> {
        self.line.redirected = true;
        if node.kind() == "herestring_redirect" {
            for word in children(node).filter(Node::is_named) {
                let word = self.word(word)?;
                self.line.here_strings.push(word);
            }
            return Ok(());
        }
        let text: String = self.text_of(node).split_whitespace().collect();
        match text.trim_start_matches(|character: char| character.is_ascii_digit()) {
            ">&1" | ">&2" | ">/dev/null" | ">>/dev/null" | "&>/dev/null" | "</dev/null" => Ok(()),
            _ => Err("it redirects to or from a file"),
        }
    }

    fn text_of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

/// Whether some node lies deeper than [`DEEPEST`]. A walk without recursion.
fn is_deep(root: Node<'_>) -> bool {
    let mut cursor = root.walk();
    loop {
        if DEEPEST < cursor.depth() {
            return true;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    // `Node::child` counts from the first child each time.
    let children: Vec<Node<'_>> = node.children(&mut node.walk()).collect();
    children.into_iter()
}

fn inside(quoted: &str) -> &str {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

fn unquoted(text: &str) -> Word {
    let mut plain = String::with_capacity(text.len());
    let mut pattern = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next().filter(|next| *next != '\n')),
            '*' | '?' | '[' | '{' => {
                pattern = true;
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    if pattern { Word::Pattern(plain) } else { Word::Plain(plain) }
}

/// Quotes in quotes are where parsers and eyes disagree.
fn in_double_quotes(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('`', _) | ('\\', Some('"' | '`')) => return Err("it has nested quotes"),
            ('\\', Some('$' | '\\')) => plain.extend(characters.next()),
            (_, _) => plain.push(character),
        }
    }
    Ok(plain)
}

fn join(left: Word, right: Word) -> Word {
    match (left, right) {
        (Word::Unknown, _) | (_, Word::Unknown) => Word::Unknown,
        (Word::Plain(left), Word::Plain(right)) => Word::Plain(left + &right),
        (Word::Pattern(left) | Word::Plain(left), Word::Pattern(right) | Word::Plain(right)) => {
            Word::Pattern(left + &right)
        }
    }
}

fn not_taken_apart(kind: &str) -> &'static str {
    match kind {
        "heredoc_redirect" => "it has a here-document",
        "variable_assignment" | "variable_assignments" => "it sets variables",
        "process_substitution" => "it has a process substitution",
        "subshell" | "compound_statement" => "it has a group of commands",
        "for_statement" | "while_statement" | "if_statement" | "case_statement" | "c_style_for_statement" => {
            "it has a loop or a condition"
        }
        "function_definition" => "it defines a function",
        "declaration_command" | "unset_command" => "it changes variables",
        "ansi_c_string" | "translated_string" => "it has a $'...' or $\"...\" string",
        _ => "it uses syntax that is not analyzed",
    }
}

#[cfg(test)]
mod tests;
