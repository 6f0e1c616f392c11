//! The program's standard streams. Whatever is written to them passes the mask, so that no key of this process leaves it.

use std::io::{self, IsTerminal as _, StderrLock, StdoutLock};
use std::os::fd::AsFd;

use mask::MaskWriter;

#[expect(clippy::disallowed_methods, reason = "this is the door that everything else is sent to")]
pub(crate) fn stdout() -> MaskWriter<StdoutLock<'static>> {
    MaskWriter::new(io::stdout().lock())
}

#[expect(clippy::disallowed_methods, reason = "as above")]
pub(crate) fn stderr() -> MaskWriter<StderrLock<'static>> {
    MaskWriter::new(io::stderr().lock())
}

pub(crate) fn stdout_is_terminal() -> bool {
    stdout().get_ref().is_terminal()
}

pub(crate) fn stderr_is_terminal() -> bool {
    stderr().get_ref().is_terminal()
}

/// To ask it for its size.
#[expect(clippy::disallowed_methods, reason = "nothing is written through it")]
pub(crate) fn stderr_handle() -> impl AsFd {
    io::stderr()
}
