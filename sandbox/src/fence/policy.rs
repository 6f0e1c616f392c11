//! What a fence is to allow: plain paths and numbers, made where the user's
//! choices are known and carried out by the launcher.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {}
