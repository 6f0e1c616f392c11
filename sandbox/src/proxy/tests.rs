//! Between two networks: the test's own, where a server is, and a command's,
//! where it is not. All of it on loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpListener as Listener;

use super::*;
use crate::escapes::behind_each;
use crate::options::HostOptions;
use crate::testing::Bench;

/// Answers each connection with what it was asked, and ends it.
fn server() -> u16 {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut asked = [0; 4_096];
            let length = connection.read(&mut asked).unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nserved {asked}").unwrap();
        }
    });
    port
}

/// `localhost` is the one name that every machine has, and it leads to this one.
fn with_hosts(hosts: &str, check: impl Fn(&Bench, bool)) {
    let mut options = HostOptions::default();
    options.fence.network = hosts.parse().unwrap();
    behind_each(&[], &options, check);
}

/// Says `text` to the proxy from inside a command.
fn ask(bench: &Bench, text: &str) -> agent::Ran {
    let script = format!(
        "proxy=${{http_proxy#http://}}; exec 3<>/dev/tcp/${{proxy%:*}}/${{proxy#*:}}; printf '{text}' >&3; cat <&3"
    );
    bench.run(&script)
}

#[test]
fn a_listed_host_is_reached_and_no_other() {
    let port = server();
    with_hosts("hosts=private:localhost,.listed.example", |bench, _| {
        let ran =
            ask(bench, &format!("GET http://localhost:{port}/a?b HTTP/1.1\\r\\nHost: evil\\r\\nX: y\\r\\n\\r\\n"));
        let served = format!("served GET /a?b HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nX: y\r\n\r\n");
        assert!(ran.output.ends_with(&served), "{ran:?}");
        assert_eq!(ran.notes, Vec::<String>::new());

        let ran = ask(bench, &format!("CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\nhello"));
        assert!(ran.output.ends_with("served hello"), "{ran:?}");

        for host in ["evil.example", "127.0.0.1", "[::1]", "2130706433", "listed.example", "localhost.evil.example"] {
            for text in [
                format!("CONNECT {host}:{port} HTTP/1.1\\r\\n\\r\\n"),
                format!("GET http://{host}:{port}/ HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"),
            ] {
                let ran = ask(bench, &text);
                assert!(ran.output.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{ran:?}");
                assert!(ran.output.contains("Only these hosts are allowed"), "{ran:?}");
                let note = format!("The network proxy refused `{host}`.");
                assert!(ran.notes.iter().any(|said| said.starts_with(&note)), "{ran:?}");
            }
        }
    });
}

/// By the variables alone; `no_proxy` is emptied because `localhost` is otherwise the command's own.
#[test]
fn programs_find_it() {
    let port = server();
    let programs = [
        ("curl", "curl -s http://localhost:PORT/x"),
        ("curl", "curl -s -p http://localhost:PORT/x"),
        ("python3", "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://localhost:PORT/x\").read())'"),
        ("wget", "wget -qO- http://localhost:PORT/x"),
    ];
    with_hosts("hosts=private:localhost", |bench, _| {
        for (program, command) in programs {
            if bench.run(&format!("command -v {program}")).ended != agent::Ended::Exited(0) {
                println!("skipped: no {program} on this machine");
                continue;
            }
            let ran = bench.run(&format!("export no_proxy= NO_PROXY=; {}", command.replace("PORT", &port.to_string())));
            assert!(ran.output.contains("served GET /x HTTP/1."), "{command}: {ran:?}");
        }
    });
}

#[test]
fn a_name_that_leads_home_is_refused_unless_it_may() {
    let port = server();
    with_hosts("hosts=localhost", |bench, _| {
        let ran = ask(bench, &format!("CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\nhello"));
        assert!(ran.output.starts_with("HTTP/1.1 403") && ran.output.contains("its own network"), "{ran:?}");
        assert!(ran.notes.concat().contains("`localhost`"), "{ran:?}");
    });
}

#[test]
fn there_is_no_other_way_out() {
    let port = server();
    with_hosts("hosts=private:localhost", |bench, namespaces| {
        for address in [format!("127.0.0.1:{port}"), "192.0.2.1:80".to_string()] {
            let said = bench.attack("connect-tcp", &address);
            assert!(said.contains("refused:"), "{address}: {said}");
        }
        for (attack, argument) in [("send-udp", "192.0.2.1:53"), ("socket-raw", ""), ("connect-tcp", "[::1]:80")] {
            let said = bench.attack(attack, argument);
            assert!(said.contains("refused:"), "{attack}: {said}");
        }
        if !namespaces {
            for attack in ["sctp", "bind-tcp", "fast-open"] {
                let said = bench.attack(attack, "127.0.0.1:0");
                assert!(said.contains("refused: 1"), "{attack}: {said}");
            }
        }
    });
}

#[track_caller]
fn check(head: &str, expected: Result<Asked, &str>) {
    let understood = understand(head.as_bytes());
    assert_eq!(understood.map_err(|Answer(status, _)| status), expected, "{head}");
}

fn plain(host: &str, port: u16, head: &str) -> Result<Asked, &'static str> {
    Ok(Asked::Plain { host: host.to_string(), port, head: head.as_bytes().to_vec() })
}

#[test]
fn requests_are_understood() {
    check("CONNECT a.example:443 HTTP/1.1\r\n\r\n", Ok(Asked::Tunnel { host: "a.example".to_string(), port: 443 }));
    check("CONNECT [::1]:443 HTTP/1.1\r\n\r\n", Ok(Asked::Tunnel { host: "[::1]".to_string(), port: 443 }));
    let close = "Connection: close\r\n";
    check(
        "GET HTTP://a.example HTTP/1.1\r\nHost: b\r\nProxy-Authorization: x\r\nconnection: keep-alive\r\nA: b\r\n\r\n",
        plain("a.example", 80, &format!("GET / HTTP/1.1\r\nHost: a.example\r\n{close}A: b\r\n\r\n")),
    );
    check(
        "POST http://a:8?q HTTP/1.0\r\n\r\n",
        plain("a", 8, &format!("POST /?q HTTP/1.1\r\nHost: a:8\r\n{close}\r\n")),
    );
    for bad in
        ["CONNECT a.example", "CONNECT a.example:x", "CONNECT :443", "GET /", "GET https://a/", "GET http://u@a/"]
    {
        check(&format!("{bad} HTTP/1.1\r\n\r\n"), Err("400 Bad Request"));
    }
    check("\x16\x03\x01 no HTTP at all\r\n\r\n", Err("400 Bad Request"));
}
