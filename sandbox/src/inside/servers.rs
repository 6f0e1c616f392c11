//! Servers of a command on its own loopback, and their clients.

use agent::Ended;

use super::{bench, check, has};

const SERVER: &str = "
import asyncio, http.server, threading, urllib.request, socket
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
async def main():
    body = await asyncio.to_thread(lambda: urllib.request.urlopen(f'http://localhost:{server.server_port}/a.txt').read())
    process = await asyncio.create_subprocess_exec('cat', 'a.txt', stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    echo = await asyncio.start_server(lambda r, w: w.close(), '127.0.0.1', 0)
    await asyncio.open_connection(*echo.sockets[0].getsockname())
    print(body == out == b'served', socket.gethostbyname('localhost'))
asyncio.run(main())
";

#[test]
fn python_asyncio_and_a_local_server() {
    if !has("python3") {
        return;
    }
    let Some(bench) = bench(&[("a.txt", "served"), ("server.py", SERVER)]) else { return };
    check(&bench, "python3 server.py 2>/dev/null", "True 127.0.0.1");
    check(&bench, "python3 -c 'import multiprocessing as m; print(sum(m.Pool(2).map(abs, [-1, -2])))'", "3");
}

const NODE: &str = "
const http = require('http'), os = require('os');
const server = http.createServer((_, answer) => answer.end('served')).listen(0, '127.0.0.1', async () => {
  const text = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();
  console.log(text, Object.keys(os.networkInterfaces()).join());
  server.close(); process.exit(0);
});
";

#[test]
fn node_and_a_local_server() {
    if has("node") {
        let Some(bench) = bench(&[("server.js", NODE)]) else { return };
        check(&bench, "node server.js", "served lo");
    }
}

const PYTEST: &str = "
import asyncio, http.server, threading, urllib.request, pytest

@pytest.fixture
def port():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()

def test_server(port, tmp_path):
    (tmp_path / 'x').write_text('x')
    assert urllib.request.urlopen(f'http://127.0.0.1:{port}/a.txt').read() == b'served'

def test_asyncio(port):
    async def main():
        reader, writer = await asyncio.open_connection('localhost', port)
        writer.write(b'GET /a.txt HTTP/1.0\\r\\n\\r\\n')
        process = await asyncio.create_subprocess_exec('cat', 'a.txt', stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return (await reader.read()).endswith(b'served') and out == b'served'
    assert asyncio.run(main())
";

#[test]
fn pytest_with_asyncio_and_a_local_server() {
    let Some(pytest) = ["pytest", "pytest-3"].into_iter().find(|program| has(program)) else { return };
    let Some(bench) = bench(&[("a.txt", "served"), ("test_a.py", PYTEST)]) else { return };
    check(&bench, &format!("{pytest} -q 2>&1"), "2 passed");
    assert_eq!(std::fs::read_dir(bench.root().join(".pytest_cache")).map_or(0, |_| 1), 1, "it writes its cache");
}

const NPM: &str = r#"{"name": "x", "version": "1.0.0", "scripts": {"test": "node server.js"}}"#;

#[test]
fn npm_test_with_a_local_server() {
    if has("npm") {
        let Some(bench) = bench(&[("server.js", NODE), ("package.json", NPM)]) else { return };
        check(&bench, "npm test --silent 2>&1", "served lo");
        check(&bench, "npm install --offline --no-audit --no-fund 2>&1 && ls", "package-lock.json");
    }
}

#[test]
fn a_server_in_the_background_is_reached_by_the_next_command() {
    if !has("python3") {
        return;
    }
    let Some(bench) = bench(&[("a.txt", "served")]) else { return };
    let started = bench.start("python3 -u -m http.server --bind 127.0.0.1 8000");
    assert!(started.ended.is_none(), "{started:?}");
    let get = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8000/a.txt\").read())'";
    // A slow machine takes longer than its first moments.
    assert!(crate::testing::eventually(|| bench.run(get).output == "b'served'\n"));
    assert!(bench.read_output(1).output.contains("GET /a.txt"));
    bench.stop(1);
    assert_ne!(bench.run(get).ended, Ended::Exited(0));
}
