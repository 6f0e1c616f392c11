//! What a command can leave so that the user's git runs a program of its own, from git's documentation page by page.
//! Each is made inside of a command, then git is used as its user would, in every directory, outside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::behind_each;
use crate::options::HostOptions;
use crate::testing::Bench;

/// Which kinds of sandbox an attack is made against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds {
    Both,
    /// With namespaces git's own directory is not looked through afterwards: mounts keep it.
    WithoutNamespaces,
}
use Kinds::{Both, WithoutNamespaces};

/// A name, the page of git's documentation that it is from, what was there before, and the commands.
type Attack = (&'static str, Kinds, &'static str, &'static [&'static str]);

/// `evil FILE` writes a configuration that runs a program; `bare DIR` makes a directory a repository without `.git`;
/// `evil-repository DIR` is `git init` with one.
const HELPERS: &str = r#"
evil() { printf '[core]\n repositoryformatversion = 0\n bare = false\n fsmonitor = "touch %s; false"\n%s' "$MARK" "$2" > "$1"; }
bare() { mkdir -p "$1/objects" "$1/refs/heads"; echo 'ref: refs/heads/main' > "$1/HEAD"; evil "$1/config" " worktree = .
"; }
evil-repository() { git init -q "$@"; for d; do :; done; git -C "$d" config core.fsmonitor "touch $MARK; false"; }
"#;

const ATTACKS: &[Attack] = &[
    // gitrepository-layout(5)
    ("a .git directory", Both, "", &["evil-repository vendor"]),
    (
        "a .git file (gitfile)",
        Both,
        "",
        &["bare .cache/store; mkdir vendor; echo 'gitdir: ../.cache/store' > vendor/.git"],
    ),
    ("a .git link", Both, "", &["bare .cache/store; mkdir vendor; ln -s ../.cache/store vendor/.git"]),
    (
        "a .git file made by --separate-git-dir",
        Both,
        "",
        &["mkdir .cache; evil-repository --separate-git-dir=.cache/own vendor"],
    ),
    (
        "HEAD and commondir",
        Both,
        "",
        &[
            "bare lib; mkdir docs; mv lib/HEAD docs/; echo ../lib > docs/commondir; git config -f lib/config extensions.worktreeConfig true; \
         git config -f lib/config core.repositoryformatversion 1; evil docs/config.worktree ' worktree = .'",
        ],
    ),
    ("HEAD, objects, refs in a known directory", Both, "mkdir docs; echo x > docs/guide", &["bare docs"]),
    ("HEAD that is a dangling link", Both, "", &["bare docs; rm docs/HEAD; ln -s refs/heads/main docs/HEAD"]),
    ("HEAD that is another name of git's own", Both, "", &["bare docs; rm docs/HEAD; ln .git/HEAD docs/HEAD"]),
    (
        "objects and refs that are links",
        Both,
        "",
        &["bare docs; rm -r docs/objects docs/refs; ln -s ../.git/objects ../.git/refs docs/"],
    ),
    (
        "a piece in each command",
        Both,
        "",
        &["bare docs; mv docs/HEAD hold", "mv docs/refs r; mv hold docs/HEAD", "mv r docs/refs"],
    ),
    (
        "commondir for a HEAD of the user's",
        Both,
        "mkdir docs; echo 'ref: refs/heads/main' > docs/HEAD",
        &["bare lib; echo ../lib > docs/commondir; cp lib/config docs/config.worktree"],
    ),
    ("the workspace itself, with .git made unusable", Both, "", &["bare .; echo nonsense > .git/HEAD"]),
    (
        "a name with a newline, deep below",
        Both,
        "",
        &["mkdir -p \"$(printf 'a\\nb/c/d')\"; evil-repository \"$(printf 'a\\nb/c/d/e')\""],
    ),
    (
        "directories that nobody may list or enter",
        Both,
        "",
        &["evil-repository vendor/in; chmod 311 vendor/in; chmod 000 vendor", "chmod 700 vendor; chmod 711 vendor/in"],
    ),
    // gitformat-index(5), gitsubmodules(7)
    (
        "a gitlink and its repository",
        Both,
        "",
        &["evil-repository vendor; git -C vendor commit -q --allow-empty -m x; git add vendor; git commit -qm link"],
    ),
    (
        "a submodule that is not checked out",
        Both,
        "submodule; git submodule -q deinit -f sub; rm -rf .git/modules/sub",
        &["evil-repository sub"],
    ),
    (
        "a submodule's .git file, changed in place",
        Both,
        "submodule",
        &["bare .cache/store; echo 'gitdir: ../.cache/store' > sub/.git"],
    ),
    (
        "a submodule whose parent was moved",
        Both,
        "submodule",
        &["mv sub away; mkdir sub; evil-repository sub; rm -rf away"],
    ),
    (
        "a submodule's own configuration",
        Both,
        "submodule",
        &["git -C sub config core.fsmonitor \"touch $MARK; false\""],
    ),
    (
        "a submodule's directory, replaced",
        WithoutNamespaces,
        "submodule",
        &[
            "mv .git/modules .git/elsewhere; mkdir .git/modules; evil-repository --bare .git/modules/sub; git -C .git/modules/sub config core.bare false; \
         git -C .git/modules/sub config core.worktree ../../../sub",
        ],
    ),
    (
        "git submodule add",
        Both,
        "",
        &[
            "git init -q other; git -C other commit -q --allow-empty -m x; git -c protocol.file.allow=always submodule add ./other sub; \
         git -C sub config core.fsmonitor \"touch $MARK; false\"; git -C .git/modules/sub config core.fsmonitor \"touch $MARK; false\"",
        ],
    ),
    // git-worktree(1)
    (
        "git worktree add, and its configuration",
        Both,
        "",
        &[
            "git worktree add -q wt; git -C wt config core.fsmonitor \"touch $MARK; false\"; evil .git/worktrees/wt/config.worktree",
        ],
    ),
    (
        "a worktree's commondir",
        Both,
        "git worktree add -q wt",
        &["bare lib; cp -r .git/objects .git/refs lib; echo \"$PWD/lib\" > .git/worktrees/wt/commondir"],
    ),
    // git-init(1): formats
    (
        "of reftable",
        Both,
        "",
        &[
            "git init -q --ref-format=reftable vendor || git init -q vendor; git -C vendor config core.fsmonitor \"touch $MARK; false\"",
        ],
    ),
    ("of SHA-256", Both, "", &["evil-repository --object-format=sha256 vendor"]),
    (
        "bare, with a worktree",
        Both,
        "",
        &["evil-repository --bare store; git -C store config core.bare false; git -C store config core.worktree ."],
    ),
    // git-config(1)
    (
        "core.fsmonitor, core.pager, alias",
        Both,
        "",
        &["git config core.fsmonitor \"touch $MARK; false\"; evil .git/config"],
    ),
    (
        "include.path",
        Both,
        "",
        &[
            "evil evil.config; git config include.path ../evil.config; printf '[include]\\n path = ../evil.config\\n' >> .git/config",
        ],
    ),
    ("includeIf", Both, "", &["evil evil.config; git config includeIf.gitdir:/.path \"$PWD/evil.config\""]),
    (
        "config.worktree",
        Both,
        "git config extensions.worktreeConfig true",
        &["evil .git/config.worktree; git config --worktree core.fsmonitor \"touch $MARK; false\""],
    ),
    ("commondir in .git", Both, "", &["bare lib; cp -r .git/objects .git/refs lib/; echo ../lib > .git/commondir"]),
    // githooks(5)
    (
        "hooks",
        Both,
        "",
        &[
            "for h in pre-commit post-checkout reference-transaction post-index-change fsmonitor-watchman; do printf '#!/bin/sh\\ntouch %s' $MARK > .git/hooks/$h; chmod +x .git/hooks/$h; done; true",
        ],
    ),
    (
        "hooks where there were none",
        Both,
        "rm -rf .git/hooks",
        &[
            "mkdir .git/hooks; printf '#!/bin/sh\\ntouch %s' $MARK > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
        ],
    ),
    // gitattributes(5)
    (
        "a filter",
        Both,
        "",
        &[
            "git config filter.x.clean \"touch $MARK; cat\"; echo '* filter=x' > .git/info/attributes; echo '* filter=x' > .gitattributes; echo 2 > a.txt",
        ],
    ),
    // git-rebase(1)
    (
        "exec in a rebase",
        Both,
        "git commit -q --allow-empty -m second",
        &["git rebase -q --exec false --exec \"touch $MARK\" HEAD~1"],
    ),
    (
        "exec in a rebase of the user's",
        Both,
        "git commit -q --allow-empty -m second; git rebase -q --exec false HEAD~1",
        &["echo \"x touch $MARK\" > .git/rebase-merge/git-rebase-todo"],
    ),
    // A repository of the user's in the workspace
    (
        "a nested repository, made again at once",
        Both,
        "git init -q nested",
        &["rm -rf nested/.git; evil-repository nested"],
    ),
    (
        "a nested repository, moved and replaced",
        Both,
        "git init -q nested",
        &["mv nested other; mkdir nested; evil-repository nested"],
    ),
    (
        "a nested repository behind a link",
        Both,
        "git init -q nested",
        &["mv nested other; evil-repository evil; ln -s evil nested"],
    ),
    (
        "a bare repository of the user's, its configuration",
        Both,
        "git init -q --bare store",
        &["evil store/config ' worktree = .'; evil store/config.worktree"],
    ),
    (
        "a bare repository of the user's, replaced",
        Both,
        "git init -q --bare store",
        &["mv store old; bare store; rm -rf old"],
    ),
    ("the workspace's .git, replaced", Both, "", &["mv .git old; evil-repository ."]),
];

fn shell(bench: &Bench, script: &str) -> Command {
    let mut shell = Command::new("bash");
    shell
        .arg("-c")
        .arg(script)
        .current_dir(bench.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    shell.env("HOME", bench.folder.path().join("home")).env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        shell.env(format!("{who}_NAME"), "a").env(format!("{who}_EMAIL"), "a@b");
    }
    shell
}

/// As the user does, who has a repository and suspects nothing.
fn set_up(bench: &Bench, more: &str) {
    let script = format!(
        "set -e; submodule() {{ git init -q ../s; git -C ../s commit -q --allow-empty -m x; \
         git -c protocol.file.allow=always submodule --quiet add ../s sub; git commit -qm sub; }}; \
         git init -q -b main .; echo 1 > a.txt; git add -A; git commit -qm first; {more}"
    );
    // A rebase that stops ends with a failure.
    let status = shell(bench, &script).status().unwrap();
    assert!(status.success() || more.contains("rebase"), "{more}");
}

/// Everything that the user might do, in every directory that is there.
fn use_git(bench: &Bench) {
    let mut script = String::new();
    for dir in directories(&bench.root()) {
        let dir = dir.display().to_string().replace('\'', "'\\''");
        write!(script, "cd '{dir}' && git status; ").unwrap();
    }
    let top = bench.root().display().to_string();
    write!(script, "cd '{top}'; for c in 'log -1' diff 'stash list' 'submodule status' 'branch -a'; do git $c; done; GIT_EDITOR=true git rebase --continue; git add -A; git commit -m x; git checkout -q -b other; git stash; git gc -q").unwrap();
    shell(bench, &script).status().unwrap();
}

fn directories(root: &Path) -> Vec<PathBuf> {
    let mut all = vec![root.to_path_buf()];
    let mut at = 0;
    while let Some(dir) = all.get(at).cloned() {
        at += 1;
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let is_dir = entry.path().is_dir() && (!entry.path().is_symlink() || entry.path().ends_with("nested"));
            if is_dir && entry.file_name() != ".git" && entry.file_name() != "objects" {
                all.push(entry.path());
            }
        }
    }
    all
}

#[test]
fn nothing_that_a_command_leaves_runs_when_git_is_used() {
    for (name, kinds, before, commands) in ATTACKS {
        behind_each(&[], &HostOptions::default(), |bench, namespaces| {
            if namespaces && *kinds == WithoutNamespaces {
                return;
            }
            let mark = bench.folder.path().join("RAN-OUTSIDE");
            set_up(bench, before);
            let mut ran = Vec::new();
            for command in *commands {
                let identity =
                    "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b";
                ran.push(bench.run(&format!("MARK='{}'; {identity}; {HELPERS}{command}", mark.display())));
            }
            bench.block_on(bench.host.close());
            use_git(bench);
            let planted = bench.host.planted();
            assert!(!mark.exists(), "{name}, namespaces {namespaces}: {ran:#?} {planted:?}");
        });
    }
}

/// The suite is worth something only if what it plants runs where nothing is done about it.
#[test]
fn what_the_suite_plants_runs_without_a_sandbox() {
    let harmless: Vec<&str> = ATTACKS
        .iter()
        .filter(|(_, _, before, commands)| {
            let bench = Bench::new(&[]);
            std::fs::create_dir(bench.folder.path().join("home")).unwrap();
            let mark = bench.folder.path().join("RAN-OUTSIDE");
            set_up(&bench, before);
            for command in *commands {
                let script = format!("MARK='{}'; {HELPERS}{command}", mark.display());
                shell(&bench, &script).status().unwrap();
            }
            // Some ran while they were made.
            let _ = std::fs::remove_file(&mark);
            use_git(&bench);
            !mark.exists()
        })
        .map(|(name, ..)| *name)
        .collect();
    assert_eq!(harmless, Vec::<&str>::new());
}
