//! `*** Begin Patch` envelopes on a small tree of files, each as it is meant to end. A line `== name` begins a file.

mod places;
mod sections;

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use patch::Action;

type Tree = BTreeMap<String, String>;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn apply_all(tree: &Tree, edit: &str) -> Result<(Tree, Vec<String>), String> {
    let (mut tree, mut notes) = (tree.clone(), Vec::new());
    for edit in patch::parse(edit).map_err(|error| error.to_string())? {
        let path = edit.path.clone().ok_or("the section names no file")?;
        let before = tree.remove(&path);
        let applied = patch::apply(&edit, before.as_deref()).map_err(|refusal| refusal.to_string())?;
        let to = if let Action::Rename { to } = &edit.action { to.clone() } else { path };
        tree.extend(applied.after.map(|after| (to, after)));
        notes.extend(applied.notes);
    }
    Ok((tree, notes))
}

fn check(files: &[(&str, &str)], edit: &str, expected: Expect) {
    let shown = match apply_all(&tree(files), &format!("*** Begin Patch\n{edit}*** End Patch\n")) {
        Ok((tree, notes)) => {
            let files: String = tree.iter().map(|(path, text)| format!("== {path}\n{text}")).collect();
            let notes: String = notes.iter().map(|note| format!("({note})\n")).collect();
            files + &notes
        }
        Err(refusal) => format!("{refusal}\n"),
    };
    expected.assert_eq(&shown.replace('\r', "\\r"));
}
