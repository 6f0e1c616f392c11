//! Session lines in, a trajectory out.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::atif;
use super::tests::{HEADER, STEP, with_story};

fn trajectory(lines: &str) -> Value {
    let text = with_story(lines, atif::render).unwrap();
    assert!(text.starts_with(atif::MARK) && text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn check(lines: &str, pointer: &str, expected: Expect) {
    let trajectory = trajectory(lines);
    expected.assert_eq(&format!("{:#}\n", trajectory.pointer(pointer).unwrap_or(&Value::Null)));
}

#[test]
fn a_step_with_its_calls() {
    check(
        STEP,
        "/steps/1",
        expect![[r#"
        {
          "step_id": 2,
          "timestamp": "2026-11-25T10:00:02.500Z",
          "source": "agent",
          "model_name": "m",
          "message": "Let *me*.",
          "tool_calls": [
            {
              "tool_call_id": "c1",
              "function_name": "run_command",
              "arguments": {
                "command": "false",
                "timeout_seconds": 9
              }
            },
            {
              "tool_call_id": "c2",
              "function_name": "apply_diff",
              "arguments": {
                "diff": "--- a/x\n+++ b/x\n@@\n-1\n+2\n"
              }
            }
          ],
          "observation": {
            "results": [
              {
                "source_call_id": "c1",
                "content": "(no output)\n[exit code 1]",
                "extra": {
                  "outcome": "done",
                  "seconds": 60.1
                }
              }
            ]
          },
          "metrics": {
            "prompt_tokens": 12000,
            "completion_tokens": 50,
            "cached_tokens": 10000,
            "cost_usd": 0.0013
          },
          "llm_call_count": 1,
          "extra": {
            "finish_reason": "stop",
            "seconds": 62.6
          }
        }
    "#]],
    );
}

#[test]
fn the_session_around_it() {
    let mut trajectory = trajectory(STEP);
    trajectory.as_object_mut().unwrap().remove("steps");
    expect![[r#"
        {
          "schema_version": "ATIF-v1.8",
          "session_id": "i",
          "trajectory_id": "i",
          "agent": {
            "name": "agent",
            "version": "0.1.0",
            "model_name": "m",
            "extra": {
              "workspace": "/w",
              "price_usd_per_million_tokens": {
                "input": 0.4,
                "cached": 0.04,
                "output": 2.0
              }
            }
          },
          "extra": {
            "created": "2026-11-25T09:59:58.000Z",
            "happened": []
          },
          "final_metrics": {
            "total_prompt_tokens": 12000,
            "total_completion_tokens": 50,
            "total_cached_tokens": 10000,
            "total_cost_usd": 0.0013,
            "total_steps": 2,
            "extra": {
              "model_replies": 1,
              "seconds": 62.6
            }
          }
        }
    "#]]
    .assert_eq(&format!("{trajectory:#}\n"));
}

#[test]
fn a_compaction_counts_and_is_no_step_of_the_model() {
    let lines = r#"{"at":"2026-11-25T10:00:00.000Z","entry":"system","text":"Rules."}
{"at":"2026-11-25T10:00:00.000Z","entry":"reply","text":"","thinking":"Hm.","usage":{"input":10,"cached":0,"output":1},"finish":"length"}
{"at":"2026-11-25T10:00:03.000Z","entry":"compaction","text":"So far: nothing.","kept_from":1,"usage":{"input":7,"cached":2,"output":3}}
{"at":"2026-11-25T10:00:04.000Z","resumed":"0.2.0","model":"n"}
{"at":"2026-11-25T10:00:05.000Z","entry":"reply","text":"Done.","calls":[{"id":"c1","name":"x","arguments":{"broken":{"raw":"[1","why":"no object"}}}]}
{"at":"2026-11-25T10:00:06.000Z","finish":"done","steps":2}"#;
    check(
        lines,
        "/steps",
        expect![[r#"
        [
          {
            "step_id": 1,
            "timestamp": "2026-11-25T10:00:00.000Z",
            "source": "system",
            "message": "Rules."
          },
          {
            "step_id": 2,
            "timestamp": "2026-11-25T10:00:00.000Z",
            "source": "agent",
            "model_name": "m",
            "message": "",
            "reasoning_content": "Hm.",
            "metrics": {
              "prompt_tokens": 10,
              "completion_tokens": 1,
              "cached_tokens": 0,
              "cost_usd": 6e-6
            },
            "llm_call_count": 1,
            "extra": {
              "finish_reason": "length",
              "seconds": 0.0
            }
          },
          {
            "step_id": 3,
            "timestamp": "2026-11-25T10:00:03.000Z",
            "source": "system",
            "message": "So far: nothing.",
            "extra": {
              "context_management": {
                "type": "compaction",
                "metrics": {
                  "prompt_tokens": 7,
                  "completion_tokens": 3,
                  "cached_tokens": 2,
                  "cost_usd": 8.08e-6
                }
              }
            }
          },
          {
            "step_id": 4,
            "timestamp": "2026-11-25T10:00:05.000Z",
            "source": "agent",
            "model_name": "n",
            "message": "Done.",
            "tool_calls": [
              {
                "tool_call_id": "c1",
                "function_name": "x",
                "arguments": {
                  "invalid_json": "[1"
                },
                "extra": {
                  "unreadable": "no object"
                }
              }
            ],
            "llm_call_count": 1,
            "extra": {
              "finish_reason": "stop",
              "seconds": 1.0
            }
          }
        ]
    "#]],
    );
    check(
        lines,
        "/final_metrics",
        expect![[r#"
        {
          "total_prompt_tokens": 17,
          "total_completion_tokens": 4,
          "total_cached_tokens": 2,
          "total_cost_usd": 0.00001408,
          "total_steps": 4,
          "extra": {
            "model_replies": 2,
            "seconds": 1.0
          }
        }
    "#]],
    );
    check(
        lines,
        "/extra",
        expect![[r#"
        {
          "created": "2026-11-25T09:59:58.000Z",
          "happened": [
            {
              "at": "2026-11-25T10:00:04.000Z",
              "resumed_with": "n",
              "agent_version": "0.2.0"
            },
            {
              "ended": {
                "at": "2026-11-25T10:00:06.000Z",
                "finish": "done",
                "steps": 2
              }
            }
          ]
        }
    "#]],
    );
    check(
        lines,
        "/notes",
        expect![[r#"
        "some replies had no usage figures, so the totals are lower bounds"
    "#]],
    );
}

#[test]
fn arguments_stay_as_the_model_gave_them() {
    let line = r#"{"at":"2026-11-25T10:00:00.000Z","entry":"reply","text":"","calls":[{"id":"c1","name":"x","arguments":{"object":{"a":null,"b":[null]}}}]}"#;
    let arguments = trajectory(line).pointer("/steps/0/tool_calls/0/arguments").cloned();
    assert_eq!(arguments, Some(json!({"a": null, "b": [null]})));
}

#[test]
fn what_a_fork_copied_is_marked() {
    let line = |at: &str| format!(r#"{{"at":"{at}","entry":"user","text":"Go on."}}"#);
    let lines = [line("2026-11-25T09:00:00.000Z"), line("2026-11-25T10:00:00.000Z")].join("\n");
    let copied = |trajectory: &Value| {
        let steps = trajectory["steps"].as_array().unwrap();
        steps.iter().map(|step| step.get("is_copied_context").cloned()).collect::<Vec<_>>()
    };
    assert_eq!(copied(&trajectory(&lines)), [None, None]);
    let forked = HEADER.replace(r#""agent":"#, r#""forked_from":"h","agent":"#);
    let text = super::tests::with_header(&forked, &lines, atif::render).unwrap();
    assert_eq!(copied(&serde_json::from_str(&text).unwrap()), [Some(Value::Bool(true)), None]);
}

#[test]
fn nothing_said_is_no_trajectory() {
    let end = r#"{"at":"2026-11-25T10:00:06.000Z","finish":"cancelled","steps":0}"#;
    assert_eq!(with_story(end, atif::render), None);
}
