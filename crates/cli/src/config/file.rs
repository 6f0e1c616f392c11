//! A configuration file, read: what is wrong in it is named by file and line.

use std::path::Path;

use anyhow::Context as _;
use toml::Table;

use super::Layer;

pub(super) fn read_optional(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
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
