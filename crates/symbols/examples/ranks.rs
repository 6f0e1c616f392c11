//! Which way of ranking finds what belongs together, by what was changed together:
//! `git log --name-only --format=tformat:commit | cargo run --release -p symbols --example ranks`, in a repository.
//!
//! `all`: of the files that commits changed, how many are among the first 20 of the map of all. `focus`: of the files that
//! a commit of 2 to 8 files changed besides one, how many are among the first 10 of the map about that one.
#![expect(clippy::print_stdout, reason = "the table is its output")]
#![expect(clippy::disallowed_methods, reason = "it reads the repository that it measures")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _};

use symbols::{Language, Source, rank, read};

fn main() -> io::Result<()> {
    let mut commits: Vec<Vec<String>> = Vec::new();
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "commit" => commits.push(Vec::new()),
            path if Language::of(path).is_some() => {
                commits.last_mut().into_iter().for_each(|it| it.push(path.to_owned()))
            }
            _ => (),
        }
    }
    let paths: BTreeSet<&String> = commits.iter().flatten().collect();
    let load = |path: &&String| {
        let text = fs::read_to_string(path).ok()?;
        Some(((*path).clone(), text.len(), read(Language::of(path)?, &text, || false)?))
    };
    let files: Vec<(String, usize, Source)> = paths.iter().filter_map(load).collect();
    let sources: Vec<&Source> = files.iter().map(|(_, _, source)| source).collect();
    let place = |path: &String| files.iter().position(|(at, _, _)| at == path);
    let commits: Vec<Vec<usize>> = commits.iter().map(|commit| commit.iter().filter_map(place).collect()).collect();
    println!("{} files, {} commits", files.len(), commits.len());

    let sizes: Vec<f32> = files.iter().map(|(_, bytes, _)| *bytes as f32).collect();
    println!("by size: all {:.3}", all(&commits, &sizes));
    let ranks = rank(&sources, &vec![(1.0, 0.0); files.len()]);
    println!("by uses: all {:.3}", all(&commits, &ranks.files));
    for (name, of) in [("what it uses", 0.0), ("and what uses it", 1.0)] {
        let (mut found, mut wanted) = (0, 0);
        for commit in commits.iter().filter(|commit| (2..=8).contains(&commit.len())) {
            for about in commit {
                let start = |at| if at == *about { (1.0, of) } else { (0.0, 0.0) };
                let starts: Vec<(f32, f32)> = (0..files.len()).map(start).collect();
                let first = first(&rank(&sources, &starts).files, 10);
                found += commit.iter().filter(|other| *other != about && first.contains(other)).count();
                wanted += commit.len() - 1;
            }
        }
        println!("{name}: focus {:.3} of {wanted}", f64::from(found as u32) / f64::from(wanted.max(1) as u32));
    }
    Ok(())
}

fn all(commits: &[Vec<usize>], weights: &[f32]) -> f64 {
    let first = first(weights, 20);
    let (found, wanted) = (commits.iter().flatten().filter(|file| first.contains(file)), commits.iter().flatten());
    f64::from(found.count() as u32) / f64::from(wanted.count().max(1) as u32)
}

fn first(weights: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    order.truncate(count);
    order
}
