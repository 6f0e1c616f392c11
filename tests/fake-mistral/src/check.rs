//! Judges a chat request as the real API does: first the shape (422), then the model, then the sense (400).
//! Pure; it counts no tokens exactly, as that would take the model's vocabulary.
//!
//! The rules are those of Mistral's public OpenAPI document and of mistral-common's validator in serving mode, and the
//! stricter ones of older servers (nine-character ids, no user right after tool), so that what passes here passes
//! everywhere. Gathered in the contract's MISTRAL.md, sections 1.1, 1.2, 1.5 and 2.4.

mod json_schema;
mod kind;
mod messages;
mod model;
mod shape;
mod tools;

use serde_json::Value;

use crate::error::ApiError;
use crate::models::ModelCard;

/// `Err` holds the status and the body that the real API answers such a request with.
pub fn check(body: &Value, models: &[ModelCard]) -> Result<(), ApiError> {
    shape::check(body)?;
    let card = model::check(body, models)?;
    tools::check(body)?;
    messages::check(body, card)
}
