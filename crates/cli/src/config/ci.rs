//! The settings of a run that nobody watches: `agent ci` is narrower than what anybody set for `agent run`.

use std::path::Path;

use agent::Mode;
use sandbox::OutsideGit;

use super::{Config, Layer, Switch};
use crate::args::CiArgs;

/// What such a run may use unless somebody says otherwise; a bill nobody expects is worse than a job that ends early.
const MAX_COST_USD: f64 = 2.0;
const MAX_TIME: &str = "30m";

impl Config {
    /// `workspace`: the checkout, whose configuration file may be trusted.
    pub(crate) fn for_ci(args: &CiArgs, workspace: &Path) -> anyhow::Result<Config> {
        let mut config = Config::load(Layer::of_ci(args)?, workspace)?;
        let budget = Layer { max_cost: Some(MAX_COST_USD), max_time: Some(MAX_TIME.to_owned()), ..Layer::default() };
        let at = config.layers.len().saturating_sub(1);
        config.layers.insert(at, ("agent ci".to_owned(), budget));
        config.outside_git = OutsideGit::ReadOnly;
        Ok(config)
    }

    /// Those of the flags, or else those of the strongest layer that has some.
    pub(crate) fn checks(&self) -> Vec<String> {
        let mut checks = self.pick(|layer| layer.checks.clone()).unwrap_or_default();
        checks.retain(|check| !check.trim().is_empty());
        checks
    }
}

impl Layer {
    /// As flags, so that no weaker layer widens them: the fence is on, nobody is asked, commands get the allow-list of
    /// variables and nothing more, and no network unless a flag of this very command says so.
    fn of_ci(args: &CiArgs) -> anyhow::Result<Layer> {
        let layer = Layer {
            mode: Some(Mode::Auto),
            sandbox: Some(Switch::On),
            network: Some(args.bounds.network.clone().unwrap_or_else(|| "off".to_owned())),
            pass: Some(Vec::new()),
            checks: (!args.check.is_empty()).then(|| args.check.clone()),
            ..Layer::of_bounds(&args.bounds, &args.model)?
        };
        Ok(layer)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command, Output};
    use crate::hint::{Exit, Hinted};
    use crate::setup::choose_mode;

    fn config(more: &[&str]) -> Config {
        let cli = Cli::try_parse_from([&["agent", "ci", "Task"], more].concat()).unwrap();
        let Some(Command::Ci(args)) = cli.command else { panic!("not ci") };
        Config::for_ci(&args, Path::new("/nonexistent")).unwrap()
    }

    #[test]
    fn budgets_are_there_and_flags_change_them() {
        let limits = config(&[]).limits();
        assert_eq!((limits.steps, limits.cost_usd), (Some(100), Some(2.0)));
        assert_eq!(config(&[]).max_time().unwrap().unwrap().as_secs(), 1_800);
        assert_eq!(config(&["--max-cost", "0.1"]).limits().cost_usd, Some(0.1));
        assert_eq!(config(&["--check", "a, b", "--check", " "]).checks(), ["a, b"]);
    }

    #[test]
    fn without_a_fence_it_does_not_start() {
        let error = choose_mode(&config(&[]), false, Output::Text).unwrap_err();
        assert_eq!(error.downcast_ref::<Hinted>().unwrap().exit, Exit::Approval);
        assert_eq!(choose_mode(&config(&[]), true, Output::Text).unwrap(), Mode::Auto);
    }
}
