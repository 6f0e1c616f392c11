use super::*;
use crate::options::{FenceOptions, HostOptions, SandboxMode};
use crate::testing::Bench;

fn fence(missing: &[LayerKind]) -> Fence {
    let state = |kind| match missing.contains(&kind) {
        true => LayerState::Missing("Operation not permitted".to_string()),
        false => LayerState::Works,
    };
    Fence { layers: LayerKind::ALL.into_iter().map(|kind| Layer { kind, state: state(kind) }).collect() }
}

#[track_caller]
fn check(missing: &[LayerKind], holds: bool) {
    assert_eq!(fence(missing).holds(), holds);
}

#[test]
fn files_and_network_must_both_be_fenced() {
    check(&[], true);
    check(&[LayerKind::Landlock], true);
    check(&[LayerKind::Users, LayerKind::Mounts, LayerKind::Processes, LayerKind::GitFiles], true);
    check(&[LayerKind::Mounts, LayerKind::Landlock], false);
    check(&[LayerKind::Network], false);
    check(&[LayerKind::Seccomp], false);
}

#[test]
fn a_network_that_the_user_opened_is_as_it_should_be() {
    let mut fence = fence(&[LayerKind::Network]);
    fence.layers[3].state = LayerState::Open;
    assert!(fence.holds());
}

#[test]
fn what_was_switched_off_does_not_hold() {
    let fence = FenceOptions { sandbox: SandboxMode::Off, ..FenceOptions::default() };
    let bench = Bench::with(&[], HostOptions { fence, ..HostOptions::default() });
    assert!(!bench.block_on(bench.host.fence()).holds());
}

/// Each layer of this machine, and what it costs to put them up. It cannot know which layers a machine must have.
#[test]
fn every_layer_is_named_once() {
    let bench = Bench::with(&[], HostOptions::default());
    let start = std::time::Instant::now();
    let fence = bench.block_on(bench.host.fence());
    println!("the fence is up after {:?}", start.elapsed());
    for layer in &fence.layers {
        println!("{}: {}", layer.kind, layer.state);
    }
    let kinds: Vec<LayerKind> = fence.layers.iter().map(|layer| layer.kind).collect();
    for kind in LayerKind::ALL {
        assert_eq!(kinds.iter().filter(|other| **other == kind).count(), 1, "{kind} in {kinds:?}");
    }
}
