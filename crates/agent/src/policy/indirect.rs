//! Commands that a line may run although its grammar does not show them: in code that another program is given, in text
//! that a shell reads from a pipe, behind a runner, behind an alias of git's. For `deny` and `ask` rules. Pure.
//!
//! It looks for the rule's own words instead of for the names of all programs that run others. A script that was
//! written before and code that puts its words together while it runs are out of its reach: the sandbox is there for
//! those.

use super::looks::only_looks;
use super::rules::base_name;
use super::shell::{Line, Simple, Word};

/// They run the text that they read, unless their words name a file or hold the code.
const INTERPRETERS: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "fish", "busybox", "python", "python2", "python3", "node", "deno", "bun",
    "ruby", "perl", "php", "lua", "tclsh", "make", "gmake", "at", "batch", "ssh", "m4",
];

/// They run their own words, with what they read as more words.
const ADDERS: &[&str] = &["xargs", "parallel"];

/// Other names of stdin.
const STDIN: &[&str] = &["-", "-s", "-i", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// The next word of `find`, `fd` and git is a command.
const BEFORE_COMMANDS: &[&str] =
    &["-exec", "-execdir", "-ok", "-okdir", "-x", "-X", "--exec", "--exec-batch", "--extcmd", "foreach", "run"];

/// The next word is prose.
const BEFORE_MESSAGES: &[&str] = &["-m", "--message", "-am", "--author", "--grep"];

/// git(1), "GIT COMMANDS", and the everyday spellings of plumbing. An alias cannot have the name of one.
#[rustfmt::skip]
const GIT_COMMANDS: &[&str] = &[
    "add", "am", "annotate", "apply", "archive", "bisect", "blame", "branch", "bundle", "cat-file", "check-attr",
    "check-ignore", "check-mailmap", "check-ref-format", "checkout", "checkout-index", "cherry", "cherry-pick", "clean",
    "clone", "column", "commit", "commit-graph", "commit-tree", "config", "count-objects", "describe", "diff",
    "diff-files", "diff-index", "diff-tree", "difftool", "fast-export", "fast-import", "fetch", "fetch-pack",
    "filter-branch", "fmt-merge-msg", "for-each-ref", "for-each-repo", "format-patch", "fsck", "gc", "get-tar-commit-id",
    "grep", "gui", "hash-object", "help", "hook", "http-fetch", "http-push", "index-pack", "init", "interpret-trailers",
    "log", "ls-files", "ls-remote", "ls-tree", "mailinfo", "mailsplit", "maintenance", "merge", "merge-base",
    "merge-file", "merge-index", "merge-tree", "mergetool", "mktag", "mktree", "multi-pack-index", "mv", "name-rev",
    "notes", "pack-objects", "pack-redundant", "pack-refs", "patch-id", "prune", "prune-packed", "pull", "push",
    "range-diff", "read-tree", "rebase", "receive-pack", "reflog", "refs", "remote", "repack", "replace", "replay",
    "request-pull", "rerere", "reset", "restore", "rev-list", "rev-parse", "revert", "rm", "send-email", "send-pack",
    "shortlog", "show", "show-branch", "show-index", "show-ref", "sparse-checkout", "stash", "status", "stripspace",
    "submodule", "switch", "symbolic-ref", "tag", "unpack-file", "unpack-objects", "update-index", "update-ref",
    "update-server-info", "upload-archive", "upload-pack", "var", "verify-commit", "verify-pack", "verify-tag", "version",
    "whatchanged", "worktree", "write-tree", "lfs",
];

/// Whether the line may run a command of these words other than as one of its own commands.
pub(crate) fn may_run(rule: &[String], line: &Line) -> bool {
    let (looking, acting): (Vec<&Simple>, Vec<&Simple>) =
        line.commands.iter().partition(|command| only_looks(line, command));
    let reads = |command: &Simple| command.reads_pipe || !line.here_strings.is_empty();
    // What a command prints that only looks, and what a here-string holds, is read by an acting one or by nobody.
    let text = looking.iter().flat_map(|command| &command.words).chain(&line.here_strings);
    let text: Vec<&str> = text.filter_map(known).flat_map(tokens).collect();
    (acting.iter().any(|command| reads(command)) && contains(rule, &text))
        || acting.iter().any(|command| {
            hides(rule, command)
                || (reads(command) && runs_what_it_reads(rule, command))
                || is_unknown_git(rule, command)
        })
}

fn hides(rule: &[String], command: &Simple) -> bool {
    let Some((_, words)) = command.words.split_first() else { return false };
    let is = |word: Option<&Word>, list: &[&str]| word.and_then(Word::plain).is_some_and(|word| list.contains(&word));
    let said: Vec<&Word> = words
        .iter()
        .enumerate()
        .filter(|(index, _)| !index.checked_sub(1).is_some_and(|before| is(words.get(before), BEFORE_MESSAGES)))
        .map(|(_, word)| word)
        .collect();
    if 1 < rule.len() {
        let all: Vec<&str> = said.iter().filter_map(|word| known(word)).flat_map(tokens).collect();
        return contains(rule, &all);
    }
    // A single word is too common among operands: only where a command can be, or in code.
    let as_command = words.windows(2).any(|pair| match pair {
        [before, word] => is(Some(before), BEFORE_COMMANDS) && known(word).is_some_and(|word| contains(rule, &[word])),
        _ => false,
    });
    let in_code = |word: &&Word| {
        let tokens: Vec<&str> = known(word).into_iter().flat_map(tokens).collect();
        1 < tokens.len() && contains(rule, &tokens)
    };
    as_command || said.iter().any(in_code)
}

fn runs_what_it_reads(rule: &[String], command: &Simple) -> bool {
    let Some((_, words)) = command.words.split_first() else { return false };
    let program = base_name(command.program());
    if ADDERS.contains(&program.as_str()) {
        let programs: Vec<&str> = words.iter().filter_map(known).collect();
        return rule.first().is_some_and(|first| contains(std::slice::from_ref(first), &programs));
    }
    let unversioned = program.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    let has_stdin = words.iter().filter_map(Word::plain).any(|word| STDIN.contains(&word));
    let has_operand = words.iter().any(|word| word.plain().is_none_or(|word| !word.starts_with('-')));
    (INTERPRETERS.contains(&program.as_str()) || INTERPRETERS.contains(&unversioned)) && (has_stdin || !has_operand)
}

/// An alias, or a program `git-NAME`: `git -c alias.p=push p`.
fn is_unknown_git(rule: &[String], command: &Simple) -> bool {
    if rule.first().is_none_or(|first| base_name(first) != "git") || base_name(command.program()) != "git" {
        return false;
    }
    let mut words = command.words.iter().skip(1);
    while let Some(word) = words.next() {
        let Some(word) = word.plain() else { return true };
        let configures = word.starts_with("-c") || word.starts_with("--config-env") || word.starts_with("--exec-path");
        match word {
            _ if configures => return true,
            "-C" | "--git-dir" | "--work-tree" | "--namespace" => drop(words.next()),
            _ if word.starts_with('-') => (),
            _ => return !GIT_COMMANDS.contains(&word),
        }
    }
    false
}

fn known(word: &Word) -> Option<&str> {
    match word {
        Word::Plain(text) | Word::Pattern(text) => Some(text),
        Word::Unknown => None,
    }
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let apart = |character: char| !(character.is_alphanumeric() || "._/+-@:%".contains(character));
    text.split(apart).filter(|token| !token.is_empty())
}

fn contains(rule: &[String], words: &[&str]) -> bool {
    words.windows(rule.len().max(1)).any(|window| {
        !rule.is_empty() && rule.iter().zip(window).all(|(part, word)| base_name(part) == base_name(word))
    })
}

#[cfg(test)]
mod tests {
    use super::super::shell::take_apart;
    use super::*;

    #[track_caller]
    fn check(rule: &str, expected: bool, lines: &[&str]) {
        let rule: Vec<String> = rule.split(' ').map(str::to_owned).collect();
        for line in lines {
            assert_eq!(may_run(&rule, &take_apart(line).unwrap()), expected, "{line}");
        }
    }

    #[test]
    fn commands_behind_other_programs_are_found() {
        check(
            "git push",
            true,
            &[
                "find . -maxdepth 0 -exec git push {} \\;",
                "echo git push | sh",
                "echo Z2l0IHB1c2g= | base64 -d | bash -s",
                "printf 'git %s' push | python3 -",
                "bash <<< 'git push'",
                "bash <<< $x",
                "taskset 1 git push",
                "some-new-runner --flag git push",
                "git -c alias.p=push p",
                "git --config-env=alias.p=P p",
                "git p",
                "git submodule foreach git push",
                "git rebase -x 'git push' main",
                "awk 'BEGIN{system(\"git push\")}'",
                "perl -e 'exec qw(git push)'",
                "make -f - <<< 'x:;git push'",
                "echo push | xargs git",
                "watch -n1 'git push'",
            ],
        );
        check("rm", true, &["find . -exec rm {} +", "fd -x rm", "awk 'BEGIN{system(\"rm x\")}'", "echo rm x | sh"]);
    }

    #[test]
    fn words_that_are_only_words_are_not() {
        check(
            "git push",
            false,
            &[
                "git commit -m 'fix git push'",
                "git commit -m push",
                "git log --grep 'git push'",
                "grep -rn 'git push' docs | head",
                "echo git push",
                "cat a.json | python3 -m json.tool",
                "cat a.txt | python3 count.py",
                "git -C sub status",
                "cargo test",
                "git stash",
                "cat x | wc -l",
            ],
        );
        check("rm", false, &["git rm x", "docker run --rm x", "npm rm left-pad", "git commit -m 'remove rm calls'"]);
        check("curl", false, &["apt-get install curl", "pip install pycurl", "cargo build"]);
    }
}
