use agent::{Effect, Found, FoundLine, LineKind, Observation};

use crate::testing::Bench;

fn bench() -> Bench {
    let bench = Bench::new(&[
        (".gitignore", "*.log\n"),
        ("a.txt", "one\nTwo two\nthree\r\n"),
        ("b/c.rs", "fn two() {}\n"),
        ("d.log", "two\n"),
        ("xs.txt", "xxx\nxxxx\nxxx\n"),
        ("long.txt", &format!("two {}é\n", "x".repeat(295))),
    ]);
    std::fs::write(bench.root().join("binary"), b"two\n\0two\n").unwrap();
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain("x\nin two bytes\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(bench.root().join("utf16.txt"), utf16).unwrap();
    std::os::unix::fs::symlink("a.txt", bench.root().join("link.txt")).unwrap();
    bench
}

fn search(pattern: &str, path: &str, glob: Option<&str>, limit: usize) -> Result<Found, String> {
    let effect =
        Effect::Search { pattern: pattern.into(), path: path.into(), glob: glob.map(Into::into), context: 0, limit };
    match bench().act(&effect) {
        Ok(Observation::Found(found)) => Ok(found),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
fn check(pattern: &str, path: &str, glob: Option<&str>, expected: &[&str]) {
    let found = search(pattern, path, glob, 100).unwrap();
    let lines: Vec<String> =
        found.lines.iter().map(|line| format!("{}:{}:{}", line.path, line.number, line.text)).collect();
    assert_eq!((lines.as_slice(), found.left_out), (expected.map_owned().as_slice(), 0));
}

trait Owned {
    fn map_owned(&self) -> Vec<String>;
}

impl Owned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn lines_of_text_files() {
    check("two", "", Some("!long.txt"), &["a.txt:2:Two two", "b/c.rs:1:fn two() {}", "utf16.txt:2:in two bytes"]);
    check("(?i)^TWO", "", Some("a.*"), &["a.txt:2:Two two"]);
    check("three$", "", None, &["a.txt:3:three"]);
    check("two", "b", None, &["b/c.rs:1:fn two() {}"]);
    check("two", "a.txt", None, &["a.txt:2:Two two"]);
    check("nothing", "", None, &[]);
    check("^x{3}$", "", None, &["xs.txt:1:xxx", "xs.txt:3:xxx"]);
}

#[test]
fn lines_around_a_match_come_with_it_and_only_with_those_shown() {
    let bench = Bench::new(&[("a.txt", "1\nx2\n3\n4\n5\nx6\nx7\n8\n9\n"), ("b.txt", "x1\n2\n")]);
    let around = |context, limit| {
        let effect = Effect::Search { pattern: "x".into(), path: "".into(), glob: None, context, limit };
        let Ok(Observation::Found(found)) = bench.act(&effect) else { panic!() };
        let line = |line: &FoundLine| match line.kind {
            LineKind::Match => format!("{}:{}", line.path, line.number),
            LineKind::Context => format!("{}-{}", line.path, line.number),
        };
        let lines: Vec<String> = found.lines.iter().map(line).collect();
        (lines.join(" "), found.left_out, found.files.iter().map(|file| file.matches).collect::<Vec<usize>>())
    };
    let all = "a.txt-1 a.txt:2 a.txt-3 a.txt-5 a.txt:6 a.txt:7 a.txt-8 b.txt:1 b.txt-2";
    assert_eq!(around(1, 9), (all.to_owned(), 0, vec![3, 1]));
    assert_eq!(around(1, 1), ("a.txt-1 a.txt:2 a.txt-3".to_owned(), 3, vec![3, 1]));
    assert_eq!(around(1, 2), ("a.txt-1 a.txt:2 a.txt-3 a.txt-5 a.txt:6".to_owned(), 2, vec![3, 1]));
}

#[test]
fn long_lines_are_cut_between_characters() {
    let found = search("two", "long.txt", None, 9).unwrap();
    assert_eq!(found.lines[0].text.len(), 299 + " [...]".len());
}

#[test]
fn of_a_long_line_the_part_around_the_match_is_shown() {
    let text = format!("{}NEEDLE{}\n", "é".repeat(50_000), "y".repeat(50_000));
    let bench = Bench::new(&[("min.js", &text)]);
    let effect = Effect::Search { pattern: "NEEDLE".into(), path: "".into(), glob: None, context: 0, limit: 9 };
    let Ok(Observation::Found(found)) = bench.act(&effect) else { panic!() };
    let expected = format!("[...] {}NEEDLE{} [...]", "é".repeat(50), "y".repeat(194));
    assert_eq!(found.lines[0].text, expected);
}

#[test]
fn a_pattern_is_bounded() {
    let error = search(&"a".repeat(20_000), "", None, 9).unwrap_err();
    assert!(error.ends_with("it has 20000 bytes, and at most 10000 are allowed"), "{error}");
}

#[test]
fn bounded_with_counts() {
    let found = search("o", "", None, 2).unwrap();
    assert_eq!((found.lines.len(), found.left_out, found.files.len()), (2, 4, 5));
}

#[test]
fn a_bad_pattern_is_told_in_short() {
    assert_eq!(search("a(", "", None, 9).unwrap_err(), "Invalid pattern: unclosed group");
    let error = search("a\\nb", "", None, 9).unwrap_err();
    assert!(error.ends_with("Search matches one line at a time."), "{error}");
}

#[test]
fn outside_is_not_searched() {
    assert_eq!(search("x", "..", None, 9).unwrap_err(), "`..` is outside the workspace.");
    assert_eq!(search("x", "none", None, 9).unwrap_err(), "`none` does not exist.");
}
