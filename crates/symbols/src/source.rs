//! What one file defines, and the names that it uses.

use std::collections::HashMap;
use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, Parser, TreeCursor};

use crate::language::{Language, Only, Role, Rule, is_identifier};

/// Larger files are generated, or data.
pub(crate) const LARGEST_BYTES: usize = 1 << 20;
/// Of one file; what stands deeper or later is not seen. No file that a person wrote comes near.
const DEEPEST: usize = 200;
const MOST_SYMBOLS: usize = 2_000;
const MOST_NAMES: usize = 4_000;
/// Of a signature that is kept.
const SIGNATURE_BYTES: usize = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    Type,
    Constant,
    /// What only holds others: an `impl`, a module.
    Scope,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    pub kind: Kind,
    /// Where it stands, from 1.
    pub line: u32,
    /// With the comments and attributes above it, from 1.
    pub first: u32,
    pub last: u32,
    /// The symbol around it, by its index.
    pub parent: Option<u32>,
    /// Within a function: nobody outside can mean it.
    pub local: bool,
    /// Its first words, up to its body, on one line.
    pub signature: String,
}

/// A name of one language, by its digest (FNV-1a): names are compared, never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub u32);

impl Name {
    pub fn of(language: Language, name: &str) -> Name {
        let bytes = [language as u8].into_iter().chain(name.bytes());
        Name(bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub language: Language,
    /// In the order of the text.
    pub symbols: Vec<Symbol>,
    /// The names that stand in it, and how often, sorted.
    pub names: Vec<(Name, u32)>,
}

/// `None` where the text is too large, or `stop` said true before it was parsed: it is asked again and again.
pub fn read(language: Language, text: &str, mut stop: impl FnMut() -> bool) -> Option<Source> {
    if LARGEST_BYTES < text.len() {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let mut progress = |_: &_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))?;
    let mut reader = Reader { language, text, open: Vec::new(), symbols: Vec::new(), names: HashMap::new() };
    reader.walk(tree.walk());
    let mut names: Vec<(Name, u32)> = reader.names.into_iter().collect();
    names.sort_unstable();
    Some(Source { language, symbols: reader.symbols, names })
}

struct Reader<'t> {
    language: Language,
    text: &'t str,
    /// The definitions around the current node: index, end in bytes.
    open: Vec<(u32, usize)>,
    symbols: Vec<Symbol>,
    names: HashMap<Name, u32>,
}

/// One level of the tree, as far as it was walked.
#[derive(Clone, Copy, Default)]
struct Level {
    /// The first line of what leads to the next item, and its last.
    lead: Option<(usize, usize)>,
    /// The last line of the item before.
    before: Option<usize>,
    /// For the first item of a wrapper: the first line of all, and where its signature begins, in bytes.
    wrapper: Option<(usize, Option<usize>)>,
}

impl Reader<'_> {
    fn walk(&mut self, mut cursor: TreeCursor<'_>) {
        let roles = self.language.roles();
        let mut levels = vec![Level::default()];
        loop {
            let below = levels.last_mut().and_then(|level| self.visit(roles, level, cursor.node()));
            if let Some(below) = below.filter(|_| levels.len() < DEEPEST)
                && cursor.goto_first_child()
            {
                levels.push(below);
                continue;
            }
            while !cursor.goto_next_sibling() {
                levels.pop();
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    /// The level of its children, unless there is nothing to see in them.
    fn visit(&mut self, roles: &[Role], level: &mut Level, node: Node<'_>) -> Option<Level> {
        let role = roles.get(usize::from(node.kind_id())).copied().unwrap_or(Role::Other);
        let (start, last) = (node.start_position().row, last_row(node));
        if role == Role::Lead {
            let first = match level.lead {
                Some((first, before)) if start <= before + 1 => Some(first),
                // At the end of the item's own line it is about that item.
                Some(_) | None if level.before == Some(start) => None,
                Some(_) | None => Some(start),
            };
            level.lead = first.map(|first| (first, last));
            return Some(Level::default());
        }
        let lead = level.lead.take().filter(|(_, before)| start <= before + 1).map(|(first, _)| first);
        level.before = Some(last);
        let wrapper = level.wrapper.take();
        let first = wrapper.map_or(start, |(first, _)| first).min(lead.unwrap_or(start));
        let signed = wrapper.and_then(|(_, signed)| signed);
        match role {
            Role::Wrapper => Some(Level { wrapper: Some((first, signed)), ..Level::default() }),
            Role::SignedWrapper => {
                let signed = signed.unwrap_or(node.start_byte());
                Some(Level { wrapper: Some((first, Some(signed))), ..Level::default() })
            }
            Role::Definition(rule) => {
                self.define(rule, node, first, signed);
                Some(Level::default())
            }
            // `export`, `const`, a type: they stand before the item that they belong to.
            Role::Identifier | Role::Other | Role::Lead => {
                level.wrapper = wrapper;
                if role == Role::Identifier {
                    self.mention(node);
                }
                let wrapper = wrapper.filter(|_| node.kind().ends_with("declarator"));
                (0 < node.child_count()).then_some(Level { wrapper, ..Level::default() })
            }
        }
    }

    fn mention(&mut self, node: Node<'_>) {
        let Some(name) = self.text.get(node.byte_range()).filter(|name| 2 < name.len() && name.len() < 100) else {
            return;
        };
        let name = Name::of(self.language, name);
        if self.names.len() < MOST_NAMES || self.names.contains_key(&name) {
            *self.names.entry(name).or_default() += 1;
        }
    }

    fn define(&mut self, rule: &Rule, node: Node<'_>, first: usize, signed: Option<usize>) {
        while self.open.last().is_some_and(|(_, end)| *end <= node.start_byte()) {
            self.open.pop();
        }
        let parent = self.open.last().map(|(index, _)| *index);
        let around = parent.and_then(|parent| self.symbols.get(parent as usize));
        let local = around.is_some_and(|around| around.local || around.kind == Kind::Function);
        let body = node.child_by_field_name("body");
        let counts = match rule.only {
            Only::All => !local || rule.kind != Kind::Constant,
            Only::WithBody => body.is_some(),
            Only::AtTop => parent.is_none(),
        };
        let Some(name) = node.child_by_field_name(rule.name).filter(|_| counts).and_then(name_in) else { return };
        let Some(name) = self.text.get(name.byte_range()) else { return };
        if MOST_SYMBOLS <= self.symbols.len() {
            return;
        }
        let value = node.child_by_field_name("value").map(|value| (value.kind(), value));
        let (kind, body) = match value {
            Some(("arrow_function" | "function_expression" | "generator_function", function)) => {
                (Kind::Function, function.child_by_field_name("body"))
            }
            Some(("class", class)) => (Kind::Type, class.child_by_field_name("body")),
            Some(_) | None => (rule.kind, body),
        };
        let end = body.map_or(node.end_byte(), |body| body.start_byte());
        // A wrapper around several begins on a line of its own.
        let signed =
            signed.filter(|signed| !self.text.get(*signed..node.start_byte()).is_none_or(|it| it.contains('\n')));
        let signature = self.text.get(signed.unwrap_or(node.start_byte())..end).unwrap_or_default();
        self.open.push((u32::try_from(self.symbols.len()).unwrap_or(u32::MAX), node.end_byte()));
        self.symbols.push(Symbol {
            name: name.to_owned(),
            kind,
            line: line(node.start_position().row),
            first: line(first),
            last: line(last_row(node)),
            parent,
            local,
            signature: shorten(signature, kind, name),
        });
    }
}

fn line(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// A node that ends with a line end is not on the line after it.
fn last_row(node: Node<'_>) -> usize {
    let end = node.end_position();
    if end.column == 0 && node.start_position().row < end.row { end.row - 1 } else { end.row }
}

/// The name in a declarator or a type with parameters.
fn name_in(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    for _ in 0..20 {
        if is_identifier(node.kind()) {
            return Some(node);
        }
        let inner = ["declarator", "type", "name"].iter().find_map(|field| node.child_by_field_name(field));
        let in_brackets = || node.kind().starts_with("parenthesized").then(|| node.named_child(0)).flatten();
        node = inner.or_else(in_brackets)?;
    }
    None
}

/// One line of about [`SIGNATURE_BYTES`], without what only begins the body.
fn shorten(signature: &str, kind: Kind, name: &str) -> String {
    let signature = match kind {
        Kind::Constant => signature.lines().next().unwrap_or_default(),
        // Go's types have their body in another field.
        Kind::Type => signature.split('{').next().unwrap_or_default(),
        Kind::Function | Kind::Scope => signature,
    };
    let mut short = String::new();
    for word in signature.split_whitespace() {
        if !short.is_empty() && !short.ends_with('(') && !word.starts_with(')') {
            short.push(' ');
        }
        short.push_str(word);
        if SIGNATURE_BYTES < short.len() {
            short.truncate(short.floor_char_boundary(SIGNATURE_BYTES - 3));
            short.push_str("...");
            return short;
        }
    }
    let end = short.trim_end_matches(['{', ':', ';', '=', ' ']).trim_end_matches("=>").trim_end().len();
    short.truncate(end);
    // C names a type after its body.
    if !short.contains(name) && short.len() + name.len() < SIGNATURE_BYTES {
        short.push(' ');
        short.push_str(name);
    }
    short
}

#[cfg(test)]
mod tests;
