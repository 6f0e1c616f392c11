//! A program that is killed loses nothing. 30 kills here; `cargo bench -p house-tests --bench kill` makes 300.

use crate::fault::kill_and_resume;
use crate::support::binary;

#[test]
fn killed_at_any_moment_it_goes_on_as_if_nothing_had_happened() {
    let figures = kill_and_resume(binary(), 30, 5);
    assert!(30 <= figures.kills && 0 < figures.interrupted && figures.early < 30, "{figures:?}");
}
