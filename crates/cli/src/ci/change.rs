//! What a run changed, as git has it: a tree beside the base's tree. The files are read as they are, bytes for bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::git::Git;
use super::ignore_files;
use crate::account::{ChangedFile, Kind};

/// One path that is otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) path: String,
    pub(crate) old: Side,
    pub(crate) new: Side,
}

/// What is at a path in one of the two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// As git writes it, all zeroes where there is nothing.
    pub(crate) mode: String,
    pub(crate) blob: String,
}

impl Side {
    pub(crate) fn is_there(&self) -> bool {
        self.mode != "000000"
    }

    /// A file or a link; another repository (`160000`) has no content here.
    pub(crate) fn has_content(&self) -> bool {
        self.is_there() && self.mode != "160000"
    }
}

/// How each diff of ours is written: whatever the user's configuration says, it applies, binaries included.
const AS_PATCH: [&str; 8] = [
    "--binary",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// What [`take`] took.
pub(crate) struct Taken {
    pub(crate) tree: String,
    /// What nobody can read or git cannot keep; of these the tree has what was there before.
    pub(crate) left_out: Vec<PathBuf>,
    /// What is below the path of a submodule: another repository's, so that no commit of this one can have it.
    pub(crate) in_submodules: Vec<PathBuf>,
}

/// Records all files that .gitignore does not leave out, and gives their tree.
pub(crate) fn take(git: &Git, root: &Path) -> anyhow::Result<Taken> {
    // git would look into it, and by its own configuration start what that names.
    let nested = nested_repositories(root);
    let mut left_out = ignore_files::remove_odd(root);
    if add(git, root, &[nested.as_slice(), &left_out].concat()).is_err() {
        left_out.extend(unreadable(root));
        add(git, root, &[nested, left_out.clone()].concat())?;
    }
    let tree = git.line(&["write-tree"])?;
    let name = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).unwrap_or(path);
    let in_submodules = in_submodules(git, root)?;
    Ok(Taken { tree, left_out: left_out.into_iter().map(name).collect(), in_submodules })
}

/// A worktree of ours has the directories of submodules empty: whatever is in them was made by the run. Of one that was
/// filled by git, only the directory.
fn in_submodules(git: &Git, root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let staged = git.run(&["ls-files", "--stage", "-z"])?;
    let mut found = Vec::new();
    for entry in staged.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"160000 ")) {
        let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
        let path = PathBuf::from(OsStr::from_bytes(entry.get(tab + 1..).unwrap_or_default()));
        let mut dirs = vec![path.clone()];
        while let Some(dir) = dirs.pop() {
            let entries: Vec<fs::DirEntry> = fs::read_dir(root.join(&dir)).into_iter().flatten().flatten().collect();
            if entries.iter().any(|entry| entry.file_name() == ".git") {
                found.push(dir);
                continue;
            }
            for entry in entries {
                let below = dir.join(entry.file_name());
                match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    true => dirs.push(below),
                    false => found.push(below),
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn add(git: &Git, root: &Path, without: &[PathBuf]) -> anyhow::Result<()> {
    let mut paths = b".\0".to_vec();
    for path in without.iter().filter_map(|path| path.strip_prefix(root).ok()) {
        paths.extend([b":(exclude,literal)", path.as_os_str().as_bytes(), b"\0"].concat());
    }
    git.feed(&["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"], &paths).map(|_| ())
}

/// Brings the files back to what [`take`] took last: what checks leave behind goes. Ignored files stay, so builds are
/// warm.
pub(crate) fn reset(git: &Git, root: &Path) -> anyhow::Result<()> {
    ignore_files::remove_odd(root);
    git.run(&["checkout-index", "--all", "--force", "--quiet"])?;
    let clean = || git.run(&["clean", "-d", "--force", "--quiet"]).map(|_| ());
    clean().or_else(|_| {
        unreadable(root);
        clean()
    })
}

/// Makes readable what commands made unreadable, and says what stays so: of somebody else, or no file at all.
fn unreadable(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            let (kind, mode) = (metadata.file_type(), metadata.permissions().mode());
            let wanted = if kind.is_dir() { 0o700 } else { 0o400 };
            if (kind.is_dir() || kind.is_file()) && mode & wanted != wanted {
                // Whether it helped is seen when it is opened.
                let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode | wanted));
            }
            match kind {
                kind if kind.is_symlink() => (),
                kind if kind.is_dir() && fs::read_dir(&path).is_ok() => dirs.push(path),
                kind if kind.is_file() && fs::File::open(&path).is_ok() => (),
                _ => found.push(path),
            }
        }
    }
    found
}

/// The directories below `root` that git would take for other repositories. Follows no link. Directories that commands
/// have closed are opened: what git cannot see it would take for deleted.
pub(crate) fn nested_repositories(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(&dir).or_else(|_| {
            // Whether it helped is seen when it is read.
            let _ = fs::set_permissions(&dir, fs::Permissions::from_mode(0o755));
            fs::read_dir(&dir)
        });
        for entry in entries.into_iter().flatten().flatten() {
            if entry.file_name().eq_ignore_ascii_case(".git") {
                found.extend((dir != root).then(|| dir.clone()));
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                dirs.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Directories of a new tree that git would take for repositories when they are checked out, and that are not such in
/// the base. Also where the case of names does not count.
pub(crate) fn repositories(git: &Git, base: &str, tree: &str, changed: &[Changed]) -> anyhow::Result<Vec<String>> {
    let new = changed.iter().filter(|changed| changed.new.is_there()).flat_map(|changed| holders(&changed.path));
    let candidates: BTreeSet<String> = new.map(|(dir, _)| dir).collect();
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let all = |tree: &str| -> anyhow::Result<BTreeSet<String>> {
        let raw = git.run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", tree])?;
        let paths = raw.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        Ok(complete(paths.flat_map(|path| holders(&path))))
    };
    let (before, after) = (all(base)?, all(tree)?);
    Ok(after.difference(&before).filter(|dir| candidates.contains(*dir)).cloned().collect())
}

/// What makes a directory a repository (setup.c of git, `is_git_directory`).
const PIECES: [&str; 4] = ["head", "commondir", "objects", "refs"];

/// Each directory above `path` that has one of these pieces by it, and which.
fn holders(path: &str) -> Vec<(String, usize)> {
    let parts: Vec<&str> = path.split('/').collect();
    let piece = |part: &str| PIECES.iter().position(|piece| part.eq_ignore_ascii_case(piece));
    let found = parts.iter().enumerate().filter_map(|(at, part)| Some((parts.get(..at)?.join("/"), piece(part)?)));
    found.map(|(dir, piece)| (if dir.is_empty() { ".".to_owned() } else { dir }, piece)).collect()
}

/// Those that have enough of them.
fn complete(holders: impl Iterator<Item = (String, usize)>) -> BTreeSet<String> {
    let mut all: BTreeMap<String, [bool; 4]> = BTreeMap::new();
    for (dir, piece) in holders {
        if let Some(has) = all.entry(dir).or_default().get_mut(piece) {
            *has = true;
        }
    }
    let whole =
        all.into_iter().filter(|(_, [head, commondir, objects, refs])| *head && (*commondir || *objects && *refs));
    whole.map(|(dir, _)| dir).collect()
}

/// In the order of their paths; a rename is a file that goes and one that comes.
pub(crate) fn changes(git: &Git, base: &str, tree: &str) -> anyhow::Result<Vec<Changed>> {
    let raw = git.run(&["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", base, tree])?;
    let mut changed = Vec::new();
    let mut parts = raw.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old_blob, new_blob, _] = words.as_slice() else { continue };
        let side = |mode: &str, blob: &str| Side { mode: mode.to_owned(), blob: blob.to_owned() };
        changed.push(Changed { path: path.into_owned(), old: side(old_mode, old_blob), new: side(new_mode, new_blob) });
    }
    Ok(changed)
}

/// The same for an account: lines added and removed, both 0 for a binary file.
pub(crate) fn account(git: &Git, base: &str, tree: &str, changed: &[Changed]) -> anyhow::Result<Vec<ChangedFile>> {
    let raw = git.run(&["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", base, tree])?;
    // One for each change, whatever bytes its name has.
    let numbers = raw.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(|line| {
        let line = String::from_utf8_lossy(line);
        let mut words = line.splitn(3, '\t').map(|word| word.parse().unwrap_or(0));
        (words.next().unwrap_or(0), words.next().unwrap_or(0))
    });
    let files = changed.iter().zip(numbers).map(|(changed, (added, removed))| ChangedFile {
        path: changed.path.clone(),
        change: match (changed.old.is_there(), changed.new.is_there()) {
            (false, _) => Kind::Created,
            (true, false) => Kind::Deleted,
            (true, true) => Kind::Modified,
        },
        added,
        removed,
    });
    Ok(files.collect())
}

/// As a diff that `git apply` takes.
pub(crate) fn diff(git: &Git, base: &str, tree: &str) -> anyhow::Result<Vec<u8>> {
    git.run(&[&["diff-tree", "-p"], &AS_PATCH[..], &[base, tree]].concat())
}

/// One commit, as a mail that `git am` takes.
pub(crate) fn mail(git: &Git, commit: &str) -> anyhow::Result<Vec<u8>> {
    let mail = ["format-patch", "-1", "--stdout", "--no-attach", "--no-thread", "--no-cover-letter", "--no-notes"];
    let heads = ["--no-to", "--no-cc", "--no-add-header", "--no-base", "--no-signature", "--no-signoff"];
    git.run(&[&mail[..], &heads, &AS_PATCH, &["--end-of-options", commit]].concat())
}

/// Who a commit is by: `NAME <EMAIL>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) name: String,
    pub(crate) email: String,
}

impl Author {
    pub(crate) fn parse(text: &str) -> Option<Author> {
        let (name, rest) = text.split_once('<')?;
        let (name, email) = (name.trim(), rest.trim_end().strip_suffix('>')?.trim());
        let odd = |text: &str| text.is_empty() || text.contains(['<', '>']) || text.chars().any(char::is_control);
        (!odd(name) && !odd(email)).then(|| Author { name: name.to_owned(), email: email.to_owned() })
    }
}

impl std::fmt::Display for Author {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} <{}>", self.name, self.email)
    }
}

/// A commit that no branch has yet.
pub(crate) fn commit(git: &Git, tree: &str, base: &str, author: &Author, message: &str) -> anyhow::Result<String> {
    let git = git.with("GIT_AUTHOR_NAME", &author.name).with("GIT_AUTHOR_EMAIL", &author.email);
    let git = git.with("GIT_COMMITTER_NAME", &author.name).with("GIT_COMMITTER_EMAIL", &author.email);
    let commit = git.feed(&["commit-tree", tree, "-p", base, "-F", "-"], message.as_bytes())?;
    Ok(String::from_utf8_lossy(&commit).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_make_a_repository() {
        let made =
            |paths: &[&str]| complete(paths.iter().flat_map(|path| holders(path))).into_iter().collect::<Vec<_>>();
        assert_eq!(made(&["docs/HEAD", "docs/commondir", "lib/HEAD", "lib/objects/x"]), ["docs"]);
        assert_eq!(made(&["a/b/head", "a/b/objects/1", "a/b/REFS/x", "HEAD", "commondir"]), [".", "a/b"]);
        assert!(made(&["docs/HEAD.md", "docs/objects", "docs/refs", "src/objects/HEAD"]).is_empty());
    }

    #[test]
    fn an_author_has_a_name_and_an_address() {
        let author = Author::parse("A. Bot <bot@x.example>").unwrap();
        assert_eq!(author.to_string(), "A. Bot <bot@x.example>");
        for text in ["", "bot", "<bot@x>", "Bot <>", "Bot <a@b> x", "Bot <a@b", "B\not <a@b>", "Bot <a<b>"] {
            assert_eq!(Author::parse(text), None, "{text:?}");
        }
    }
}
