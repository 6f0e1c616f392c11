//! A mount that is not in its place yet, and the few things that are done
//! with one.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::launch::raw::{MountDepth, add_mount_flags};

/// No program gets another user's rights here, and no device file is a device.
pub(crate) const HARMLESS: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);
pub(crate) const READ_ONLY: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY;

/// Not mounted anywhere: it goes away with the descriptor.
#[derive(Debug)]
pub(crate) struct Tree(OwnedFd);

impl Tree {
    /// A copy of what is at `path`, with all that is mounted below it if `depth` says so.
    pub(crate) fn of(path: &Path, depth: MountDepth) -> io::Result<Tree> {
        let mut flags = OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::OPEN_TREE_CLONE;
        if depth == MountDepth::All {
            flags |= OpenTreeFlags::AT_RECURSIVE;
        }
        Ok(Tree(open_tree(CWD, path, flags)?))
    }

    /// A new file system. A setting without a value is a flag.
    pub(crate) fn new(kind: &str, settings: &[(&str, &str)]) -> io::Result<Tree> {
        Tree::new_with(kind, settings, HARMLESS)
    }

    /// Terminals that programs open for programs (devpts). They are devices, so this is the one mount that may have
    /// some; it makes them itself, and nobody can make others in it.
    pub(crate) fn of_terminals() -> io::Result<Tree> {
        let settings = [("newinstance", ""), ("ptmxmode", "0666"), ("mode", "620")];
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        Tree::new_with("devpts", &settings, flags)
    }

    fn new_with(kind: &str, settings: &[(&str, &str)], flags: MountAttrFlags) -> io::Result<Tree> {
        let new = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (name, value) in settings {
            if value.is_empty() {
                fsconfig_set_flag(&new, *name)?;
            } else {
                fsconfig_set_string(&new, *name, *value)?;
            }
        }
        fsconfig_create(&new)?;
        Ok(Tree(fsmount(&new, FsMountFlags::FSMOUNT_CLOEXEC, flags)?))
    }

    pub(crate) fn with(self, flags: MountAttrFlags, depth: MountDepth) -> io::Result<Tree> {
        add_mount_flags(&self.0, flags, depth)?;
        Ok(self)
    }

    /// Over what is at `path` now.
    pub(crate) fn mount(self, path: &Path) -> io::Result<()> {
        move_mount(&self.0, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|errno| io::Error::other(format!("cannot mount {}: {errno}", path.display())))
    }
}
