//! Which files and symbols matter: those that are used by files that matter (PageRank, by Page and Brin, over names).
//!
//! A name is not resolved: each file that defines it, in the same language, gets a share. So a name with many definitions
//! says little of any, and one that its own file defines is taken to be meant there.

use std::collections::HashMap;

use crate::source::{Kind, Name, Source};

/// How much of a file's weight goes on to what it uses; the rest is spread anew. As in the paper.
const DAMPING: f32 = 0.85;
/// One round counts uses; more let those by much used files count more.
pub const ROUNDS: usize = 15;
/// A name with more definitions is one such as `new`.
const MOST_DEFINITIONS: usize = 12;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranks {
    /// By file; all together 1.
    pub files: Vec<f32>,
    /// By file and symbol: the weight that comes in through its name.
    pub symbols: Vec<Vec<f32>>,
}

/// A name that several files can mean, and the symbols that have it: file, symbol.
type Definitions = Vec<(usize, usize)>;

/// `start`: by file, where weight comes from; all together 1.
pub fn rank(sources: &[&Source], start: &[f32], rounds: usize) -> Ranks {
    let (definitions, uses) = graph(sources);
    let mut files = start.to_vec();
    let mut incoming = vec![0.0; definitions.len()];
    for _ in 0..rounds {
        incoming.fill(0.0);
        let mut idle = 0.0;
        for (weight, used) in files.iter().zip(&uses) {
            if used.is_empty() {
                idle += weight;
            }
            for (name, share) in used {
                if let Some(incoming) = incoming.get_mut(*name) {
                    *incoming += weight * share;
                }
            }
        }
        for (weight, start) in files.iter_mut().zip(start) {
            *weight = start * (1.0 - DAMPING + DAMPING * idle);
        }
        for (defined, incoming) in definitions.iter().zip(&incoming) {
            for (file, _) in defined {
                if let Some(weight) = files.get_mut(*file) {
                    *weight += DAMPING * incoming / defined.len() as f32;
                }
            }
        }
    }
    let mut symbols: Vec<Vec<f32>> = sources.iter().map(|source| vec![0.0; source.symbols.len()]).collect();
    for (defined, incoming) in definitions.iter().zip(&incoming) {
        for (file, symbol) in defined {
            if let Some(weight) = symbols.get_mut(*file).and_then(|symbols| symbols.get_mut(*symbol)) {
                *weight = incoming / defined.len() as f32;
            }
        }
    }
    Ranks { files, symbols }
}

/// What is defined, and by file which of it is used, in shares that are together 1.
fn graph(sources: &[&Source]) -> (Vec<Definitions>, Vec<Vec<(usize, f32)>>) {
    let mut by_name: HashMap<Name, Definitions> = HashMap::new();
    for (file, source) in sources.iter().enumerate() {
        for (index, symbol) in source.symbols.iter().enumerate() {
            if symbol.kind != Kind::Scope && !symbol.local && 2 < symbol.name.len() {
                by_name.entry(Name::of(source.language, &symbol.name)).or_default().push((file, index));
            }
        }
    }
    by_name.retain(|_, defined| defined.len() <= MOST_DEFINITIONS);
    // In an order of its own, so that sums come out the same each time.
    let mut by_name: Vec<(Name, Definitions)> = by_name.into_iter().collect();
    by_name.sort_unstable_by_key(|(name, _)| *name);
    let ids: HashMap<Name, usize> = by_name.iter().enumerate().map(|(id, (name, _))| (*name, id)).collect();
    let definitions: Vec<Definitions> = by_name.into_iter().map(|(_, defined)| defined).collect();
    let uses = sources.iter().enumerate().map(|(file, source)| {
        let mut used: Vec<(usize, f32)> = Vec::new();
        for (name, count) in &source.names {
            let Some(id) = ids.get(name) else { continue };
            let Some(defined) = definitions.get(*id).filter(|defined| defined.iter().all(|(at, _)| *at != file)) else {
                continue;
            };
            used.push((*id, (*count as f32).sqrt() / defined.len() as f32));
        }
        let total: f32 = used.iter().map(|(_, share)| share).sum();
        used.iter_mut().for_each(|(_, share)| *share /= total);
        used
    });
    let uses = uses.collect();
    (definitions, uses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, read};

    #[test]
    fn what_is_used_matters_and_most_by_what_is_used_itself() {
        let texts = [
            "fn main() { start_all(); helper_one() }",
            "fn start_all() { deep_one(); deep_one() }",
            "fn deep_one() {}",
            "fn helper_one() {}\nfn unused_one() {}",
        ];
        let sources: Vec<Source> = texts.iter().map(|text| read(Language::Rust, text, || false).unwrap()).collect();
        let sources: Vec<&Source> = sources.iter().collect();
        let ranks = rank(&sources, &[0.25; 4], ROUNDS);
        let [main, start, deep, helper] = ranks.files[..] else { panic!() };
        assert!(main < helper && helper <= start && start < deep, "{ranks:?}");
        assert!((ranks.files.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{ranks:?}");
        assert_eq!(ranks.symbols[3][1], 0.0);
        let of_helper = rank(&sources, &[0.0, 0.0, 0.0, 1.0], ROUNDS);
        assert!(of_helper.files[3] > 0.9, "{of_helper:?}");
    }

    #[test]
    fn a_name_of_another_language_is_another_name() {
        let one = read(Language::Rust, "fn main() { start_all() }", || false).unwrap();
        let other = read(Language::Python, "def start_all(): pass\n", || false).unwrap();
        let ranks = rank(&[&one, &other], &[0.5; 2], ROUNDS);
        assert_eq!(ranks.symbols, [[0.0], [0.0]]);
    }
}
