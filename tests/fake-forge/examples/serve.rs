//! A forge to play with: `serve KIND BARE TITLE BODY` serves a bare repository with one issue, prints where as shell
//! variables, and when its standard input ends, the pull requests that were opened.
#![expect(clippy::print_stdout, reason = "it is for the eyes, and for scripts")]

use std::io::Read as _;

use fake_forge::{Config, FakeForge, Kind};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, bare, title, body] = arguments.as_slice() else {
        return Err("usage: serve github|gitlab|forgejo BARE TITLE BODY".into());
    };
    let kinds = [Kind::GitHub, Kind::GitLab, Kind::Forgejo];
    let kind = kinds.into_iter().find(|other| other.name() == kind).ok_or("no such forge")?;
    let config = Config { repository: Some(bare.into()), ..Config::new(kind) };
    let token = config.token.clone();
    let forge = FakeForge::spawn(config)?;
    let issue = forge.add_issue("ann", title, body);
    println!("URL={}\nREMOTE={}\nTOKEN={token}\nISSUE={issue}", forge.url(), forge.remote_url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for change in forge.changes() {
        println!("\n#{} {} -> {}: {}\n\n{}", change.number, change.head, change.base, change.title, change.body);
    }
    for comment in forge.comments() {
        println!("\ncomment: {}", comment.body);
    }
    Ok(())
}
