//! Commands that only look, with every option that they may have here. Pure.
//!
//! Names prove nothing (`find -delete`, `sort -o`, `git log --output=`), so a row is the whole grammar of what is
//! known to be harmless. An option that is not in it, a word that is only known when it runs, a path that leaves the
//! workspace or a file that usually holds secrets: each makes the answer no. The fence is there in any case.

use super::shell::{Line, Simple, Word};

/// Whether the command of this line only looks, inside of the workspace.
pub(crate) fn only_looks(line: &Line, command: &Simple) -> bool {
    // What a substitution prints becomes part of another command: that takes a rule of the user's.
    // A directory can hold files that git takes for a repository, whose configuration names programs to run.
    let elsewhere = command.program() == "git" && line.commands.iter().any(|other| other.program() == "cd");
    !command.substituted
        && !elsewhere
        && LOOKS.iter().any(|look| {
            let name: Vec<&str> = look.name.split(' ').collect();
            let (head, rest) = command.words.split_at(name.len().min(command.words.len()));
            head.iter().map(Word::plain).eq(name.iter().copied().map(Some)) && look.takes(rest, command.reads_pipe)
        })
}

struct Look {
    /// The words that it starts with.
    name: &'static str,
    /// Options without a value. `-#` stands for a number such as `-5`.
    flags: &'static str,
    /// Options with a value: `-n 5`, `-n5`, `--lines 5`, `--lines=5`.
    valued: &'static str,
    operands: Operands,
    /// How many operands there may be; fewer are fine where it reads a pipe.
    count: (usize, usize),
}

#[derive(Clone, Copy)]
enum Operands {
    /// Text that is only printed or compared.
    Texts,
    Paths,
    /// A pattern, then paths.
    PatternAndPaths,
    /// `1,5p` for `sed -n`, then paths.
    LinesAndPaths,
    /// A format of `date`: `+%F`.
    Format,
}

use Operands::{Format, LinesAndPaths, Paths, PatternAndPaths, Texts};

const MANY: usize = usize::MAX;

#[rustfmt::skip]
const LOOKS: &[Look] = &[
    Look { name: "basename", flags: "-a", valued: "-s", operands: Texts, count: (1, MANY) },
    Look { name: "cargo --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "cat", flags: "-A -b -e -E -n -s -t -T -u -v --number --show-all", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "cd", flags: "", valued: "", operands: Paths, count: (1, 1) },
    Look { name: "cmp", flags: "-s -l", valued: "", operands: Paths, count: (2, 2) },
    Look { name: "cut", flags: "-s", valued: "-c -d -f -b --delimiter --fields", operands: Paths, count: (1, MANY) },
    Look { name: "date", flags: "-u", valued: "", operands: Format, count: (0, 1) },
    Look { name: "df", flags: "-h -T", valued: "", operands: Paths, count: (0, MANY) },
    Look { name: "diff", flags: "-u -r -q -w -b -B -i -y -N --brief --recursive", valued: "-U", operands: Paths, count: (2, 2) },
    Look { name: "dirname", flags: "", valued: "", operands: Texts, count: (1, MANY) },
    Look { name: "du", flags: "-s -h -a -c -k --summarize --human-readable", valued: "-d --max-depth", operands: Paths, count: (0, MANY) },
    Look { name: "echo", flags: "-n -e -E", valued: "", operands: Texts, count: (0, MANY) },
    Look { name: "false", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "file", flags: "-b -i -L --brief --mime-type", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "find", flags: "-print -print0 -o -a -or -and -not -prune -empty -L", valued: "-name -iname -path -ipath -regex -iregex -type -maxdepth -mindepth -size -mtime -mmin -newer -perm", operands: Paths, count: (0, MANY) },
    Look { name: "git --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "git blame", flags: "-w -s -e -C -M", valued: "-L", operands: Paths, count: (1, 3) },
    Look { name: "git branch", flags: "-a -r -v --all --remotes --show-current --list", valued: "", operands: Paths, count: (0, 0) },
    Look { name: "git diff", flags: "-p -w -b -R -M -C -z --stat --shortstat --numstat --name-only --name-status --cached --staged --no-color --summary --check --word-diff --quiet --exit-code --minimal --patience --histogram --ignore-all-space --", valued: "-U --unified --diff-filter", operands: Paths, count: (0, MANY) },
    Look { name: "git grep", flags: "-n -i -l -w -c -E -F -P -h -H -I -q --cached --untracked --line-number --ignore-case --name-only --count --", valued: "-A -B -C -e -m", operands: PatternAndPaths, count: (1, MANY) },
    Look { name: "git log", flags: "-# -p -u --patch --oneline --stat --shortstat --numstat --name-only --name-status --graph --all --decorate --no-decorate --no-color --no-merges --merges --reverse --follow --first-parent --abbrev-commit --no-patch -s --", valued: "-n -L -S -G --max-count --skip --since --until --after --before --author --grep --format --pretty --date", operands: Paths, count: (0, MANY) },
    Look { name: "git ls-files", flags: "-c -d -m -o -s -z --cached --others --modified --deleted --exclude-standard --stage --", valued: "", operands: Paths, count: (0, MANY) },
    Look { name: "git merge-base", flags: "--is-ancestor --all", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "git remote", flags: "-v --verbose", valued: "", operands: Paths, count: (0, 0) },
    Look { name: "git rev-list", flags: "-# --all --count --no-merges --left-right", valued: "-n --max-count --since --until", operands: Paths, count: (1, MANY) },
    Look { name: "git rev-parse", flags: "--show-toplevel --abbrev-ref --short --verify --is-inside-work-tree --git-dir --show-prefix -q --quiet", valued: "", operands: Paths, count: (0, MANY) },
    Look { name: "git shortlog", flags: "-s -n -e --summary --numbered", valued: "--since --until", operands: Paths, count: (1, MANY) },
    Look { name: "git show", flags: "-# -p -s -w --stat --shortstat --numstat --name-only --name-status --oneline --no-patch --no-color --abbrev-commit --", valued: "-U --unified --format --pretty --date", operands: Paths, count: (0, MANY) },
    Look { name: "git stash list", flags: "", valued: "", operands: Paths, count: (0, 0) },
    Look { name: "git status", flags: "-s -b -v -z --short --branch --porcelain --long --ignored -uno -uall -unormal --", valued: "--untracked-files", operands: Paths, count: (0, MANY) },
    Look { name: "git tag", flags: "-l --list", valued: "", operands: Paths, count: (0, 0) },
    Look { name: "go version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "grep", flags: "-# -a -b -c -E -F -G -h -H -i -I -l -L -n -o -P -q -r -R -s -v -w -x -z --line-number --recursive --ignore-case --invert-match --count --files-with-matches --only-matching --color --no-filename --with-filename --fixed-strings --extended-regexp --word-regexp --", valued: "-A -B -C -e -m --include --exclude --exclude-dir --regexp --max-count --after-context --before-context --context --color", operands: PatternAndPaths, count: (1, MANY) },
    Look { name: "head", flags: "-# -q -v", valued: "-n -c --lines --bytes", operands: Paths, count: (1, MANY) },
    Look { name: "ls", flags: "-# -a -A -b -c -C -d -F -g -G -h -H -i -k -l -L -m -n -N -o -p -q -Q -r -R -s -S -t -u -U -v -x -X -Z --all --almost-all --human-readable --recursive --reverse --color --group-directories-first --full-time", valued: "--sort --time --color --time-style", operands: Paths, count: (0, MANY) },
    Look { name: "md5sum", flags: "-b", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "nl", flags: "", valued: "-b -w -s -v", operands: Paths, count: (1, MANY) },
    Look { name: "node --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "npm --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "od", flags: "-c -x -b -v", valued: "-A -t -N -j", operands: Paths, count: (1, MANY) },
    Look { name: "paste", flags: "-s", valued: "-d", operands: Paths, count: (1, MANY) },
    Look { name: "printf", flags: "", valued: "", operands: Texts, count: (1, MANY) },
    Look { name: "pwd", flags: "-L -P", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "python --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "python3 --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "readlink", flags: "-f -e -m", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "realpath", flags: "-e -m -s", valued: "--relative-to", operands: Paths, count: (1, MANY) },
    Look { name: "rev", flags: "", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "rg", flags: "-# -a -c -F -H -i -I -l -L -n -N -o -p -P -q -s -S -U -v -w -x -0 --files --hidden --no-ignore --line-number --no-line-number --ignore-case --smart-case --fixed-strings --files-with-matches --files-without-match --count --count-matches --no-heading --heading --with-filename --no-filename --only-matching --multiline --word-regexp --invert-match --pcre2 --json --stats --trim --vimgrep --", valued: "-A -B -C -e -g -m -t -T -M -d --after-context --before-context --context --regexp --glob --iglob --max-count --type --type-not --max-columns --max-depth --max-filesize --sort --sortr --color --colors --encoding", operands: PatternAndPaths, count: (0, MANY) },
    Look { name: "rustc --version", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "sed -n", flags: "", valued: "", operands: LinesAndPaths, count: (2, MANY) },
    Look { name: "seq", flags: "-# -w", valued: "-s -f", operands: Texts, count: (1, 3) },
    Look { name: "sha256sum", flags: "-b", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "sort", flags: "-b -c -d -f -g -h -i -M -n -r -R -s -u -V -z --numeric-sort --reverse --unique", valued: "-k -t --key --field-separator", operands: Paths, count: (1, MANY) },
    Look { name: "stat", flags: "-L -f -t", valued: "-c --format --printf", operands: Paths, count: (1, MANY) },
    Look { name: "strings", flags: "-a", valued: "-n", operands: Paths, count: (1, MANY) },
    Look { name: "tac", flags: "", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "tail", flags: "-# -q -v", valued: "-n -c --lines --bytes", operands: Paths, count: (1, MANY) },
    Look { name: "tr", flags: "-c -C -d -s", valued: "", operands: Texts, count: (1, 2) },
    Look { name: "tree", flags: "-a -d -f -F -h -i -p -s -D --dirsfirst --noreport --gitignore", valued: "-L -I -P --charset --filelimit", operands: Paths, count: (0, MANY) },
    Look { name: "true", flags: "", valued: "", operands: Texts, count: (0, 0) },
    Look { name: "type", flags: "-a -p -t", valued: "", operands: Texts, count: (1, MANY) },
    Look { name: "uname", flags: "-a -m -n -o -p -r -s -v", valued: "", operands: Texts, count: (0, 0) },
    // A second operand of `uniq` is a file to write.
    Look { name: "uniq", flags: "-c -d -D -i -u", valued: "-f -s -w", operands: Paths, count: (1, 1) },
    Look { name: "wc", flags: "-c -l -L -m -w --lines --words --bytes --chars", valued: "", operands: Paths, count: (1, MANY) },
    Look { name: "which", flags: "-a", valued: "", operands: Texts, count: (1, MANY) },
    Look { name: "whoami", flags: "", valued: "", operands: Texts, count: (0, 0) },
];

impl Look {
    fn takes(&self, words: &[Word], reads_pipe: bool) -> bool {
        let mut operands: Vec<&str> = Vec::new();
        let mut pattern_is_option = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = match word {
                Word::Plain(text) => text.as_str(),
                // It may become an option if it does not begin as something else.
                Word::Pattern(text) if text.starts_with(|first: char| first.is_ascii_alphanumeric()) => text,
                Word::Pattern(_) | Word::Unknown => return false,
            };
            if !text.starts_with('-') || text == "-" {
                operands.push(text);
                continue;
            }
            pattern_is_option |= text == "--files" || text.starts_with("-e") || text.starts_with("--regexp");
            match self.option(text) {
                Some(Takes::Nothing) => (),
                Some(Takes::NextWord) => {
                    if words.next().and_then(Word::plain).is_none() {
                        return false;
                    }
                }
                None => return false,
            }
        }
        let (least, most) = self.count;
        let enough = least <= operands.len() || reads_pipe || (pattern_is_option && !operands.is_empty());
        enough && operands.len() <= most && self.fits(&operands, pattern_is_option)
    }

    fn fits(&self, operands: &[&str], pattern_is_option: bool) -> bool {
        let (first, rest) = operands.split_first().map_or(("", operands), |(first, rest)| (*first, rest));
        match self.operands {
            Texts => true,
            Paths => operands.iter().all(|path| is_open(path)),
            PatternAndPaths if pattern_is_option => operands.iter().all(|path| is_open(path)),
            PatternAndPaths => rest.iter().all(|path| is_open(path)),
            LinesAndPaths => is_print_of_lines(first) && rest.iter().all(|path| is_open(path)),
            Format => operands.iter().all(|format| format.starts_with('+')),
        }
    }

    fn option(&self, text: &str) -> Option<Takes> {
        let is = |list: &str, option: &str| list.split(' ').any(|known| known == option);
        if is(self.flags, text) {
            return Some(Takes::Nothing);
        }
        if is(self.valued, text) {
            return Some(Takes::NextWord);
        }
        if let Some((name, _)) = text.split_once('=')
            && name.starts_with("--")
        {
            return is(self.valued, name).then_some(Takes::Nothing);
        }
        let letters = text.strip_prefix('-').filter(|letters| !letters.starts_with('-') && letters.is_ascii())?;
        if is(self.flags, "-#") && letters.bytes().all(|letter| letter.is_ascii_digit()) {
            return Some(Takes::Nothing);
        }
        // Letters that share a dash: `-la`, `-rn`, `-n5`, `-A3`. `find` has none: its options are words.
        if self.name == "find" {
            return None;
        }
        for (index, letter) in letters.char_indices() {
            let option = format!("-{letter}");
            if is(self.valued, &option) {
                return Some(if index + 1 == letters.len() { Takes::NextWord } else { Takes::Nothing });
            }
            if !is(self.flags, &option) {
                return None;
            }
        }
        Some(Takes::Nothing)
    }
}

enum Takes {
    Nothing,
    NextWord,
}

/// Inside of the workspace as far as words tell, and not where secrets usually are.
fn is_open(path: &str) -> bool {
    const SECRETS: [&str; 8] = [".ssh", ".aws", ".gnupg", ".netrc", ".npmrc", ".pypirc", ".git-credentials", ".docker"];
    let secret = |part: &str| {
        let part = part.to_lowercase();
        part.starts_with(".env")
            || part.starts_with("id_")
            || part.ends_with(".pem")
            || part.ends_with(".key")
            || SECRETS.contains(&part.as_str())
            || (part.starts_with('.') && part.contains(['*', '?', '[', '{']))
    };
    !path.starts_with(['/', '~', '-']) && path.split(['/', ':']).all(|part| part != ".." && !secret(part))
}

/// `5p`, `1,5p`, `3,$p`.
fn is_print_of_lines(script: &str) -> bool {
    let number = |text: &str| text == "$" || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(lines) = script.strip_suffix('p') else { return false };
    match lines.split_once(',') {
        Some((first, last)) => number(first) && number(last),
        None => number(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::take_apart;
    use super::*;

    #[track_caller]
    fn check(looks: bool, commands: &[&str]) {
        for command in commands {
            let line = take_apart(command).unwrap();
            assert_eq!(line.commands.iter().all(|command| only_looks(&line, command)), looks, "{command}");
        }
    }

    #[test]
    fn looking_is_known() {
        check(
            true,
            &["ls -la src", "cat -n a.txt b.txt", "head -20 x", "head -n 20 x", "tail -n5 x", "wc -l src/*.rs"],
        );
        check(true, &["find . -name '*.rs' -type f", "find src -maxdepth 2 ! -name x", "sed -n '1,5p' a", "date +%F"]);
        check(true, &["grep -rn 'fn main' src | head -5", "grep -A3 -e x a", "rg --files -g '*.rs'", "rg -n init"]);
        check(
            true,
            &["git log --oneline -5 -- src", "git diff HEAD~1..HEAD --stat", "git show HEAD:a.rs", "git status -sb"],
        );
        check(true, &["sort -t, -k2 a | uniq -c", "cat .gitignore .github/workflows/ci.yml", "ls | cat"]);
    }

    #[test]
    fn an_option_that_is_not_known_to_be_harmless_is_not_allowed() {
        check(
            false,
            &["find . -delete", "find . -exec rm {} +", "find . -fprint x", "find . -ok ls", "find . -okdir x"],
        );
        check(false, &["sort -o a b", "sort -oa b", "sort --output=a b", "sort -uo a b", "sort --compress-prog=./x a"]);
        check(
            false,
            &["git log --output=x", "git diff --no-index a b", "git grep -Oless x", "git branch new", "git -C a log"],
        );
        check(
            false,
            &["git diff --ext-diff", "git show --textconv", "git branch -D a", "git tag v1", "git remote add a b"],
        );
        check(
            false,
            &["date -s x", "date 010100002030", "rg --pre cat x", "rg -z x", "rg --hostname-bin x y", "tree -o x"],
        );
        check(
            false,
            &["sed -n -i 1p a", "sed -n 'w x' a", "sed -n 1,5w a", "sed -n '1e id' a", "sed -ni 1p a", "sed 1p a"],
        );
        check(false, &["uniq a b", "tail -f a", "cat", "which", "file -f a -C", "file -C -m x", "printf -v x y"]);
    }

    #[test]
    fn words_that_are_not_known_and_paths_that_lead_out_are_not_allowed() {
        check(
            false,
            &["cat /etc/passwd", "cat ../x", "cat a/../../x", "cat ~/x", "ls /", "cd ..", "cd -", "grep x /etc/hosts"],
        );
        check(
            false,
            &["cat .env", "cat a/.env.local", "cat .ssh/config", "cat server.pem", "cat .e*", "git show HEAD:.env"],
        );
        check(
            false,
            &["cd a && git status", "cat $x", "ls *", "grep x $(ls)", "echo \"$x\"", "find . -name $x", "head -n $x a"],
        );
    }
}
