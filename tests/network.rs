//! `--network`: what is wrong with it, and a run whose commands reach one host.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use expect_test::{Expect, expect};

use crate::support::World;

#[track_caller]
fn check_refused(arguments: &[&str], expected: Expect) {
    let world = World::new(&[], "Done.");
    let told = world.run(&[arguments, &["Task"]].concat());
    expected.assert_eq(&format!("exit {}\n{}", told.code, told.stderr));
}

#[test]
fn a_wrong_network_is_said_with_a_hint() {
    check_refused(
        &["--network", "yes"],
        expect![[r#"
            exit 2
            error: network: `yes` is not on, off or hosts=NAME,NAME
            hint: for example hosts=pypi.org,.pythonhosted.org; a leading dot allows all subdomains
        "#]],
    );
    check_refused(
        &["--network", "hosts=*.crates.io"],
        expect![[r#"
            exit 2
            error: network: `*.crates.io` contains `*`
            hint: use a leading dot for all subdomains: hosts=.crates.io
        "#]],
    );
    check_refused(
        &["--network", "hosts=pypi.org", "--sandbox", "off"],
        expect![[r#"
            exit 2
            error: --network hosts=... needs the sandbox
            hint: drop `--sandbox off` or `--network`
        "#]],
    );
}

/// README: --network hosts=
#[test]
fn commands_reach_the_listed_hosts_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let asked = connection.read(&mut [0; 1_024]).unwrap();
            assert!(0 < asked);
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved").unwrap();
        }
    });
    // As any program finds the proxy: by the variables. bash alone, which every machine has.
    let fetch = "fetch() { exec 3<>/dev/tcp/127.0.0.1/${http_proxy##*:}; printf 'GET http://%s/ HTTP/1.1\\\\r\\\\n\\\\r\\\\n' $1 >&3; cat <&3; }";
    let script = format!(
        "> run_command {{\"command\": \"{fetch}; fetch localhost:{port}; fetch evil.example; fetch 127.0.0.1:{port}\"}}\n---\nDone."
    );
    let world = World::new(&[], &script);
    let told = world.run(&["--network", "hosts=private:localhost,.listed.example", "Task"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let outcome = world.outcome(0);
    assert!(outcome.contains("served") && outcome.contains("403 Forbidden"), "{outcome}");
    let note = "The network proxy refused `127.0.0.1`, `evil.example`. Only these hosts are allowed: \
                private:localhost, .listed.example.";
    assert!(outcome.contains(note), "{outcome}");
}
