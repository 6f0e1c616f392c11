//! `agent show --html`: real sessions as pages. `AGENT_TEST_PAGES=DIR` keeps the pages for `tests/html/check`, which
//! opens them in a browser.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use fake_mistral::{Reply, Script, Usage};

use crate::support::{KEY, World, ran};

const STEPS: usize = 200;

/// The page of the last session. It stands alone, in whatever a browser would load.
#[track_caller]
fn page(world: &World, name: &str) -> String {
    let told = world.agent(&["show", "--html", "-"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let page = told.stdout;
    assert!(page.starts_with("<!doctype html>\n"), "{page}");
    assert!(!page.contains(KEY), "the key is in the page");
    // `<` and `>` of texts are escaped, so this is every tag there is.
    for tag in page.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let loads =
            ["src", "style", "onclick", "onerror", "onload", "link", "iframe", "object", "embed", "base", "form"];
        assert!(
            !loads
                .iter()
                .any(|loads| (*loads != "style" && tag.starts_with(loads)) || tag.contains(&format!(" {loads}="))),
            "{name}: <{tag}>"
        );
    }
    assert!(!page.contains("@import") && !page.contains("url("), "{name} loads a style");
    if let Some(folder) = std::env::var_os("AGENT_TEST_PAGES").filter(|folder| !folder.is_empty()) {
        fs::write(Path::new(&folder).join(format!("{name}.html")), &page).unwrap();
    }
    page
}

fn usage(reply: Reply, request: usize) -> Reply {
    let prompt = 1_800 + 420 * request as u64;
    Reply {
        usage: Usage::Given { prompt, completion: 90 + request as u64 % 7 * 31, cached: Some(prompt - 400) },
        ..reply
    }
}

/// What a long job looks like: looking, editing, running, failing, and words in between.
fn long_job(request: usize) -> Reply {
    let words = format!(
        "## Part {request}\nThe parser keeps **one** token too many, see `src/part_{request}.py`:\n\n\
         1. read the file\n2. change `limit`\n3. run the tests (step-marker-{request})\n\n\
         ```python\nlimit = {request}\n```"
    );
    let file = format!("src/part_{}.py", request / 5);
    let reply = match request % 5 {
        0 => {
            let lines: String = (0..45).map(|n| format!("def function_{n}(x):\\n    return x + {n}\\n\\n")).collect();
            Reply::call("create_file", format!("{{\"filename\": \"{file}\", \"content\": \"{lines}\"}}"))
        }
        1 => Reply::call("read_file", format!("{{\"filename\": \"{file}\"}}")),
        2 => {
            let diff = "@@\\n def function_7(x):\\n-    return x + 7\\n+    return x + 700\\n \\n";
            Reply::call("apply_diff", format!("{{\"diff\": \"--- a/{file}\\n+++ b/{file}\\n{diff}\"}}"))
        }
        3 => Reply::call("run_command", format!("{{\"command\": \"seq -f 'test_%g ... ok (part {request})' 1 250\"}}")),
        _ => Reply::call(
            "run_command",
            format!("{{\"command\": \"echo 'FAILED test_{request}: 700 != 7' >&2; exit 1\"}}"),
        ),
    };
    usage(Reply { text: words, ..reply }, request)
}

#[test]
fn a_long_session_is_a_small_page_with_each_step() {
    let script = Script::computed(|_, request| match request {
        0..STEPS => long_job(request).into(),
        _ => usage(Reply::text("All parts are done:\n\n- **limit** is right\n- the tests pass"), request).into(),
    });
    let world = World::with(&[("README.md", "parts\n")], script);
    let config = world.home().join("config/agent");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "price = { input = 0.4, cached = 0.04, output = 2.0 }\n").unwrap();
    let told = world.run(&["--max-steps", "300", "Mend the parser, part by part."]);
    assert_eq!(told.code, 0, "{}", told.stderr);

    let page = page(&world, "long");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for step in 1..=STEPS + 1 {
        assert!(page.contains(&format!("id=\"step-{step}\"")), "step {step} is missing");
    }
    assert!(page.contains("USD 0.00"), "no cost");
    assert!(page.contains("<ins>+    return x + 700</ins>") && page.contains("<del>-    return x + 7</del>"));
}

/// Everything that ever got out of a text and into a page.
const HOSTILE: &str = "</div></article></main><script>globalThis.hacked = 1</script>\n\n\
    <img src=x onerror=\"globalThis.hacked = 1\"> <style>body { display: none }</style> <!-- --> <![CDATA[\n\n\
    [click](javascript:globalThis.hacked=1) [so](https://e.example/\"onclick=\"hacked) \
    ![pixel](https://e.example/track.png)\n\n<details><summary>\n\n<base href=\"https://e.example\">\n\n\
    \u{1b}[31mred\u{1b}]0;hacked\u{7} \u{0}nul \u{202e}desrever\u{202c} \u{9b}2J\n\n<meta http-equiv=refresh content=0>";

#[test]
fn hostile_words_are_text() {
    let json = |value: serde_json::Value| value.to_string();
    let wide = format!("printf '%s' '{}' # </pre><script>globalThis.hacked = 1</script>", "w".repeat(15_000));
    let deep = format!("{}deep\n\n{}- list", "> ".repeat(700), "  - ".repeat(300));
    let script = Script::new([
        Reply { text: HOSTILE.to_owned(), thinking: HOSTILE.to_owned(), ..Reply::default() }
            .and_call("run_command", json(serde_json::json!({ "command": wide })))
            .and_call("create_file", json(serde_json::json!({"filename": "a\"><script>hacked", "content": HOSTILE})))
            .and_call("</code><script>hacked()</script>", json(serde_json::json!({HOSTILE: HOSTILE})))
            .into(),
        Reply::text(deep)
            .and_call("apply_diff", json(serde_json::json!({ "diff": HOSTILE })))
            .and_call("x", "{\"broken")
            .into(),
        Reply::text(format!("| {} |\n|{}\n\n{HOSTILE}", "wide | ".repeat(40), "---|".repeat(41))).into(),
    ]);
    let world = World::with(&[], script);
    let told = world.run(&[HOSTILE.replace('\u{0}', "").as_str()]);
    assert_eq!(told.code, 0, "{}", told.stderr);

    let page = page(&world, "hostile");
    assert_eq!(page.matches("<script").count(), 1, "a script got in");
    assert_eq!(page.matches("<style").count() + page.matches("<base").count() + page.matches("<meta").count(), 1 + 5);
    assert!(!page.contains("href=\"javascript") && !page.contains("<img"));
    let unseen = |character: char| {
        (character.is_control() && !matches!(character, '\n' | '\t')) || ('\u{202a}'..='\u{202e}').contains(&character)
    };
    assert!(!page.contains(unseen), "control characters got in");
    assert!(page.contains("␛[31mred") && page.contains("&lt;U+202E&gt;"));
    let text = world.agent(&["show"]).stdout;
    assert!(!text.contains(unseen) && text.contains("␛[31mred"), "control characters got into the text");
}

#[test]
fn a_damaged_session_is_shown_as_far_as_it_is_whole() {
    let world = World::new(&[], "> run_command {\"command\": \"echo hi\"}\n---\nDone.");
    world.run(&["Say hi"]);
    let file = world.session_file();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 20]).unwrap();
    let page = page(&world, "damaged");
    assert!(page.contains("the last line is incomplete and was skipped"), "{page}");
    assert!(page.contains("not ended: the program died") && page.contains("id=\"step-2\""), "{page}");
    assert_eq!(fs::read(&file).unwrap().len(), bytes.len() - 20, "a damaged file was changed");
}

#[test]
fn nothing_but_an_older_page_is_written_over() {
    let world = World::new(&[("mine.html", "<!doctype html>\n<p>mine</p>\n")], "Done.");
    world.run(&["Task"]);
    let work = world.workspace();
    for name in ["page.html", "./page.html", "sub/../page.html"] {
        fs::create_dir_all(work.join("sub")).unwrap();
        let told = world.agent(&["show", "--html", name]);
        assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{name}: {}", told.stderr);
    }
    symlink("page.html", work.join("link.html")).unwrap();
    fs::write(work.join("page.html"), "<!doctype html>\n<!-- agent show --html -->\nold").unwrap();
    assert_eq!(world.agent(&["show", "--html", "link.html"]).code, 0);
    assert!(work.join("link.html").is_symlink());
    assert!(fs::read_to_string(work.join("page.html")).unwrap().ends_with("</html>\n"));

    for name in ["mine.html", "sub", "/dev/null", "no/such/page.html"] {
        let told = world.agent(&["show", "--html", name]);
        assert_eq!(told.code, 2, "{name}: {}", told.stderr);
        assert!(told.stderr.starts_with("error: ") && told.stderr.contains("\nhint: "), "{}", told.stderr);
    }
    assert_eq!(fs::read_to_string(work.join("mine.html")).unwrap(), "<!doctype html>\n<p>mine</p>\n");
    let left: Vec<_> = fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
    assert_eq!(world.agent(&["show", "--html", "x", "--json"]).code, 2);
}

#[test]
fn without_an_id_it_is_the_last_session_of_this_directory() {
    let world = World::new(&[], "Here.\n---\nThere.");
    let elsewhere = |name: &str, arguments: &[&str]| {
        let folder = world.home().join(name);
        fs::create_dir_all(&folder).unwrap();
        ran(world.command(arguments).current_dir(folder).output().unwrap())
    };
    world.run(&["One"]);
    assert_eq!(elsewhere("other", &["run", "--mode", "auto", "Two"]).code, 0);
    assert!(world.agent(&["show"]).stdout.contains("Here."));
    let told = elsewhere("other", &["show"]);
    assert!(told.stdout.contains("There.") && told.stderr.is_empty(), "{}", told.stderr);
    let told = elsewhere("third", &["show"]);
    assert!(told.stdout.contains("There."), "{}", told.stdout);
    assert!(told.stderr.starts_with("note: no session in this directory"), "{}", told.stderr);
}
