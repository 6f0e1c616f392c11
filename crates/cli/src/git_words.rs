//! What commands did with git, as lines at the end of a run.

use sandbox::GitAccount;

pub(crate) fn git_words(account: &GitAccount) -> Vec<String> {
    let mut lines = Vec::new();
    if !account.moved.is_empty() {
        lines.push(format!("git: {}", account.moved.join(", ")));
    }
    if !account.private.is_empty() {
        lines.push(format!(
            "git: commands changed {} in the sandbox only; your repository is unchanged there",
            account.private.join(", ")
        ));
    }
    lines.extend(account.notes.iter().map(|note| note.trim_end_matches('.').to_owned()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_line() {
        let words = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let account = GitAccount {
            moved: words(&["main +2", "new tag v9"]),
            private: words(&["configuration (user.name)", "hooks (pre-commit)"]),
            notes: words(&["git: refs/tags/main stays in the sandbox: a branch or tag of that name exists."]),
        };
        let expected = [
            "git: main +2, new tag v9",
            "git: commands changed configuration (user.name), hooks (pre-commit) in the sandbox only; your repository is unchanged there",
            "git: refs/tags/main stays in the sandbox: a branch or tag of that name exists",
        ];
        assert_eq!(git_words(&account), expected);
        assert!(git_words(&GitAccount::default()).is_empty());
    }
}
