//! What each failure is told as, and whether it is tried again.

use expect_test::{Expect, expect};

use super::*;

fn about() -> About {
    About {
        base_url: "https://api.mistral.ai/v1".to_owned(),
        api_key_env: "MISTRAL_API_KEY".to_owned(),
        is_local: false,
        is_mistral: true,
        proxy: None,
    }
}

fn shown(failure: Failure) -> String {
    let again = match failure.again {
        Again::Never => "never again".to_owned(),
        Again::Later { asked, most } => {
            format!("again after {asked:?}, most {}", if most == ANY { "any".to_owned() } else { most.to_string() })
        }
    };
    let hint = failure.error.hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{:?}, {again}\nerror: {}{hint}\n", failure.error.kind, failure.error.message)
}

#[track_caller]
fn check(status: u16, body: &str, expected: Expect) {
    expected.assert_eq(&shown(of_status(Refusal { status, body, asked: None, sent_bytes: 0 }, &about())));
}

#[test]
fn keys() {
    check(
        401,
        r#"{"detail":"Unauthorized"}"#,
        expect![[r#"
            Key, never again
            error: the server returned 401: Unauthorized
            hint: check $MISTRAL_API_KEY: keys for api.mistral.ai and codestral.mistral.ai differ, and a new key takes a few minutes to work
        "#]],
    );
}

#[test]
fn models_and_addresses() {
    check(
        404,
        r#"{"error":{"code":"model_not_found","message":"The model `x` does not exist"}}"#,
        expect![[r#"
            Model, never again
            error: the server returned 404: The model `x` does not exist
            hint: `agent models` lists this server's models
        "#]],
    );
    check(
        404,
        r#"{"detail":"Not Found"}"#,
        expect![[r#"
            Model, never again
            error: the server returned 404: Not Found
            hint: either https://api.mistral.ai/v1 is not the base URL (it usually ends in /v1), or the model no longer exists: `agent models` lists this server's models
        "#]],
    );
    check(
        400,
        r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}"#,
        expect![[r#"
            Model, never again
            error: the server returned 400: Invalid model: x
            hint: `agent models` lists this server's models
        "#]],
    );
}

#[test]
fn a_model_that_no_provider_may_serve() {
    check(
        404,
        r#"{"error":{"message":"No endpoints found matching your data policy.","code":404}}"#,
        expect![[r#"
            Refused, never again
            error: the server returned 404: No endpoints found matching your data policy.
            hint: allow such providers in the server's privacy settings, or pick another model: `agent models` lists them
        "#]],
    );
    check(
        404,
        r#"{"error":{"message":"No endpoints found that support tool use.","code":404}}"#,
        expect![[r#"
            Refused, never again
            error: the server returned 404: No endpoints found that support tool use.
            hint: pick a model whose providers can do that: `agent models` lists them
        "#]],
    );
}

#[test]
fn a_proxy_between_is_named() {
    let about = About { proxy: Some("http://proxy.example:3128".to_owned()), ..about() };
    expect![[r#"
        NoConnection, again after None, most any
        error: cannot connect to https://api.mistral.ai/v1 through the proxy http://proxy.example:3128: unsuccessful tunnel
        hint: check that the proxy runs and lets this server through, or name the server in no_proxy
    "#]]
    .assert_eq(&shown(of_connect("unsuccessful tunnel", &about)));
}

#[test]
fn full_windows() {
    check(
        400,
        r#"{"error":{"code":400,"message":"request (2009 tokens) exceeds the available context size (512 tokens), try increasing it","type":"exceed_context_size_error"}}"#,
        expect![[r#"
            ContextFull, never again
            error: the server returned 400: request (2009 tokens) exceeds the available context size (512 tokens), try increasing it
        "#]],
    );
}

#[test]
fn passing_trouble() {
    check(
        429,
        r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","code":"1300"}"#,
        expect![[r#"
            Unreachable, again after None, most any
            error: the server returned 429: Rate limit exceeded
        "#]],
    );
    check(
        504,
        "",
        expect![[r#"
            Unreachable, again after None, most any
            error: the server returned 504: no reason given
        "#]],
    );
}

#[test]
fn lasting_trouble() {
    check(
        500,
        r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
        expect![[r#"
            Refused, never again
            error: the server returned 500: tools param requires --jinja flag
        "#]],
    );
    check(
        307,
        "",
        expect![[r#"
            Refused, never again
            error: the server returned 307, a redirect
            hint: redirects are not followed, to protect the key: correct the base URL
        "#]],
    );
}

#[test]
fn what_waiting_does_not_change() {
    check(
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota"}}"#,
        expect![[r#"
                Refused, never again
                error: the server returned 429: You exceeded your current quota, please check your plan and billing details.
                hint: waiting will not help: check the plan and the billing of the account at https://api.mistral.ai/v1
            "#]],
    );
    check(
        400,
        r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.15 with this model. Only the default (1) value is supported."}}"#,
        expect![[r#"
                Refused, never again
                error: the server returned 400: Unsupported value: 'temperature' does not support 0.15 with this model. Only the default (1) value is supported.
                hint: set `temperature = 1` in the configuration, or AGENT_TEMPERATURE=1
            "#]],
    );
}

#[test]
fn errors_inside_a_stream() {
    let full = serde_json::json!({"error": {"message": "Too long.", "code": "context_length_exceeded"}});
    expect![[r#"
        ContextFull, never again
        error: the server aborted the reply: Too long.
    "#]]
    .assert_eq(&shown(of_stream(StreamError::Server(full), &about())));
    let refused = serde_json::json!({"error": {"message": "Bad image", "code": 400}});
    expect![[r#"
        Refused, never again
        error: the server aborted the reply: Bad image
    "#]]
    .assert_eq(&shown(of_stream(StreamError::Server(refused), &about())));
    let passing = serde_json::json!({"object": "error", "message": "Internal", "code": "3000"});
    expect![[r#"
        Unreachable, again after None, most 4
        error: the server aborted the reply: Internal
    "#]]
    .assert_eq(&shown(of_stream(StreamError::Server(passing), &about())));
}
