use super::*;

#[test]
fn a_model_has_the_profile_of_its_family_and_size() {
    for (model, profile) in [
        ("devstral-medium-latest", "devstral"),
        ("labs-devstral-small-2512", "devstral"),
        ("mistral-medium-3-5", "mistral-medium"),
        ("mistral-medium-2508", "mistral-medium-3.1"),
        ("mistral-small-2603", "mistral-small"),
        ("mistral-small-2506", "mistral-small-3"),
        ("mistral-large-4-0", "mistral-large-4"),
        ("mistralai/Mistral-Large-4-1T", "mistral-large-4"),
        ("mistral-large-2610", "mistral-large-4"),
        ("mistral-large-2512", "mistral-large"),
        ("mistral-large-latest", "mistral-large"),
        ("ministral-8b-latest", "ministral"),
        ("magistral-medium-latest", "magistral"),
        ("codestral-latest", "codestral"),
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", "small-coder"),
        ("qwen2.5-coder:7b", "qwen-coder"),
        ("google/gemma-2-9b-it", "gemma"),
        ("llama3.2", "default"),
        ("", "default"),
    ] {
        assert_eq!(Profile::of(model).name, profile, "{model}");
    }
}

#[test]
fn names_are_unique_and_found() {
    for profile in profiles() {
        assert_eq!(Profile::named(profile.name), Some(profile));
    }
    assert_eq!(Profile::named("none"), None);
}

#[test]
fn what_a_model_is_sent_it_takes() {
    for profile in profiles() {
        let levels = profile.efforts.unwrap_or_default();
        assert!(levels.is_sorted(), "{}", profile.name);
        assert!(profile.effort.is_none_or(|effort| levels.contains(&effort)), "{}", profile.name);
        let thinks = levels.iter().any(|level| *level != Effort::None);
        assert_eq!(thinks, profile.thoughts == Thoughts::SentBack, "{}", profile.name);
    }
    let levels = |model| Profile::of(model).efforts;
    assert_eq!(levels("mistral-medium-3-5"), Some(&[Effort::None, Effort::High][..]));
    assert_eq!(levels("mistral-small-2603"), levels("mistral-medium-3-5"));
    for model in ["devstral-2512", "codestral-latest", "ministral-14b-latest", "mistral-large-2512"] {
        assert_eq!(levels(model), Some(&[][..]), "{model}");
    }
    assert_eq!(levels("gpt-5"), None);
}

#[test]
fn a_name_that_moves_is_the_version_that_it_stands_for() {
    let card = |id: &str, aliases: &[&str]| ModelCard {
        id: id.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        ..ModelCard::default()
    };
    for (id, aliases, profile) in [
        ("mistral-medium-latest", &["mistral-medium-2508"][..], "mistral-medium-3.1"),
        ("mistral-medium-latest", &["mistral-medium-3-5", "mistral-medium-3"], "mistral-medium"),
        ("mistral-large-latest", &["mistral-large-4-0"], "mistral-large-4"),
        ("mistral-small-2603", &["mistral-small-latest"], "mistral-small"),
        ("devstral-latest", &[], "devstral"),
    ] {
        assert_eq!(Profile::of_card(&card(id, aliases)).name, profile, "{id}");
    }
}

#[test]
fn a_price_stands_once_with_its_family_and_cached_input_is_never_dearer() {
    let mut seen = std::collections::BTreeSet::new();
    for profile in profiles() {
        for ModelPrice { ids, price } in profile.prices {
            assert!(price.cached <= price.input && price.input < price.output, "{ids:?}");
            for id in *ids {
                assert_eq!(Profile::of(id), profile, "{id}");
                assert!(seen.insert(id), "{id}");
            }
        }
    }
    assert_eq!(price("devstral-medium-latest"), Some(Price { input: 0.4, cached: 0.04, output: 2.0 }));
    assert_eq!(price("llama"), None);
}
