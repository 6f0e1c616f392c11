use super::*;
use crate::private_git::snapshot::Stashed;

fn id(digit: char) -> String {
    digit.to_string().repeat(40)
}

/// `HEAD=main main=1 v1=tag:2 ~stash...`: refs as `name=digit`, HEAD as `HEAD=name` or `HEAD=digit`, the stash as `~12`.
fn side(text: &str) -> Snapshot {
    let mut side = Snapshot::default();
    for word in text.split_whitespace() {
        if let Some(stash) = word.strip_prefix('~') {
            side.stash = stash.chars().map(|digit| Stashed { id: id(digit), message: String::new() }).collect();
            continue;
        }
        let (name, value) = word.split_once('=').unwrap();
        let target = match value.chars().next().unwrap() {
            digit if value.len() == 1 => Target::Id(id(digit)),
            _ => Target::Name(format!("refs/heads/{value}")),
        };
        if name == "HEAD" {
            side.heads.insert(PathBuf::new(), target);
        } else {
            let name = if name.contains('/') { format!("refs/{name}") } else { format!("refs/heads/{name}") };
            side.refs.insert(name, target);
        }
    }
    side
}

fn show(plan: &Plan) -> String {
    let value = |id: &Option<String>| id.as_ref().map_or("-".to_owned(), |id| id[..1].to_owned());
    let mut words: Vec<String> = plan
        .refs
        .iter()
        .map(|change| {
            let kept = change.kept_from.as_ref().map(|from| format!(" kept of {from}")).unwrap_or_default();
            format!("{} {}>{}{kept}", change.name, value(&change.old), value(&change.new))
        })
        .collect();
    words.extend(plan.heads.iter().map(|head| match &head.new {
        Target::Name(name) => format!("HEAD {name}"),
        Target::Id(id) => format!("HEAD {}", &id[..1]),
    }));
    if let StashMove::Replay { dropped, stored } = &plan.stash {
        let stored: String = stored.iter().map(|(id, _)| id[..1].to_owned()).collect();
        words.push(format!("stash -{dropped} +{stored}"));
    }
    words.extend(plan.left.iter().map(|left| format!("left {} {:?}", left.name, left.why)));
    words.extend(plan.contested.iter().map(|_| "index left".to_owned()));
    words.join("; ")
}

#[track_caller]
fn check(base: &str, private: &str, real: &str, expected: &str) {
    let made = BTreeSet::from(["refs/heads/made".to_owned()]);
    let elsewhere = BTreeSet::from(["refs/heads/elsewhere".to_owned()]);
    let plan = plan(&side(base), &side(private), &side(real), &made, &elsewhere).unwrap();
    assert_eq!(show(&plan), expected, "{base} | {private} | {real}");
}

#[test]
fn what_commands_did_alone_is_taken() {
    let base = "HEAD=main main=1 other=1 made=1";
    check(base, base, base, "");
    check(base, "HEAD=main main=2 other=1 made=1", base, "refs/heads/main 1>2");
    check(base, "HEAD=new main=1 other=1 made=1 new=2", base, "refs/heads/new ->2; HEAD refs/heads/new");
    check(base, "HEAD=other main=1 other=1 made=1", base, "HEAD refs/heads/other");
    check(base, "HEAD=3 main=1 other=1 made=1", base, "HEAD 3");
    check(base, "HEAD=main main=1 other=1", base, "refs/heads/made 1>-");
    check(base, "HEAD=main main=1 other=1 made=1 tags/v1=2", base, "refs/tags/v1 ->2");
    check("HEAD=main", "HEAD=main main=2", "HEAD=main", "refs/heads/main ->2");
    check(
        "HEAD=main main=1",
        "HEAD=new main=2 new=3",
        "HEAD=main main=1",
        "refs/heads/main 1>2; refs/heads/new ->3; HEAD refs/heads/new",
    );
}

#[test]
fn what_is_done_already_is_no_change() {
    check("HEAD=main main=1", "HEAD=topic main=2 topic=2", "HEAD=topic main=2 topic=2", "");
}

#[test]
fn what_git_obeys_or_would_mislead_stays() {
    let base = "HEAD=main main=1 elsewhere=1";
    check(
        base,
        "HEAD=main main=1 elsewhere=1 replace/x=2 remotes/origin/main=2",
        base,
        "left refs/remotes/origin/main Kind; left refs/replace/x Kind",
    );
    check(base, "HEAD=main main=1 elsewhere=1 tags/main=2", base, "left refs/tags/main Namesake");
    check(base, "HEAD=main main=1 elsewhere=2", base, "left refs/heads/elsewhere CheckedOutElsewhere");
    check(base, "HEAD=main main=1", base, "left refs/heads/elsewhere CheckedOutElsewhere");
    check("HEAD=main main=1 mine=1", "HEAD=main main=1", "HEAD=main main=1 mine=1", "left refs/heads/mine Deleted");
}

#[test]
fn the_user_who_moved_too_wins_and_nothing_is_lost() {
    check(
        "HEAD=main main=1",
        "HEAD=main main=2",
        "HEAD=main main=3",
        "refs/heads/agent/kept/main ->2 kept of refs/heads/main; index left",
    );
    check(
        "HEAD=main main=1",
        "HEAD=2 main=1",
        "HEAD=other main=1 other=1",
        "refs/heads/agent/kept/HEAD ->2 kept of HEAD; index left",
    );
    check(
        "HEAD=main main=1 heads/agent/kept/main=9",
        "HEAD=main main=2 heads/agent/kept/main=9",
        "HEAD=main main=3 heads/agent/kept/main=9",
        "refs/heads/agent/kept/main-2 ->2 kept of refs/heads/main; index left",
    );
    // A branch that the user has gone to is not moved under them.
    check(
        "HEAD=main main=1 other=1",
        "HEAD=main main=1 other=2",
        "HEAD=other main=1 other=1",
        "refs/heads/agent/kept/other ->2 kept of refs/heads/other",
    );
    check(
        "HEAD=main main=1 elsewhere=1",
        "HEAD=elsewhere main=2 elsewhere=1",
        "HEAD=main main=1 elsewhere=1",
        "refs/heads/agent/kept/main ->2 kept of refs/heads/main",
    );
    check(
        "HEAD=main main=1 tags/v=1",
        "HEAD=main main=1 tags/v=2",
        "HEAD=main main=1 tags/v=3",
        "left refs/tags/v Moved",
    );
}

#[test]
fn the_stash_is_one_value() {
    check("HEAD=main ~12", "HEAD=main ~312", "HEAD=main ~12", "stash -0 +3");
    check("HEAD=main ~12", "HEAD=main ~2", "HEAD=main ~12", "stash -1 +");
    check("HEAD=main ~12", "HEAD=main ~431", "HEAD=main ~12", "stash -2 +134");
    check("HEAD=main ~12", "HEAD=main ~312", "HEAD=main ~412", "");
}

#[test]
fn thousands_of_refs_are_no_work() {
    let many: String = (0..=MOST_CHANGES).map(|number| format!("b{number}=1 ")).collect();
    let base = side("HEAD=main main=1");
    let private = side(&format!("HEAD=main main=1 {many}"));
    let none = BTreeSet::new();
    assert_eq!(plan(&base, &private, &base, &none, &none), Err(TooMuch(MOST_CHANGES + 1)));
}

#[test]
fn a_side_without_its_branch_is_broken() {
    let base = side("HEAD=main main=1");
    assert!(side("HEAD=main").is_broken(&base));
    assert!(side("main=1").is_broken(&base));
    assert!(!side("HEAD=fresh main=1").is_broken(&base));
    assert!(!side("HEAD=main").is_broken(&side("HEAD=main")));
}
