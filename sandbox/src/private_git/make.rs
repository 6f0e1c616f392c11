//! Makes a private git directory: everything of the real one but its objects,
//! which are reached as alternates. It copies files and folders, and starts no
//! program.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::private_git::dir::Dir;
use crate::private_git::layout::Place;
use crate::private_git::refs::{self, Read, Target};

/// Of a log. The newest lines are last.
const LOG_BYTES: u64 = 4 << 20;
/// Of all that is copied from one git directory. An index of a million files has 150 MB.
const MOST_BYTES: u64 = 512 << 20;
const MOST_FILES: usize = 20_000;
const MOST_BORROWED: usize = 32;
/// What only the real directory has, or is written here in another form.
const NOT_COPIED: &[&str] = &["objects", "refs", "packed-refs", "logs", "modules", "lfs", "gc.pid"];
/// Refs of one worktree are files even where all others are in one.
const OF_ONE_WORKTREE: &[&str] = &["refs/bisect/", "refs/worktree/", "refs/rewritten/"];

struct Budget {
    bytes: u64,
    files: usize,
}

/// `objects`: where commands find the real git directory. `inner`: git directories that will be mounted in this one.
/// Returns the refs as they were read.
pub(crate) fn make<'p>(
    place: &Place,
    private: &Path,
    objects: &Path,
    inner: impl Iterator<Item = &'p Path>,
) -> io::Result<refs::Refs> {
    fs::create_dir(private)?;
    fs::set_permissions(private, fs::metadata(&place.dir)?.permissions())?;
    let mut budget = Budget { bytes: MOST_BYTES, files: MOST_FILES };
    copy_folder(&place.dir, private, &mut budget, &|name| !NOT_COPIED.contains(&name))?;
    let read = refs::read(&Dir::open(&place.dir)?);
    write_refs(private, &read)?;
    copy_logs(place, private, &read)?;
    fs::create_dir_all(private.join("objects/info"))?;
    fs::create_dir(private.join("objects/pack"))?;
    let mut lines = format!("{}\n", objects.join("objects").display());
    lines.extend(borrowed(&place.dir).iter().map(|store| format!("{}\n", store.display())));
    fs::write(private.join("objects/info/alternates"), lines)?;
    for inner in inner {
        fs::create_dir_all(private.join(inner))?;
    }
    Ok(read.refs)
}

fn copy_folder(from: &Path, to: &Path, budget: &mut Budget, wanted: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let shown = name.to_string_lossy();
        // Samples of hooks do nothing, and a lock is somebody's who does not know of this copy.
        if !wanted(&shown) || shown.ends_with(".lock") || shown.ends_with(".sample") {
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(to.join(&name))?;
            copy_folder(&entry.path(), &to.join(&name), budget, &|_| true)?;
        } else if kind.is_file() {
            copy(&entry.path(), &to.join(&name), budget)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, budget: &mut Budget) -> io::Result<()> {
    let Ok(meta) = from.symlink_metadata() else { return Ok(()) };
    budget.bytes =
        budget.bytes.checked_sub(meta.len()).ok_or_else(|| io::Error::other("the git directory is too large"))?;
    budget.files =
        budget.files.checked_sub(1).ok_or_else(|| io::Error::other("the git directory has too many files"))?;
    match fs::copy(from, to) {
        Ok(_) => {}
        // Somebody's git works here, too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    // git tells by the index's own time which files may have changed since.
    File::open(to)?.set_times(FileTimes::new().set_modified(meta.modified()?))
}

pub(crate) fn write_refs(private: &Path, read: &Read) -> io::Result<()> {
    for folder in ["refs/heads", "refs/tags"] {
        fs::create_dir_all(private.join(folder))?;
    }
    let is_own = |name: &str| OF_ONE_WORKTREE.iter().any(|own| name.starts_with(own));
    for (name, target) in &read.refs {
        let text = match target {
            Target::Name(other) => format!("ref: {other}\n"),
            Target::Id(id) if is_own(name) => format!("{id}\n"),
            Target::Id(_) => continue,
        };
        let path = private.join(name);
        fs::create_dir_all(path.parent().unwrap_or(private))?;
        fs::write(path, text)?;
    }
    fs::write(private.join("packed-refs"), refs::packed(read))
}

/// Those of HEAD, the stash and the branches that are checked out; those of thousands of other branches cost more than
/// they are worth.
fn copy_logs(place: &Place, private: &Path, read: &Read) -> io::Result<()> {
    let mut wanted = vec![PathBuf::from("HEAD"), PathBuf::from("refs/stash")];
    for view in &place.views {
        let head = fs::read(place.dir.join(&view.inside).join("HEAD")).unwrap_or_default();
        if let Some(Target::Name(branch)) = refs::target(&head)
            && read.refs.contains_key(&branch)
        {
            wanted.push(PathBuf::from(branch));
        }
    }
    for log in wanted {
        let log = Path::new("logs").join(log);
        let Ok(mut file) = File::open(place.dir.join(&log)) else { continue };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES).read_to_end(&mut bytes)?;
        if LOG_BYTES < length {
            let whole = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
            bytes.drain(..whole);
        }
        let to = private.join(log);
        fs::create_dir_all(to.parent().unwrap_or(private))?;
        fs::write(&to, bytes)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// Object stores that the real one borrows from, as absolute paths: at the place where commands see the real objects,
/// relative ones lead nowhere.
pub(crate) fn borrowed(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut next = vec![dir.join("objects")];
    while let Some(store) = next.pop() {
        let text = fs::read_to_string(store.join("info/alternates")).unwrap_or_default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Ok(other) = fs::canonicalize(store.join(line)) else { continue };
            if found.len() < MOST_BORROWED && !found.contains(&other) {
                found.push(other.clone());
                next.push(other);
            }
        }
    }
    found
}
