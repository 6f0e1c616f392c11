use super::*;

/// Commands by line, patterns as `*...*`, unknown words as `?`, piped ones behind `|`, substituted ones in `( )`.
#[track_caller]
fn check(text: &str, expected: &str) {
    let shown = match take_apart(text) {
        Err(why) => why.to_owned(),
        Ok(line) => line.commands.iter().map(show).collect::<Vec<String>>().join("; "),
    };
    assert_eq!(shown, expected, "{text}");
}

fn show(command: &Simple) -> String {
    let words = command.words.iter().map(|word| match word {
        Word::Plain(text) => text.replace(' ', "_"),
        Word::Pattern(text) => format!("*{text}*"),
        Word::Unknown => "?".to_owned(),
    });
    let words = words.collect::<Vec<String>>().join(" ");
    let words = if command.reads_pipe { format!("| {words}") } else { words };
    if command.substituted { format!("({words})") } else { words }
}

#[test]
fn every_command_of_a_line_is_found() {
    check("ls", "ls");
    check("ls && pwd || true; cd a & id\nwc", "ls; pwd; true; cd a; id; wc");
    check("ls -l 2>&1 | grep x 2>/dev/null | wc -l", "ls -l; | grep x; | wc -l");
    check("echo a$(cat $(ls)) `x y`", "echo ? ?; (cat ?); (ls); (x y)");
    check("echo \"a b\" 'c d' e\\ f g\"h i\" # and so on", "echo a_b c_d e_f gh_i");
    check("ls *.rs a{b,c} \"*\" HEAD~1 @{u}", "ls **.rs* *a{b,c}* * HEAD~1 *@{u}*");
    check("echo $a ${b} \"$c\" \"\\$d\"", "echo ? ? ? $d");
    check("echo x <<<$var", "echo x");
}

#[test]
fn what_is_not_understood_is_said() {
    for (text, why) in [
        ("cat <<EOF\nx\nEOF", "it has a here-document"),
        ("PATH=. ls", "it sets variables"),
        ("X=1", "it sets variables"),
        ("(ls)", "it has a group of commands"),
        ("{ ls; }", "it has a group of commands"),
        ("ls > a", "it redirects to or from a file"),
        ("ls >| /dev/null", "it redirects to or from a file"),
        ("cat < a", "it redirects to or from a file"),
        ("echo ${a:-x} ${b@P}", "it has an expansion that can run or change something"),
        ("echo ${!a}", "it has an expansion that can run or change something"),
        ("$SHELL -c ls", "its program is not a plain word"),
        ("l''s", "its program is not a plain word"),
        ("l\\s", "its program is not a plain word"),
        ("'ls'", "its program is not a plain word"),
        ("cat <(ls)", "it has a process substitution"),
        ("ls\rrm", "it has invisible characters"),
        ("rm\u{3000}-rf", "it has invisible characters"),
        ("ls =(rm)", "it is not valid shell syntax"),
        ("echo $((1+1))", "it uses syntax that is not analyzed"),
        ("! ls", "it uses syntax that is not analyzed"),
        ("export A=1", "it changes variables"),
        ("echo \"\\\"; ls\"", "it has nested quotes"),
        ("# only", "it runs nothing"),
        ("echo $'\\x41'", "it has a $'...' or $\"...\" string"),
        ("f() { ls; }; f", "it defines a function"),
    ] {
        check(text, why);
    }
}

#[test]
fn long_and_deep_lines_are_refused_before_anything_recurses() {
    for count in [300, 2_000, 20_000, 200_000] {
        for text in [
            format!("true{}", " && true".repeat(count)),
            format!("true{}", "|true".repeat(count)),
            format!("echo {}{}", "$(echo ".repeat(count), ")".repeat(count)),
            format!("echo {}{}", "\"$(echo ".repeat(count), ")\"".repeat(count)),
            format!("{}ls{}", "(".repeat(count), ")".repeat(count)),
            format!("{}ls{}", "{ ".repeat(count), "; }".repeat(count)),
            format!("echo {}{}", "${a:-".repeat(count), "}".repeat(count)),
            format!("echo {}1{}", "$((".repeat(count), "))".repeat(count)),
            "if ".repeat(count),
            "<(".repeat(count),
            "{a,".repeat(count),
        ] {
            let start: String = text.chars().take(40).collect();
            assert!(take_apart(&text).is_err() || text.starts_with("true|"), "{start} {count}");
        }
    }
    assert_eq!(take_apart(&format!("true{}", " && true".repeat(100))).unwrap().commands.len(), 101);
}

#[test]
fn only_one_plain_command_is_only_that() {
    let only = |text: &str| take_apart(text).ok()?.only().map(|words| words.join(" "));
    assert_eq!(only("cargo test 'a b'").as_deref(), Some("cargo test a b"));
    for more in ["ls | wc", "ls 2>&1", "ls $x", "ls *", "ls; ls", "ls $(ls)"] {
        assert_eq!(only(more), None, "{more}");
    }
}
