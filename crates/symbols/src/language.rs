//! The languages whose grammars are in the program, and which nodes of each define something: as data.

use std::sync::OnceLock;

use tree_sitter::Language as Grammar;

use crate::source::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Rust,
    Python,
    /// JavaScript too.
    TypeScript,
    Go,
    C,
    Bash,
}

/// What a node is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Other,
    /// A leaf that names something.
    Identifier,
    /// Belongs to the item after it.
    Lead,
    /// Stands around one item, and begins where that begins: `export`, decorators.
    Wrapper,
    /// The same, and its words belong to the signature.
    SignedWrapper,
    Definition(&'static Rule),
}

/// A node that defines something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    node: &'static str,
    /// The field that leads to its name.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) only: Only,
}

/// Which of these nodes define something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Only {
    All,
    /// Without a body it only mentions what is defined elsewhere.
    WithBody,
    /// In no other definition.
    AtTop,
}

const fn rule(node: &'static str, name: &'static str, kind: Kind) -> Rule {
    Rule { node, name, kind, only: Only::All }
}

const fn with_body(node: &'static str, name: &'static str, kind: Kind) -> Rule {
    Rule { node, name, kind, only: Only::WithBody }
}

const fn at_top(node: &'static str, name: &'static str, kind: Kind) -> Rule {
    Rule { node, name, kind, only: Only::AtTop }
}

const RUST: &[Rule] = &[
    rule("function_item", "name", Kind::Function),
    rule("function_signature_item", "name", Kind::Function),
    rule("macro_definition", "name", Kind::Function),
    rule("struct_item", "name", Kind::Type),
    rule("enum_item", "name", Kind::Type),
    rule("union_item", "name", Kind::Type),
    rule("trait_item", "name", Kind::Type),
    rule("type_item", "name", Kind::Type),
    rule("const_item", "name", Kind::Constant),
    rule("static_item", "name", Kind::Constant),
    with_body("mod_item", "name", Kind::Scope),
    rule("impl_item", "type", Kind::Scope),
];

const PYTHON: &[Rule] = &[
    rule("function_definition", "name", Kind::Function),
    rule("class_definition", "name", Kind::Type),
    at_top("assignment", "left", Kind::Constant),
];

const TYPESCRIPT: &[Rule] = &[
    rule("function_declaration", "name", Kind::Function),
    rule("generator_function_declaration", "name", Kind::Function),
    rule("function_signature", "name", Kind::Function),
    rule("method_definition", "name", Kind::Function),
    rule("abstract_method_signature", "name", Kind::Function),
    rule("class_declaration", "name", Kind::Type),
    rule("abstract_class_declaration", "name", Kind::Type),
    rule("interface_declaration", "name", Kind::Type),
    rule("type_alias_declaration", "name", Kind::Type),
    rule("enum_declaration", "name", Kind::Type),
    at_top("variable_declarator", "name", Kind::Constant),
    rule("internal_module", "name", Kind::Scope),
];

const GO: &[Rule] = &[
    rule("function_declaration", "name", Kind::Function),
    rule("method_declaration", "name", Kind::Function),
    rule("type_spec", "name", Kind::Type),
    rule("type_alias", "name", Kind::Type),
    at_top("const_spec", "name", Kind::Constant),
    at_top("var_spec", "name", Kind::Constant),
];

const C: &[Rule] = &[
    rule("function_definition", "declarator", Kind::Function),
    // Of a prototype; that of a definition is in it.
    at_top("function_declarator", "declarator", Kind::Function),
    rule("preproc_function_def", "name", Kind::Function),
    rule("preproc_def", "name", Kind::Constant),
    rule("type_definition", "declarator", Kind::Type),
    with_body("struct_specifier", "name", Kind::Type),
    with_body("union_specifier", "name", Kind::Type),
    with_body("enum_specifier", "name", Kind::Type),
];

const BASH: &[Rule] = &[rule("function_definition", "name", Kind::Function)];

const LEADS: &[&str] = &["comment", "line_comment", "block_comment", "attribute_item", "decorator"];
const WRAPPERS: &[&str] = &["decorated_definition", "expression_statement", "ambient_declaration"];
const SIGNED_WRAPPERS: &[&str] = &[
    "export_statement",
    "declaration",
    "lexical_declaration",
    "variable_declaration",
    "type_declaration",
    "const_declaration",
    "var_declaration",
];

impl Language {
    /// By the ending of a file's name.
    pub fn of(path: &str) -> Option<Language> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending.to_lowercase().as_str() {
            "rs" => Some(Language::Rust),
            "py" | "pyi" => Some(Language::Python),
            "ts" | "mts" | "cts" | "tsx" | "js" | "mjs" | "cjs" | "jsx" => Some(Language::TypeScript),
            "go" => Some(Language::Go),
            "c" | "h" => Some(Language::C),
            "sh" | "bash" => Some(Language::Bash),
            _ => None,
        }
    }

    pub fn grammar(self) -> Grammar {
        match self {
            Language::Rust => tree_sitter_rust::LANGUAGE.into(),
            Language::Python => tree_sitter_python::LANGUAGE.into(),
            // One grammar for all of them, since each is large.
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Language::Go => tree_sitter_go::LANGUAGE.into(),
            Language::C => tree_sitter_c::LANGUAGE.into(),
            Language::Bash => tree_sitter_bash::LANGUAGE.into(),
        }
    }

    fn rules(self) -> &'static [Rule] {
        match self {
            Language::Rust => RUST,
            Language::Python => PYTHON,
            Language::TypeScript => TYPESCRIPT,
            Language::Go => GO,
            Language::C => C,
            Language::Bash => BASH,
        }
    }

    /// What each node is to us, by the number of its kind.
    pub(crate) fn roles(self) -> &'static [Role] {
        static ROLES: [OnceLock<Vec<Role>>; 6] = [const { OnceLock::new() }; 6];
        let find = || {
            let grammar = self.grammar();
            (0..u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX))
                .map(|id| match grammar.node_kind_for_id(id) {
                    Some(kind) if grammar.node_kind_is_named(id) => self.role(kind),
                    Some(_) | None => Role::Other,
                })
                .collect()
        };
        ROLES.get(self as usize).map_or(&[], |roles| roles.get_or_init(find))
    }

    fn role(self, kind: &str) -> Role {
        if let Some(rule) = self.rules().iter().find(|rule| rule.node == kind) {
            return Role::Definition(rule);
        }
        if is_identifier(kind) {
            return Role::Identifier;
        }
        if LEADS.contains(&kind) {
            return Role::Lead;
        }
        if SIGNED_WRAPPERS.contains(&kind) {
            return Role::SignedWrapper;
        }
        if WRAPPERS.contains(&kind) { Role::Wrapper } else { Role::Other }
    }
}

/// All these grammars call the leaves that name something so; bash has words.
pub(crate) fn is_identifier(kind: &str) -> bool {
    kind == "word" || (kind.ends_with("identifier") && !kind.starts_with("scoped") && !kind.starts_with("nested"))
}
