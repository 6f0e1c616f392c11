//! What commands may reach and use, from the user's words to the sandbox's types. Nothing here decides for them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::{Access, AddedDir, CommandLimits, Selection};

use crate::hint::Hint as _;

/// `DIR`, or `DIR:ro` for reading only.
pub(crate) fn added_dirs(texts: &[String]) -> anyhow::Result<Vec<AddedDir>> {
    texts.iter().map(|text| added_dir(text)).collect()
}

fn added_dir(text: &str) -> anyhow::Result<AddedDir> {
    let (dir, access) = match text.strip_suffix(":ro") {
        Some(dir) => (dir, Access::Read),
        None => (text, Access::Write),
    };
    let hint = "pass a directory: --add-dir ../shared, or --add-dir /data:ro for read-only";
    let path = std::fs::canonicalize(from_home(dir))
        .map_err(|error| anyhow::anyhow!("cannot use the added directory {dir}: {error}"))
        .hint(hint)?;
    if !path.is_dir() {
        return Err(anyhow::anyhow!("the added directory {dir} is not a directory")).hint(hint);
    }
    if path == Path::new("/") {
        return Err(anyhow::anyhow!("/ cannot be added: it would defeat the sandbox"))
            .hint("name the directories you need; to run without a sandbox use --sandbox off");
    }
    Ok(AddedDir { path, access })
}

/// Paths from `/` or `~/`, of the setting `name`. They need not exist.
pub(crate) fn paths(name: &str, texts: &[String]) -> anyhow::Result<Vec<PathBuf>> {
    let absolute = |text: &String| {
        let path = from_home(text);
        if path.is_absolute() {
            return Ok(path);
        }
        Err(anyhow::anyhow!("{name}: `{text}` must start with / or ~/"))
            .hint(format!("write it like {name} = [\"~/.cargo\", \"/srv/cache\"]"))
    };
    texts.iter().map(absolute).collect()
}

/// Files, of the setting `name`: what begins with `/` or `~/` is a path, all else a pattern as in .gitignore, from the
/// workspace. `./NAME` is only the one at its top.
pub(crate) fn selection(name: &str, texts: &[String]) -> anyhow::Result<Selection> {
    let mut selection = Selection::default();
    for text in texts {
        let path = from_home(text);
        if path.is_absolute() {
            selection.paths.push(path);
        } else if let Some(top) = text.strip_prefix("./") {
            selection.patterns.push(format!("/{top}"));
        } else {
            selection.patterns.push(text.clone());
        }
    }
    let hint = format!("write it like {name} = [\"secrets/**\", \"*.sqlite\", \"~/clients\"]");
    selection.check().map_err(|pattern| anyhow::anyhow!("{name}: invalid pattern {pattern}")).hint(hint)?;
    Ok(selection)
}

/// For the user, of files that the model asked for and did not get. `None`: there are none.
pub(crate) fn hidden_notice(hits: &[PathBuf]) -> Option<String> {
    let first = hits.first()?.display();
    let shown: Vec<String> = hits.iter().map(|path| path.display().to_string()).collect();
    Some(format!(
        "hidden from the model because it may hold secrets: {}; to show it, run again with --show {first}",
        shown.join(", ")
    ))
}

fn from_home(text: &str) -> PathBuf {
    match (text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        (Some(_) | None, _) => PathBuf::from(text),
    }
}

/// Names and values, the stronger ones last.
pub(crate) fn limits<'a>(settings: impl Iterator<Item = (&'a str, String)>) -> anyhow::Result<CommandLimits> {
    let mut limits = CommandLimits::default();
    for (name, value) in settings {
        set(&mut limits, name, &value)?;
    }
    Ok(limits)
}

fn set(limits: &mut CommandLimits, name: &str, value: &str) -> anyhow::Result<()> {
    let bytes = || readable(size(value), name, value, "write it in bytes, or like 512M, 8G");
    let count = || {
        let count = value.parse().ok().filter(|count| 0 < *count);
        readable(count, name, value, "write a whole number, such as 500")
    };
    match name {
        "time" => {
            let time = time(value).filter(|time| *time <= CommandLimits::default().time);
            limits.time = readable(time, name, value, "write it like 90s or 10m, at most 30m")?;
        }
        "memory" => limits.memory_bytes = Some(bytes()?),
        "processes" => limits.processes = count()?,
        "open_files" => limits.open_files = count()?,
        "file_size" => limits.file_bytes = bytes()?,
        "tmp" => limits.tmp_bytes = bytes()?,
        _ => {
            return Err(anyhow::anyhow!("unknown limit `{name}`"))
                .hint("the limits are time, memory, processes, open_files, file_size and tmp");
        }
    }
    Ok(())
}

fn readable<T>(read: Option<T>, name: &str, value: &str, hint: &str) -> anyhow::Result<T> {
    read.ok_or_else(|| anyhow::anyhow!("limit {name}: invalid value `{value}`")).hint(hint)
}

/// `8G`, `512M`, `64KiB` or plain bytes; each letter is 1,024 times the one before.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|bytes| 0 < *bytes)
}

/// `90s`, `10m`, `1h30m`, or seconds.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let spelled = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    seconds.or(spelled).filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_patterns_are_told_apart() {
        let read = |texts: &[&str]| selection("hide", &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let read_all = read(&["/srv/keys", "secrets/**", "./.env", "*.sqlite"]).unwrap();
        assert_eq!(read_all.paths, [PathBuf::from("/srv/keys")]);
        assert_eq!(read_all.patterns, ["secrets/**", "/.env", "*.sqlite"]);
        let error = read(&["[z-a]"]).unwrap_err().to_string();
        assert!(error.starts_with("hide: invalid pattern `[z-a]`"), "{error}");
    }

    #[test]
    fn what_was_hidden_is_named_with_the_flag_that_shows_it() {
        let notice = hidden_notice(&[PathBuf::from("app/.env"), PathBuf::from("id_rsa")]).unwrap();
        assert!(notice.contains("app/.env, id_rsa") && notice.ends_with("--show app/.env"), "{notice}");
        assert_eq!(hidden_notice(&[]), None);
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [("1", 1), ("64K", 65_536), ("64KiB", 65_536), ("512m", 1 << 29), ("8GB", 8 << 30)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "0", "-1", "8 G", "G", "8X", "1.5G", "99999999999T"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn the_stronger_limit_comes_last_and_nonsense_is_named() {
        let read = |settings: &[(&'static str, &str)]| {
            limits(settings.iter().map(|(name, value)| (*name, (*value).to_owned()))).map_err(|error| error.to_string())
        };
        let limits = read(&[("memory", "1G"), ("time", "5m"), ("memory", "2G"), ("open_files", "64")]).unwrap();
        assert_eq!((limits.memory_bytes, limits.open_files), (Some(2 << 30), 64));
        assert_eq!(limits.time, Duration::from_secs(300));
        assert_eq!(limits.processes, CommandLimits::default().processes);
        for (name, value) in [("time", "2h"), ("memory", "lots"), ("processes", "0"), ("tmp", "")] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error, format!("limit {name}: invalid value `{value}`"));
        }
        assert_eq!(read(&[("speed", "1")]).unwrap_err(), "unknown limit `speed`");
    }
}
