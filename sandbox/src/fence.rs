//! What holds commands back on this machine, layer by layer, as tried.

pub(crate) mod policy;

use serde::{Deserialize, Serialize};

/// One part of the fence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub name: String,
    pub state: LayerState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerState {
    Works,
    /// Why it does not, in the kernel's words.
    Missing(String),
}
