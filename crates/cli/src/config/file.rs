//! A configuration file, read: what is wrong in it is named by file and line.

use std::path::Path;

use anyhow::Context as _;
use sandbox::read_bounded;
use toml::Table;

use super::Layer;

/// Of a configuration file; nobody writes more.
const MOST_BYTES: u64 = 1 << 20;

pub(crate) fn read_config(path: &Path) -> std::io::Result<String> {
    String::from_utf8(read_bounded(path, MOST_BYTES)?).map_err(std::io::Error::other)
}

pub(super) fn read_optional(path: &Path) -> anyhow::Result<Option<String>> {
    match read_config(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

pub(super) fn parse(text: &str, path: &Path) -> anyhow::Result<Layer> {
    toml::from_str(text).map_err(|error| located(&error, text, path))
}

pub(super) fn parse_table(text: &str, path: &Path) -> anyhow::Result<Table> {
    toml::from_str(text).map_err(|error| located(&error, text, path))
}

/// `FILE:LINE: what is wrong`.
fn located(error: &toml::de::Error, text: &str, path: &Path) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
}
