//! Which fields a chat request may have (422): the tables of Mistral's OpenAPI document, where nothing else is allowed.

use serde_json::Value;

use super::kind::Kind::{Either, Flag, Free, Integer, List, Nullable, Number, Object, OneOf, Tagged, Text};
use super::kind::{Bound, Field, Kind, findings, optional, required};
use crate::error::ApiError;

pub(super) fn check(body: &Value) -> Result<(), ApiError> {
    let details = findings(body, &Object(REQUEST));
    if details.is_empty() { Ok(()) } else { Err(ApiError::fields(details)) }
}

const MAYBE_TEXT: Kind = Nullable(&Text);
const COUNT: Kind = Nullable(&Integer { least: 0 });
const PENALTY: Kind = Nullable(&Number { above: Bound::AtLeast(-2.0), most: 2.0 });

const REQUEST: &[Field] = &[
    required("model", Text),
    required("messages", List(&MESSAGE)),
    optional("temperature", Nullable(&Number { above: Bound::AtLeast(0.0), most: 1.5 })),
    optional("top_p", Nullable(&Number { above: Bound::MoreThan(0.0), most: 1.0 })),
    optional("max_tokens", COUNT),
    optional("stream", Flag),
    optional("stop", Nullable(&Either(&Text, &List(&Text)))),
    optional("random_seed", COUNT),
    optional("metadata", Nullable(&Free)),
    optional("response_format", Object(RESPONSE_FORMAT)),
    optional("tools", Nullable(&List(&TOOL))),
    optional("tool_choice", Either(&OneOf(&["auto", "none", "any", "required"]), &Object(TOOL_CHOICE))),
    optional("presence_penalty", PENALTY),
    optional("frequency_penalty", PENALTY),
    optional("n", Nullable(&Integer { least: 1 })),
    optional("prediction", Object(&[optional("type", OneOf(&["content"])), optional("content", Text)])),
    optional("parallel_tool_calls", Flag),
    optional("prompt_mode", Nullable(&OneOf(&["reasoning"]))),
    optional("reasoning_effort", Nullable(&OneOf(&["none", "minimal", "low", "medium", "high", "xhigh"]))),
    optional("guardrails", Nullable(&List(&Free))),
    optional("prompt_cache_key", MAYBE_TEXT),
    optional("service_tier", Nullable(&OneOf(&["auto", "standard_only"]))),
    optional("safe_prompt", Flag),
];

const MESSAGE: Kind = Tagged {
    tag: "role",
    otherwise: None,
    variants: &[
        ("system", &[required("content", Either(&Text, &List(&SYSTEM_CHUNK)))]),
        ("user", &[required("content", CONTENT)]),
        (
            "assistant",
            &[
                optional("content", CONTENT),
                optional("tool_calls", Nullable(&List(&Object(TOOL_CALL)))),
                optional("prefix", Flag),
            ],
        ),
        ("tool", &[required("content", CONTENT), optional("tool_call_id", MAYBE_TEXT), optional("name", MAYBE_TEXT)]),
    ],
};

const TOOL_CALL: &[Field] = &[
    optional("id", Text),
    optional("type", OneOf(&["function"])),
    required("function", Object(&[required("name", Text), required("arguments", Either(&Text, &Free))])),
    optional("index", Integer { least: i64::MIN }),
];

const CONTENT: Kind = Nullable(&Either(&Text, &List(&CHUNK)));

const TEXT_CHUNK: &[Field] = &[required("text", Text)];
const THINKING_CHUNK: &[Field] =
    &[required("thinking", List(&THOUGHT)), optional("signature", MAYBE_TEXT), optional("closed", Flag)];
const REFERENCE_CHUNK: &[Field] = &[required("reference_ids", List(&Either(&Text, &Integer { least: i64::MIN })))];

const SYSTEM_CHUNK: Kind =
    Tagged { tag: "type", otherwise: None, variants: &[("text", TEXT_CHUNK), ("thinking", THINKING_CHUNK)] };

const CHUNK: Kind = Tagged {
    tag: "type",
    otherwise: None,
    variants: &[
        ("text", TEXT_CHUNK),
        ("thinking", THINKING_CHUNK),
        ("reference", REFERENCE_CHUNK),
        ("image_url", &[required("image_url", Either(&Text, &Object(IMAGE_URL)))]),
        ("document_url", &[required("document_url", Text), optional("document_name", MAYBE_TEXT)]),
        ("file", &[required("file_id", Text)]),
        ("input_audio", &[required("input_audio", Text)]),
    ],
};

const IMAGE_URL: &[Field] = &[required("url", Text), optional("detail", Nullable(&OneOf(&["low", "auto", "high"])))];

const THOUGHT: Kind = Tagged {
    tag: "type",
    otherwise: None,
    variants: &[
        ("text", TEXT_CHUNK),
        ("reference", REFERENCE_CHUNK),
        (
            "tool_reference",
            &[
                required("tool", Text),
                required("title", Text),
                optional("url", MAYBE_TEXT),
                optional("favicon", MAYBE_TEXT),
                optional("description", MAYBE_TEXT),
            ],
        ),
    ],
};

const TOOL: Kind = Tagged {
    tag: "type",
    otherwise: Some("function"),
    variants: &[
        ("function", &[required("function", Object(FUNCTION))]),
        ("web_search", CONFIGURED),
        ("web_search_premium", CONFIGURED),
        ("code_interpreter", CONFIGURED),
        ("image_generation", CONFIGURED),
        ("document_library", &[required("library_ids", List(&Text)), optional("tool_configuration", Nullable(&Free))]),
        (
            "connector",
            &[
                required("connector_id", Text),
                optional("authorization", Nullable(&Free)),
                optional("tool_configuration", Nullable(&Free)),
            ],
        ),
    ],
};

const CONFIGURED: &[Field] = &[optional("tool_configuration", Nullable(&Free))];

const FUNCTION: &[Field] =
    &[required("name", Text), optional("description", Text), required("parameters", Free), optional("strict", Flag)];

const TOOL_CHOICE: &[Field] =
    &[optional("type", OneOf(&["function"])), required("function", Object(&[required("name", Text)]))];

const RESPONSE_FORMAT: &[Field] = &[
    optional("type", OneOf(&["text", "json_object", "json_schema"])),
    optional("json_schema", Nullable(&Object(JSON_SCHEMA))),
];

const JSON_SCHEMA: &[Field] =
    &[required("name", Text), optional("description", MAYBE_TEXT), required("schema", Free), optional("strict", Flag)];
