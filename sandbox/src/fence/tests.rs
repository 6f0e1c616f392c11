use crate::options::HostOptions;
use crate::testing::Bench;

#[test]
fn first_look() {
    let bench = Bench::with(&[("a.txt", "one")], HostOptions::default());
    let fence = bench.block_on(bench.host.fence());
    for layer in &fence.layers {
        println!("{}: {}", layer.kind, layer.state);
    }
    println!("holds: {}", fence.holds());
    let script = std::env::var("LOOK").unwrap_or("id; ls -la; cat a.txt; ls /tmp /run /dev; touch /etc/x; touch $HOME/x && ls -la $HOME | head; ls ~/.ssh; ps aux; mount | tail -50".into());
    let ran = bench.run(&script);
    println!("{:?} {:?}\n{}", ran.ended, ran.notes, ran.output);
}
