//! Which names a glob of the model takes: as ripgrep's `-g`, without its
//! power over .gitignore.

use std::path::Path;

use agent::SandboxError;
use globset::{GlobBuilder, GlobMatcher};

/// A longer one takes seconds to compile and to match: thousands of alternatives are better searched for one by one.
const MOST_BYTES: usize = 2_000;

/// One pattern. Without a `/` it is about the file name at any depth, with one about the path.
#[derive(Debug)]
pub(crate) struct Glob {
    matcher: Option<GlobMatcher>,
    /// `!pattern`: everything else.
    inverted: bool,
    whole_path: bool,
}

impl Glob {
    pub(crate) fn new(glob: Option<&str>) -> Result<Glob, SandboxError> {
        let Some(glob) = glob.filter(|glob| !glob.trim().is_empty()) else {
            return Ok(Glob { matcher: None, inverted: false, whole_path: false });
        };
        if MOST_BYTES < glob.len() {
            let bytes = glob.len();
            return Err(SandboxError::BadPattern(format!(
                "the glob has {bytes} bytes, and at most {MOST_BYTES} are allowed. Use a shorter one, such as `*.rs`."
            )));
        }
        let inverted = glob.starts_with('!');
        let text = glob.trim_start_matches('!').trim_start_matches("./").trim_start_matches('/');
        // `src/` means what is below it.
        let text = if text.ends_with('/') { format!("{text}**") } else { text.to_string() };
        let compiled = GlobBuilder::new(&text).literal_separator(true).empty_alternates(true).build();
        let matcher = compiled.map_err(|error| SandboxError::BadPattern(error.to_string()))?.compile_matcher();
        Ok(Glob { matcher: Some(matcher), inverted, whole_path: text.contains('/') })
    }

    /// `path` from the workspace root, `below` from the directory that was asked about: either may match.
    pub(crate) fn takes(&self, path: &Path, below: &Path) -> bool {
        let Some(matcher) = &self.matcher else { return true };
        let found = if self.whole_path {
            matcher.is_match(path) || matcher.is_match(below)
        } else {
            path.file_name().is_some_and(|name| matcher.is_match(name))
        };
        found != self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(glob: &str, path: &str, expected: bool) {
        let glob = Glob::new(Some(glob)).unwrap();
        assert_eq!(glob.takes(Path::new(path), Path::new(path)), expected);
    }

    #[test]
    fn a_name_is_found_at_any_depth() {
        check("*.rs", "src/deep/lib.rs", true);
        check("*.rs", "src/lib.rst", false);
        check("*.{rs,toml}", "Cargo.toml", true);
        check("Makefile", "a/Makefile", true);
    }

    #[test]
    fn a_path_is_matched_whole() {
        check("src/*.rs", "src/lib.rs", true);
        check("src/*.rs", "src/deep/lib.rs", false);
        check("./src/**/*.rs", "src/lib.rs", true);
        check("src/", "src/deep/lib.rs", true);
        check("**/tests/**", "a/tests/b/c.py", true);
    }

    #[test]
    fn inverted() {
        check("!*.rs", "a.rs", false);
        check("!*.rs", "a.py", true);
    }

    #[test]
    fn a_long_glob_is_refused_before_it_is_compiled() {
        let alternatives: Vec<String> = (0..5_000).map(|number| format!("*{number}*")).collect();
        let error = Glob::new(Some(&format!("{{{}}}", alternatives.join(",")))).unwrap_err().to_string();
        assert!(error.contains("at most 2000 are allowed"), "{error}");
    }

    #[test]
    fn a_broken_glob_is_the_models_to_mend() {
        let error = Glob::new(Some("a[")).unwrap_err().to_string();
        assert!(error.contains("unclosed character class"), "{error}");
    }
}
