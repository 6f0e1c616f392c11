//! Recognizes that a server refuses a request because the context window is full. Pure.
//!
//! There is no standard: each server says it in its own words, and changes them. So a row is a set of words that occur
//! together rather than a sentence.

/// All words of a row occur in the message, in any order. Lower case.
#[rustfmt::skip]
const SAID: &[&[&str]] = &[
    // Codes: OpenAI, GitHub Copilot, LiteLLM, llama.cpp.
    &["context_length_exceeded"], &["model_context_exceeded"], &["max_prompt_tokens"], &["contextwindowexceeded"],
    &["exceed_context_size"], &["prompt_too_long"],
    // "maximum context length is 8192 tokens" (OpenAI, OpenRouter, vLLM), "longer than the model's context length"
    // (SGLang), "context window exceeds limit" (MiniMax), "exceeds the available context size" (llama.cpp).
    &["maximum context length"], &["context length", "longer than"], &["context length", "not enough"],
    &["context length", "greater than"], &["context", "exceed"], &["context too long"], &["context", "overflow"],
    // "prompt is too long" (Anthropic, Ollama), "maximum prompt length" (xAI), "Prompt exceeds max length" (Z.ai),
    // "decoder prompt ... is longer than the maximum model length" (vLLM).
    &["prompt", "too long"], &["prompt length"], &["prompt exceeds"], &["prompt", "longer than the maximum"],
    // "Input is too long" (Bedrock), "input token count ... exceeds" (Gemini), "`inputs` must have less than" (TGI),
    // "input too large", "couldn't fit with truncation" (Mistral, MISTRAL.md 2.4).
    &["input is too long"], &["input token", "exceed"], &["inputs", "must have less than"], &["input too large"],
    &["fit with truncation"],
    // "reduce the length of the messages" (Groq), "exceeded model token limit" (Kimi), "too large for model with"
    // (Mistral).
    &["reduce the length"], &["exceeded model token limit"], &["too large for model with"], &["too many tokens", "model"],
];

/// From this size on, a refusal without words most likely means that the request is too large: Cerebras sends no body,
/// nginx a page. The first request of a session is a quarter of that.
const LARGE_BYTES: usize = 24 << 10;

/// `sent_bytes`: the size of the request's body.
pub(crate) fn is_context_full(status: u16, body: &str, sent_bytes: usize) -> bool {
    match status {
        // Keys, money, addresses and rates are about something else, whatever their words.
        401..=405 | 429 => false,
        413 if LARGE_BYTES <= sent_bytes => true,
        400 if body.trim().is_empty() => LARGE_BYTES <= sent_bytes,
        _ => {
            let said = body.to_lowercase();
            SAID.iter().any(|words| words.iter().all(|word| said.contains(word)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers wrote them in public bug reports of 2025 and 2026.
    #[test]
    fn full_windows_in_everybodys_words() {
        for (status, said) in [
            (
                400,
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            ),
            (400, "Your input exceeds the context window of this model. Please adjust your input and try again."),
            (400, "prompt is too long: 210000 tokens > 200000 maximum"),
            (400, "Input is too long for requested model."),
            (400, "The input token count (1196265) exceeds the maximum number of tokens allowed (1048576)."),
            (400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
            (400, "Please reduce the length of the messages or completion."),
            (400, "The input (9012 tokens) is longer than the model's context length (8192 tokens)."),
            (400, "The decoder prompt (length 9012) is longer than the maximum model length of 8192."),
            (422, "Input validation error: `inputs` must have less than 4096 tokens. Given: 9000"),
            (400, "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)"),
            (400, "invalid params, context window exceeds limit"),
            (400, "prompt token count of 140000 exceeds the limit of 128000 (model_max_prompt_tokens_exceeded)"),
            (400, "Prompt exceeds max length"),
            (400, "Trying to keep the first 5000 tokens when context the overflows."),
            (500, "the request exceeds the available context size. try increasing the context size"),
            (400, "litellm.ContextWindowExceededError: litellm.BadRequestError: model's max tokens"),
            (400, "prompt too long; exceeded max context length by 1200 tokens"),
            (503, "context_length_exceeded"),
        ] {
            assert!(is_context_full(status, said, 0), "{said}");
        }
        assert!(is_context_full(400, "", 100_000));
        assert!(is_context_full(413, "<html>Request Entity Too Large</html>", 100_000));
    }

    #[test]
    fn other_refusals_are_not() {
        for (status, said) in [
            (400, ""),
            (413, "<html>Request Entity Too Large</html>"),
            (400, "messages[3].tool_calls[0].function.name: string too long. Expected a maximum length of 64"),
            (400, "max_tokens is too large: 500000. This model supports at most 32000 completion tokens"),
            (429, "Rate limit exceeded: tokens per minute, please reduce the length of your prompts"),
            (401, "context_length_exceeded"),
            (422, "Extra inputs are not permitted"),
            (400, "Unsupported value: 'temperature' does not support 0.15 with this model."),
        ] {
            assert!(!is_context_full(status, said, 1_000), "{said}");
        }
    }
}
