//! Lists files. Bounded, and it says how much it left out.

use std::path::Path;

use agent::{Cancel, HIDDEN_MARK, Listed, Listing, SandboxError};
use rustix::fs::FileType;

use crate::glob::Glob;
use crate::roots::Roots;
use crate::walk::{Next, walk};

/// Counting stops here: "at least 100,000 more" says as much as the true number, and a huge tree takes for ever.
pub(crate) const MOST_COUNTED: usize = 100_000;

/// Files and links below `path`. With a `depth` directories too, since what is in them may not be shown.
pub(crate) fn list(
    roots: &Roots,
    path: &Path,
    glob: Option<&str>,
    depth: Option<usize>,
    limit: usize,
    cancel: &Cancel,
) -> Result<Listing, SandboxError> {
    let glob = Glob::new(glob)?;
    let mut listing = Listing::default();
    walk(roots, path, depth, cancel, |found| {
        let mark = match found.kind {
            FileType::Directory if depth.is_none() && !found.is_hidden => return Next::More,
            FileType::Directory => "/",
            FileType::Symlink => "@",
            _ => "",
        };
        if !glob.takes(&found.inside, &found.below) {
            return Next::More;
        }
        if listing.entries.len() < limit {
            let hidden = if found.is_hidden { HIDDEN_MARK } else { "" };
            let path = format!("{}{mark}{hidden}", found.shown.display());
            listing.entries.push(Listed { path, bytes: found.bytes });
        } else {
            listing.left_out += 1;
        }
        if listing.left_out < MOST_COUNTED { Next::More } else { Next::Enough }
    })?;
    Ok(listing)
}

#[cfg(test)]
mod tests;
