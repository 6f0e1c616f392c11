//! What the program says of itself: its help and its settings.

use std::collections::BTreeSet;

use crate::support::World;

#[test]
fn help_lists_every_exit_code() {
    let help = World::without_server(&[]).agent(&["--help"]).stdout;
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    for code in [0, 1, 2, 3, 4, 5, 6, 130] {
        assert!(codes.contains(&format!(" {code} ")), "{code}: {help}");
    }
}

#[test]
fn the_values_of_all_settings_start_in_one_column() {
    let config = World::without_server(&[]).agent(&["config"]).stdout;
    let column = |line: &str| {
        let (name, rest) = line.split_once(' ').unwrap();
        name.len() + 1 + rest.len() - rest.trim_start().len()
    };
    let columns: BTreeSet<usize> = config.lines().map(column).collect();
    assert_eq!(columns.len(), 1, "{config}");
}

#[test]
fn trust_without_a_file_has_a_hint() {
    let told = World::without_server(&[]).agent(&["config", "trust"]);
    assert!(told.code == 2 && told.stderr.contains("\nhint: run this in a repository"), "{told:?}");
}
