//! The symbol around a line, and those of a name.

use crate::source::{Kind, Symbol};

/// The smallest symbol around a line, from 1. A function in a function is a part of it.
pub fn around(symbols: &[Symbol], line: u32) -> Option<&Symbol> {
    let holds = |symbol: &&Symbol| symbol.first <= line && line <= symbol.last && !symbol.local;
    symbols.iter().filter(holds).min_by_key(|symbol| symbol.last - symbol.first)
}

/// The symbols that somebody may mean who writes `name`, `Type::name`, `Type.name`, `fn name(...)` or `impl Type`.
/// Where the part before the name fits none of them, it is taken for a module or a file.
pub fn named<'s>(symbols: &'s [Symbol], wanted: &str) -> Vec<&'s Symbol> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    let head = wanted.split('(').next().unwrap_or_default();
    let mut parts = head.split(|character| !is_part(character)).filter(|part| !part.is_empty()).rev();
    let Some(name) = parts.next() else { return Vec::new() };
    let before = parts.next();
    let mut all: Vec<&Symbol> = symbols.iter().filter(|symbol| symbol.name == name).collect();
    let scope_wanted = matches!(before, Some("impl" | "mod" | "namespace"));
    narrow(&mut all, |symbol| (symbol.kind == Kind::Scope) == scope_wanted);
    narrow(&mut all, |symbol| {
        let parent = symbol.parent.and_then(|parent| symbols.get(parent as usize));
        before.is_some() && parent.map(|parent| parent.name.as_str()) == before
    });
    narrow(&mut all, |symbol| !symbol.local);
    all
}

/// Keeps those that fit, unless none does.
fn narrow(all: &mut Vec<&Symbol>, fits: impl Fn(&Symbol) -> bool) {
    if all.iter().any(|symbol| fits(symbol)) {
        all.retain(|symbol| fits(symbol));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, read};

    const TEXT: &str = "\
struct A;

/// Makes one.
#[must_use]
impl A {
    // Why.
    fn new() -> A {
        fn helper() {}
        A
    }
}

impl Drop for B {
    fn new() {}
}
";

    fn symbols() -> Vec<Symbol> {
        read(Language::Rust, TEXT, || false).unwrap().symbols
    }

    #[track_caller]
    fn check_named(wanted: &str, expected: &[(u32, u32)]) {
        let found: Vec<(u32, u32)> =
            named(&symbols(), wanted).iter().map(|symbol| (symbol.first, symbol.last)).collect();
        assert_eq!(found, expected, "{wanted}");
    }

    #[test]
    fn by_name() {
        check_named("A", &[(1, 1)]);
        check_named("impl A", &[(3, 11)]);
        check_named("B", &[(13, 15)]);
        check_named("new", &[(6, 10), (14, 14)]);
        check_named("A::new", &[(6, 10)]);
        check_named("module.new", &[(6, 10), (14, 14)]);
        check_named("fn helper()", &[(8, 8)]);
        check_named("helpe", &[]);
        check_named("::", &[]);
    }

    #[test]
    fn by_line() {
        let lines = |line| around(&symbols(), line).map(|symbol| (symbol.first, symbol.last));
        assert_eq!(lines(8), Some((6, 10)));
        assert_eq!(lines(6), Some((6, 10)));
        assert_eq!(lines(3), Some((3, 11)));
        assert_eq!(lines(2), None);
    }
}
