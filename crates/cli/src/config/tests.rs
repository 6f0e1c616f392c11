//! What a configuration file may say, and how a mistake in one reads.

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let error = parse(text, Path::new("config.toml")).unwrap_err();
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn an_error_names_file_and_line() {
    check("model = \"m\"\nmodle = 1\n", "config.toml:2: unknown field `modle`");
    check("\n\nmax_steps = \"x\"\n", "config.toml:3: invalid type");
    check("model = \n", "config.toml:1:");
}

#[test]
fn every_setting_has_its_row() {
    let table = Table::try_from(Layer {
        model: Some(String::new()),
        base_url: Some(String::new()),
        api_key_env: Some(String::new()),
        temperature: Some(0.0),
        effort: Some(Effort::High),
        profile: Some(String::new()),
        provider: Some(Provider::Openai),
        first_byte_timeout: Some(String::new()),
        mode: Some(Mode::Auto),
        sandbox: Some(Switch::On),
        network: Some(String::new()),
        pass: Some(Vec::new()),
        allow: Some(Vec::new()),
        ask: Some(Vec::new()),
        deny: Some(Vec::new()),
        approval_timeout: Some(String::new()),
        checks: Some(Vec::new()),
        add_dirs: Some(Vec::new()),
        hide: Some(Vec::new()),
        show: Some(Vec::new()),
        keep: Some(Vec::new()),
        limit: Some(Table::new()),
        max_steps: Some(1),
        max_tokens: Some(1),
        max_cost: Some(1.0),
        max_time: Some(String::new()),
        price: Some(PriceLayer { input: 1.0, cached: None, output: 1.0 }),
        plain: Some(true),
    })
    .unwrap();
    let mut names: Vec<&String> = table.keys().collect();
    names.sort();
    let mut expected = NAMES.to_vec();
    expected.sort_unstable();
    assert_eq!(names, expected);
}
