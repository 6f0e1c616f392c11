//! `agent models`, `agent doctor` and `agent config`: what there is, tried and not guessed.

use std::io::{self, Write as _};
use std::path::Path;

use agent::{ChatErrorKind, Supervision};
use anyhow::Context as _;
use mask::MaskWriter;
use providers::{Choice, Edits, Effort, ListOf, Profile, RepoMap, SystemRole};

use crate::args::{ConfigAction, ModelArgs, ModelsArgs, SchemaOf};
use crate::config::{Config, Layer, read_config};
use crate::connect::Connected;
use crate::harmless::harmless;
use crate::hint::{Exit, Hint as _, Hinted};
use crate::{connect, events, out, paths, planted, run, sessions, setup};

pub(crate) async fn models(args: &ModelsArgs) -> anyhow::Result<Exit> {
    if args.profiles {
        return profiles();
    }
    let root = run::workspace(args.model.workspace.as_deref())?;
    let config = Config::load(Layer::of_model(&args.model), &root)?;
    let connect::Reached { server, notices, api_key_env: _ } = connect::server(&config).await?;
    let cards = server.models().await.map_err(connect::chat_error)?;
    let chosen = connect::choose(&config, server.address(), &cards);
    let mut stdout = out::stdout();
    for card in &cards {
        let window = card.max_context_length.map(|tokens| format!("{}k", tokens / 1024)).unwrap_or_default();
        let price = if server.is_local() { None } else { providers::price(&card.id) };
        let price = price.map(|price| format!("USD {} in, {} out", price.input, price.output)).unwrap_or_default();
        let others: Vec<&str> = card.aliases.iter().map(String::as_str).filter(|alias| *alias != card.id).collect();
        let aliases = if others.is_empty() { String::new() } else { format!("  also {}", others.join(", ")) };
        let notice = card.notice().map(|notice| format!("  ({notice})")).unwrap_or_default();
        writeln!(
            stdout,
            "{:<34} {window:>6}  {:<14}  {price:<24}{aliases}{notice}",
            card.id,
            Profile::of(&card.id).name
        )?;
    }
    writeln!(
        out::stderr(),
        "{} {} of {}; prices per million tokens as of {}.",
        cards.len(),
        if cards.len() == 1 { "model" } else { "models" },
        server.base_url(),
        providers::PRICES_AS_OF
    )?;
    if let Ok(Choice { model, reason: Some(reason), .. }) = &chosen {
        writeln!(out::stderr(), "Without --model: {model} ({reason}).")?;
    }
    for notice in notices {
        writeln!(out::stderr(), "note: {}", harmless(&notice))?;
    }
    Ok(Exit::Finished)
}

/// The table of `providers::profiles`, one row a family. What a server says of its model goes before it.
fn profiles() -> anyhow::Result<Exit> {
    let mut stdout = out::stdout();
    let mut row = |cells: [&str; 12]| {
        let [name, window, temperature, effort, edits, map, early, calls, silence, system, price, ids] = cells;
        writeln!(
            stdout,
            "{name:<18} {window:>6}  {temperature:<18} {effort:<16} {edits:<11} {map:<4} {early:<11} {calls:>5} {silence:>8}  {system:<6} {price:<26} {ids}"
        )
    };
    row([
        "profile",
        "window",
        "temperature",
        "effort",
        "edits",
        "map",
        "early ends",
        "calls",
        "silence",
        "system",
        "USD in, out",
        "models",
    ])?;
    for profile in providers::profiles() {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let window = profile.context_tokens.map(|tokens| format!("{}k", tokens / 1024));
        let thinking =
            profile.thinking_temperature.map(|thinking| format!(", {thinking} thinking")).unwrap_or_default();
        let anew = profile.anew_temperature.map(|anew| format!(", then {anew}")).unwrap_or_default();
        let ids: Vec<String> = profile.ids.iter().map(|id| format!("{id}*")).collect();
        row([
            profile.name,
            &or_none(window),
            &format!("{}{thinking}{anew}", profile.temperature),
            &levels(profile),
            match profile.edits {
                Edits::Diff => "diffs",
                Edits::WholeFile => "whole files",
            },
            match profile.repo_map {
                RepoMap::Offered => "yes",
                RepoMap::NotOffered => "-",
            },
            match profile.supervision {
                Supervision::Light => "accepted",
                Supervision::Close => "checked",
                Supervision::Anew => "starts over",
            },
            &profile.reply_bounds.calls.to_string(),
            &or_none(profile.longest_pause.map(|pause| format!("{} s", pause.as_secs()))),
            match profile.system_role {
                SystemRole::Own => "yes",
                SystemRole::User => "-",
            },
            &or_none(price_range(profile)),
            &if ids.is_empty() { "all others".to_owned() } else { ids.join(" ") },
        ])?;
    }
    writeln!(
        out::stderr(),
        "effort: accepted levels, * is the default, ? unknown, - none; calls: maximum per reply; silence: longest pause \
         within a reply before a retry; system: has a system role; USD: per million tokens at Mistral as of {}",
        providers::PRICES_AS_OF
    )?;
    Ok(Exit::Finished)
}

/// The levels that its models take, with a mark at the one that is asked for by default.
fn levels(profile: &Profile) -> String {
    let level = |level: &Effort| {
        let mark = if profile.effort == Some(*level) { "*" } else { "" };
        format!("{level}{mark}")
    };
    match profile.efforts {
        None => "?".to_owned(),
        Some([]) => "-".to_owned(),
        Some(levels) => levels.iter().map(level).collect::<Vec<_>>().join(" "),
    }
}

/// From the cheapest model of a family to the dearest.
fn price_range(profile: &Profile) -> Option<String> {
    let range = |of: fn(&agent::Price) -> f64| {
        let prices = profile.prices.iter().map(|row| of(&row.price));
        let (low, high) = (prices.clone().reduce(f64::min)?, prices.reduce(f64::max)?);
        Some(if low < high { format!("{low} to {high}") } else { low.to_string() })
    };
    Some(format!("{}, {}", range(|price| price.input)?, range(|price| price.output)?))
}

/// One line a thing: ok, or what is wrong and what to do.
pub(crate) async fn doctor(args: &ModelArgs) -> anyhow::Result<Exit> {
    let mut report = Report { stdout: out::stdout(), healthy: true };
    let root = run::workspace(args.workspace.as_deref())?;
    report.line(true, "workspace", &root.display().to_string())?;
    for sentence in planted::recover(&root)? {
        report.line(true, "", &sentence)?;
    }
    let config = match Config::load(Layer::of_model(args), &root) {
        Ok(config) => config,
        Err(error) => {
            report.line(false, "configuration", &format!("{error:#}"))?;
            return Ok(Exit::Usage);
        }
    };
    report.line(true, "configuration", &paths::user_config()?.display().to_string())?;
    match connect::connect(&config, "doctor").await {
        Ok(Connected { unlisted: Some(error), list_of: ListOf::Mistral, .. }) if error.kind == ChatErrorKind::Key => {
            report.line(false, "model", &error.message)?;
            if let Some(hint) = &error.hint {
                report.line(true, "", &format!("hint: {hint}"))?;
            }
        }
        Ok(connected) => {
            let window = connected.context_tokens.map(|tokens| format!(", {tokens}-token window")).unwrap_or_default();
            report.line(true, "model", &format!("{}{window}", connected.named()))?;
            for notice in &connected.notices {
                report.line(true, "", notice)?;
            }
        }
        Err(error) => {
            report.line(false, "model", &format!("{error:#}"))?;
            if let Some(hint) = error.downcast_ref::<Hinted>().and_then(|hinted| hinted.hint.as_ref()) {
                report.line(true, "", &format!("hint: {hint}"))?;
            }
        }
    }
    for program in ["bash", "git"] {
        match find_program(program) {
            Some(path) => report.line(true, program, &path)?,
            None => report.line(program != "git", program, "not found on PATH")?,
        }
    }
    let host = setup::open_host(&root, &config, None)?;
    let fence = host.fence().await;
    let holds = fence.holds();
    for layer in &fence.layers {
        report.part(layer.state.is_fine(), "sandbox", &format!("{}: {}", layer.kind, layer.state))?;
    }
    let verdict = if holds { "works: `run` defaults to auto" } else { "does not work: `run` asks before each command" };
    report.line(holds, "sandbox", verdict)?;
    let sessions = paths::sessions()?;
    match std::fs::create_dir_all(&sessions).and_then(|()| tempfile::tempfile_in(&sessions)) {
        Ok(_) => report.line(
            true,
            "sessions",
            &format!("{} ({} kept)", sessions.display(), sessions::store()?.ids()?.len()),
        )?,
        Err(error) => report.line(false, "sessions", &format!("{}: {error}", sessions.display()))?,
    }
    Ok(if report.healthy { Exit::Finished } else { Exit::Failed })
}

struct Report {
    stdout: MaskWriter<io::StdoutLock<'static>>,
    healthy: bool,
}

impl Report {
    fn line(&mut self, ok: bool, what: &str, found: &str) -> io::Result<()> {
        self.healthy &= ok;
        self.part(ok, what, found)
    }

    /// Of something that works without it too.
    fn part(&mut self, ok: bool, what: &str, found: &str) -> io::Result<()> {
        let mark = if ok { "ok " } else { "NO " };
        let mark = if what.is_empty() { "   " } else { mark };
        writeln!(self.stdout, "{mark} {what:<14} {}", harmless(found))
    }
}

fn find_program(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&path).map(|directory| directory.join(name));
    found.find(|program| program.is_file()).map(|program| program.display().to_string())
}

pub(crate) fn config(action: Option<ConfigAction>) -> anyhow::Result<Exit> {
    let root = run::workspace(None)?;
    match action {
        None => show_config(&root)?,
        Some(ConfigAction::Trust) => {
            let path = paths::repository_config(&root);
            let content = read_config(&path)
                .with_context(|| format!("cannot read {}", path.display()))
                .hint("run this in a repository that has this file; its settings are used once you trust them")?;
            paths::set_trusted(&root, Some(content))?;
            writeln!(out::stderr(), "{} is now trusted, with its current content.", path.display())?;
        }
        Some(ConfigAction::Untrust) => {
            paths::set_trusted(&root, None)?;
            writeln!(out::stderr(), "{} is no longer trusted.", paths::repository_config(&root).display())?;
        }
        Some(ConfigAction::Schema { what: SchemaOf::Input }) => {
            writeln!(out::stdout(), "{:#}", crate::input::schema())?;
        }
        Some(ConfigAction::Schema { what: SchemaOf::Ci }) => {
            writeln!(out::stdout(), "{:#}", crate::ci::schema())?;
        }
        Some(ConfigAction::Schema { what: SchemaOf::Events }) => {
            writeln!(out::stdout(), "{:#}", events::schema())?;
        }
    }
    Ok(Exit::Finished)
}

fn show_config(root: &Path) -> anyhow::Result<()> {
    let config = Config::load(Layer::default(), root)?;
    let mut stdout = out::stdout();
    let table = config.table();
    let widest = table.iter().map(|[name, ..]| name.len()).max().unwrap_or_default();
    for [name, value, place] in table {
        writeln!(stdout, "{name:<widest$} {value:<28} {place}")?;
    }
    for notice in &config.notices {
        writeln!(out::stderr(), "note: {notice}")?;
    }
    Ok(())
}
