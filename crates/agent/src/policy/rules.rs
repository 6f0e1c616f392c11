//! The user's rules, as data: what is never done, what is asked about, what is done unasked. Pure.

use std::fmt;
use std::path::{Component, Path};

use globset::{GlobBuilder, GlobMatcher};

use super::indirect::may_run;
use super::shell::{Line, Simple, Word, take_apart};

/// Ordered: deny beats ask beats allow. `deny` and `ask` count in every mode, `allow` where the mode would ask.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub deny: Vec<Rule>,
    pub ask: Vec<Rule>,
    pub allow: Vec<Rule>,
}

/// One rule. Its text for humans (`Display`) says exactly what it covers.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Commands that start with these words.
    Starts(Vec<String>),
    /// The command of exactly these words.
    Exactly(Vec<String>),
    /// Edits of files whose path matches.
    Edits(GlobMatcher),
}

/// How surely a rule covers something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Covers {
    No,
    /// It depends on what is only known when it runs.
    Maybe,
    Yes,
}

/// They run what the rest of their words say, so a rule of their name alone would allow everything.
const WRAPPERS: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "env", "xargs", "sudo", "doas", "su", "nohup", "timeout",
    "nice", "ionice", "time", "watch", "setsid", "stdbuf", "strace", "parallel", "chroot", "unshare", "ssh", "script",
    "flock", "npx", "bunx", "uvx",
];

/// What they run cannot be told from words.
const OPAQUE: &[&str] =
    &["eval", "exec", "source", ".", "command", "builtin", "trap", "alias", "coproc", "enable", "hash"];

/// Programs that run code of any kind, or of which a few words say too little. No rule is offered for them.
const NEVER_OFFERED: &[&str] = &[
    "python", "node", "deno", "bun", "ruby", "perl", "php", "lua", "awk", "gawk", "mawk", "sed", "git", "find", "make",
    "tee", "dd", "rm", "docker", "podman", "kubectl", "ssh", "scp", "curl", "wget",
];

/// What is offered by its first words; `*` is one word more. Everything else is offered word for word.
const FAMILIES: &[&str] = &[
    "cargo test",
    "cargo check",
    "cargo build",
    "cargo clippy",
    "cargo fmt",
    "cargo doc",
    "cargo bench",
    "npm test",
    "npm run *",
    "pnpm test",
    "pnpm run *",
    "yarn test",
    "yarn run *",
    "go test",
    "go vet",
    "go build",
    "dotnet test",
    "dotnet build",
    "mvn test",
    "gradle test",
    "mix test",
    "pytest",
    "ruff check",
    "ctest",
];

impl Rule {
    /// `cargo test`: commands that start so. `exactly:cargo test`: this command. `edit:docs/**`: edits of such files.
    ///
    /// # Errors
    /// Says what is wrong with it, for the human.
    pub fn parse(text: &str) -> Result<Rule, String> {
        let text = text.trim();
        if let Some(pattern) = text.strip_prefix("edit:") {
            return edits(pattern.trim());
        }
        let (exactly, command) = match text.strip_prefix("exactly:") {
            Some(command) => (true, command),
            None => (false, text),
        };
        let line = take_apart(command).map_err(|why| format!("invalid rule `{text}`: {why}"))?;
        let Some(words) = line.only() else {
            return Err(format!(
                "invalid rule `{text}`: give the first words of a command, without wildcards, pipes or variables"
            ));
        };
        let program = words.first().copied().unwrap_or_default();
        if OPAQUE.contains(&program) || (WRAPPERS.contains(&program) && words.len() == 1) {
            return Err(format!(
                "invalid rule `{text}`: it would allow every command, because `{program}` runs other commands"
            ));
        }
        let words = words.into_iter().map(str::to_owned).collect();
        Ok(if exactly { Rule::Exactly(words) } else { Rule::Starts(words) })
    }

    /// Surely: for `allow`, where anything less is not enough.
    pub(crate) fn allows(&self, command: &Simple) -> bool {
        match self {
            Rule::Starts(words) => starts(words, &command.words, str::eq) == Covers::Yes,
            Rule::Exactly(words) => {
                words.len() == command.words.len() && starts(words, &command.words, str::eq) == Covers::Yes
            }
            Rule::Edits(_) => false,
        }
    }

    /// Possibly: for `deny` and `ask`, which also see through wrappers, paths of programs, and capitals.
    pub(crate) fn concerns(&self, command: &Simple) -> Covers {
        let words = match self {
            Rule::Starts(words) | Rule::Exactly(words) => words,
            Rule::Edits(_) => return Covers::No,
        };
        let program = base_name(command.program());
        if OPAQUE.contains(&program.as_str()) {
            return Covers::Maybe;
        }
        let same = |rule: &str, word: &str| base_name(rule) == base_name(word);
        let mut found = starts(words, &command.words, same).max(behind_options(words, &command.words, same));
        if WRAPPERS.contains(&program.as_str()) {
            for first in 1..command.words.len() {
                found = found.max(starts(words, command.words.get(first..).unwrap_or_default(), same));
            }
            let code = |word: &Word| word.plain().is_none_or(|word| word.contains([' ', ';', '|', '&', '\n']));
            if command.words.iter().any(code) {
                found = found.max(Covers::Maybe);
            }
        }
        found
    }

    pub(crate) fn covers_edit(&self, path: &Path) -> Covers {
        match self {
            // Where `..` leads is for the kernel to say.
            Rule::Edits(_) if path.components().any(|part| part == Component::ParentDir) => Covers::Maybe,
            Rule::Edits(glob) if glob.is_match(path) => Covers::Yes,
            Rule::Edits(_) | Rule::Starts(_) | Rule::Exactly(_) => Covers::No,
        }
    }

    /// For `deny` and `ask`: whether the line may run what is covered in a way that its grammar does not show.
    pub(crate) fn may_hide_in(&self, line: &Line) -> bool {
        match self {
            Rule::Starts(words) | Rule::Exactly(words) => may_run(words, line),
            Rule::Edits(_) => false,
        }
    }

    pub(crate) fn is_of_commands(&self) -> bool {
        matches!(self, Rule::Starts(_) | Rule::Exactly(_))
    }
}

/// What "for the session" would stand for, if it is narrow enough to be said in a line.
pub(crate) fn offered(line: &Line) -> Option<Rule> {
    let words = line.only()?;
    let program = base_name(words.first()?);
    // `python3.12` is python.
    let unversioned = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    if [WRAPPERS, OPAQUE, NEVER_OFFERED]
        .iter()
        .any(|list| list.contains(&unversioned) || list.contains(&program.as_str()))
    {
        return None;
    }
    let family = FAMILIES.iter().find_map(|family| {
        let family: Vec<&str> = family.split(' ').collect();
        let head = words.get(..family.len())?;
        let fits = family.iter().zip(head).all(|(part, word)| part == word || (*part == "*" && !word.starts_with('-')));
        fits.then_some(head)
    });
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Some(family.map_or_else(|| Rule::Exactly(own(&words)), |head| Rule::Starts(own(head))))
}

fn edits(pattern: &str) -> Result<Rule, String> {
    if pattern.is_empty() || pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
        return Err(format!("`edit:{pattern}` is not a path in the workspace (example: edit:docs/**)"));
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map(|glob| Rule::Edits(glob.compile_matcher())).map_err(|error| format!("`edit:{pattern}`: {error}"))
}

fn starts(rule: &[String], words: &[Word], same: impl Fn(&str, &str) -> bool) -> Covers {
    for (index, part) in rule.iter().enumerate() {
        match words.get(index) {
            Some(Word::Plain(word)) if same(part, word) => (),
            Some(Word::Plain(_)) | None => return Covers::No,
            // It may become any number of words.
            Some(Word::Pattern(_) | Word::Unknown) => return Covers::Maybe,
        }
    }
    Covers::Yes
}

/// `git -C . push` is `git push`, whether the option takes a value or not.
fn behind_options(rule: &[String], words: &[Word], same: impl Fn(&str, &str) -> bool) -> Covers {
    let (Some((program, rule)), Some((first, words))) = (rule.split_first(), words.split_first()) else {
        return Covers::No;
    };
    if rule.is_empty() || !first.plain().is_some_and(|first| same(program, first)) {
        return Covers::No;
    }
    let is_option = |word: Option<&Word>| word.and_then(Word::plain).is_some_and(|word| word.starts_with('-'));
    let mut found = Covers::No;
    let mut at = 0;
    while is_option(words.get(at)) {
        at += 1;
        let behind = |skip: usize| starts(rule, words.get(at + skip..).unwrap_or_default(), &same);
        found = found.max(behind(0)).max(behind(1));
        if !is_option(words.get(at)) && is_option(words.get(at + 1)) {
            at += 1;
        }
    }
    found
}

/// As one would type it.
fn quoted(words: &[String]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._/+-@:,%=".contains(character);
    let quote = |word: &String| match word {
        word if !word.is_empty() && word.chars().all(plain) => word.clone(),
        word => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.iter().map(quote).collect::<Vec<String>>().join(" ")
}

/// The name of a program without its path, capitals folded: some file systems do that too.
pub(crate) fn base_name(word: &str) -> String {
    word.rsplit('/').next().unwrap_or(word).to_lowercase()
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Starts(words) => write!(formatter, "commands that start with `{}`", quoted(words)),
            Rule::Exactly(words) => write!(formatter, "exactly the command `{}`", quoted(words)),
            Rule::Edits(glob) => write!(formatter, "edits to files that match `{}`", glob.glob()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, command: &str, allows: bool, concerns: Covers) {
        let line = take_apart(command).unwrap();
        let command = line.commands.first().unwrap();
        let rule = rule(text);
        assert_eq!((rule.allows(command), rule.concerns(command)), (allows, concerns), "{text} on {command:?}");
    }

    #[test]
    fn a_rule_covers_what_it_says() {
        check("cargo test", "cargo test --workspace", true, Covers::Yes);
        check("cargo test", "cargo 'test'", true, Covers::Yes);
        check("cargo test", "cargo tests", false, Covers::No);
        check("cargo test", "cargo", false, Covers::No);
        check("cargo test", "cargo $x", false, Covers::Maybe);
        check("cargo test", "cargo test $x", true, Covers::Yes);
        check("exactly:cargo test", "cargo test", true, Covers::Yes);
        check("exactly:cargo test", "cargo test -q", false, Covers::Yes);
        check("npm test", "NPM TEST", false, Covers::Yes);
        check("edit:docs/**", "docs", false, Covers::No);
    }

    #[test]
    fn deny_and_ask_see_through_what_hides_a_command() {
        for hidden in [
            "/usr/bin/git push",
            "git -C . push",
            "git --no-pager -c a=b push",
            "env A=1 git push",
            "timeout 5 git push",
            "sudo -u x git push",
        ] {
            check("git push", hidden, false, Covers::Yes);
        }
        for unclear in ["bash -c 'git push'", "eval git push", "xargs $x", "git $x"] {
            check("git push", unclear, false, Covers::Maybe);
        }
        for other in ["git status", "git commit -m push", "timeout 5 cargo test", "sh build.sh"] {
            check("git push", other, false, Covers::No);
        }
    }

    #[test]
    fn a_rule_that_would_cover_everything_is_refused() {
        for text in
            ["", "*", "npm *", "sudo", "bash", "xargs", "eval x", "ls | wc", "$x", "edit:", "edit:/etc/*", "edit:../x"]
        {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
        for text in ["sudo apt-get update", "node", "edit:**", "exactly:make lint"] {
            assert!(Rule::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn globs_keep_to_their_directory_and_no_dots_lead_out() {
        for (glob, path, expected) in [
            ("edit:docs/*", "docs/a.md", Covers::Yes),
            ("edit:docs/*", "docs/b/a.md", Covers::No),
            ("edit:docs/**", "docs/b/a.md", Covers::Yes),
            ("edit:docs/**", "docs/../src/a.rs", Covers::Maybe),
            ("cargo test", "docs/a.md", Covers::No),
        ] {
            assert_eq!(rule(glob).covers_edit(Path::new(path)), expected, "{glob} {path}");
        }
    }

    #[test]
    fn what_is_offered_is_narrow_and_said_exactly() {
        let offered = |text: &str| offered(&take_apart(text).unwrap()).map(|rule| rule.to_string());
        for (text, rule) in [
            ("cargo test -p agent", "commands that start with `cargo test`"),
            ("npm run lint -- --fix", "commands that start with `npm run lint`"),
            ("npm run", "exactly the command `npm run`"),
            ("cargo run --release", "exactly the command `cargo run --release`"),
            ("touch 'a b'", "exactly the command `touch 'a b'`"),
        ] {
            assert_eq!(offered(text).as_deref(), Some(rule), "{text}");
        }
        for never in [
            "bash x.sh",
            "python3.12 x.py",
            "git push",
            "sudo ls",
            "a | b",
            "a > /dev/null",
            "a $x",
            "a; b",
            "env a",
            "/bin/sh x",
            "make *",
            "./a $(b)",
        ] {
            assert_eq!(offered(never), None, "{never}");
        }
    }
}
