//! Which files and symbols matter: those that others use, or those around a focus.
//!
//! Uses are counted once, not passed on: PageRank found less of what was changed together, on two histories
//! (docs/scaffold.md). A name is not resolved: each of its definitions, in the same language, gets a share. So one with
//! many says little of any, and one that its own file defines is taken to be meant there.

use std::collections::HashMap;

use crate::source::{Kind, Name, Source};

/// A name with more definitions is one such as `new`.
const MOST_DEFINITIONS: usize = 12;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranks {
    /// By file: what its symbols are used, and in a focus what it uses of others.
    pub files: Vec<f32>,
    /// By file and symbol: what it is used.
    pub symbols: Vec<Vec<f32>>,
    /// By file: what it uses of others, as far as those are in the focus.
    pub using: Vec<f32>,
}

/// `starts`: by file, what one use by it counts, and what one use of it does (nothing, where all is asked for).
pub fn rank(sources: &[&Source], starts: &[(f32, f32)]) -> Ranks {
    let mut symbols: Vec<Vec<f32>> = sources.iter().map(|source| vec![0.0; source.symbols.len()]).collect();
    let (mut files, mut using) = (vec![0.0; sources.len()], vec![0.0; sources.len()]);
    let definitions = definitions(sources);
    for (file, (source, (by, _))) in sources.iter().zip(starts).enumerate() {
        for (name, _) in &source.names {
            let Some(defined) = definitions.get(name).filter(|defined| defined.iter().all(|(at, _)| *at != file))
            else {
                continue;
            };
            let share = 1.0 / defined.len() as f32;
            for (at, symbol) in defined {
                let of = starts.get(*at).map_or(0.0, |(_, of)| *of);
                add(&mut files, *at, by * share);
                add(&mut files, file, of * share);
                add(&mut using, file, of * share);
                if let Some(symbols) = symbols.get_mut(*at) {
                    add(symbols, *symbol, by * share);
                }
            }
        }
    }
    Ranks { files, symbols, using }
}

fn add(weights: &mut [f32], index: usize, weight: f32) {
    if let Some(sum) = weights.get_mut(index) {
        *sum += weight;
    }
}

/// Where each name is defined: file, symbol.
fn definitions(sources: &[&Source]) -> HashMap<Name, Vec<(usize, usize)>> {
    let mut by_name: HashMap<Name, Vec<(usize, usize)>> = HashMap::new();
    for (file, source) in sources.iter().enumerate() {
        for (index, symbol) in source.symbols.iter().enumerate() {
            if symbol.kind != Kind::Scope && !symbol.local && 2 < symbol.name.len() {
                by_name.entry(Name::of(source.language, &symbol.name)).or_default().push((file, index));
            }
        }
    }
    by_name.retain(|_, defined| defined.len() <= MOST_DEFINITIONS);
    by_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, read};

    fn ranks(texts: &[(Language, &str)], starts: &[(f32, f32)]) -> Ranks {
        let sources: Vec<Source> = texts.iter().map(|(it, text)| read(*it, text, || false).unwrap()).collect();
        rank(&sources.iter().collect::<Vec<&Source>>(), starts)
    }

    const TEXTS: &[(Language, &str)] = &[
        (Language::Rust, "fn main() { start_all(); helper_one(); helper_one() }"),
        (Language::Rust, "fn start_all() { helper_one() }"),
        (Language::Rust, "fn helper_one() {}\nfn unused_one() {}"),
    ];

    #[test]
    fn what_more_files_use_matters_more() {
        let ranks = ranks(TEXTS, &[(1.0, 0.0); 3]);
        assert_eq!((ranks.files, ranks.using), (vec![0.0, 1.0, 2.0], vec![0.0; 3]));
        assert_eq!(ranks.symbols, [vec![0.0], vec![1.0], vec![2.0, 0.0]]);
    }

    #[test]
    fn around_a_focus_stand_those_that_it_uses_and_those_that_use_it() {
        let ranks = ranks(TEXTS, &[(0.0, 0.0), (1.0, 1.0), (0.0, 0.0)]);
        assert_eq!((ranks.files, ranks.using), (vec![1.0, 0.0, 1.0], vec![1.0, 0.0, 0.0]));
    }

    #[test]
    fn a_name_is_shared_by_its_definitions_and_is_another_in_another_language() {
        let texts = [
            (Language::Rust, "fn main() { start_all() }"),
            (Language::Rust, "fn start_all() {}"),
            (Language::Rust, "fn start_all() {}"),
            (Language::Python, "def start_all(): pass\n"),
        ];
        assert_eq!(ranks(&texts, &[(1.0, 0.0); 4]).files, [0.0, 0.5, 0.5, 0.0]);
    }
}
