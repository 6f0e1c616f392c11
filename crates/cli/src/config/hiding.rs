//! What the model does not get to see beyond the built-in tables, and what it sees in spite of them.

use sandbox::Selection;

use super::Config;
use crate::reach;

impl Config {
    pub(crate) fn hide(&self) -> anyhow::Result<Selection> {
        let mut hide = reach::selection("hide", &self.gather(|layer| layer.hide.as_ref()))?;
        hide.paths.extend(self.hidden_paths.iter().cloned());
        Ok(hide)
    }

    /// A repository cannot set it: see `REPOSITORY_NAMES`.
    pub(crate) fn show(&self) -> anyhow::Result<Selection> {
        reach::selection("show", &self.gather(|layer| layer.show.as_ref()))
    }
}
