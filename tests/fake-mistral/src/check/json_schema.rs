//! Whether a value is a JSON Schema of Draft 7, as far as the keywords go that tools use. It validates nothing with it.

use serde_json::Value;

/// The first thing that makes `schema` no schema, with its place.
pub(super) fn problem(schema: &Value) -> Option<String> {
    find(schema, "#")
}

fn find(schema: &Value, place: &str) -> Option<String> {
    let Some(fields) = schema.as_object() else {
        return (!schema.is_boolean()).then(|| format!("{place} is neither an object nor a boolean"));
    };
    fields.iter().find_map(|(keyword, value)| {
        let place = format!("{place}/{keyword}");
        let wrong = |what: &str| Some(format!("{place} is {value}, which is not {what}"));
        match keyword.as_str() {
            "type" if !is_type(value) => wrong("a type or a list of types"),
            "properties" | "patternProperties" | "definitions" | "dependencies" => match value.as_object() {
                None => wrong("an object of schemas"),
                Some(schemas) => schemas.iter().find_map(|(name, inner)| {
                    let lists_names = keyword == "dependencies" && are_distinct_texts(inner);
                    if lists_names { None } else { find(inner, &format!("{place}/{name}")) }
                }),
            },
            "items" if value.as_array().is_some_and(|list| !list.is_empty()) => find_in_list(value, &place),
            "items"
            | "additionalItems"
            | "additionalProperties"
            | "contains"
            | "propertyNames"
            | "not"
            | "if"
            | "then"
            | "else" => find(value, &place),
            "allOf" | "anyOf" | "oneOf" if value.as_array().is_none_or(Vec::is_empty) => wrong("a list of schemas"),
            "allOf" | "anyOf" | "oneOf" => find_in_list(value, &place),
            "required" if !are_distinct_texts(value) => wrong("a list of distinct names"),
            "enum" | "examples" if !value.is_array() => wrong("a list"),
            "title" | "description" | "$ref" | "$schema" | "$id" | "$comment" | "format" | "pattern"
                if !value.is_string() =>
            {
                wrong("a string")
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" if !value.is_number() => wrong("a number"),
            "multipleOf" if value.as_f64().is_none_or(|number| number <= 0.0) => wrong("a number above 0"),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
                if value.as_f64().is_none_or(|number| number < 0.0 || number.fract() != 0.0) =>
            {
                wrong("a count")
            }
            "uniqueItems" | "readOnly" if !value.is_boolean() => wrong("a boolean"),
            _ => None,
        }
    })
}

fn find_in_list(list: &Value, place: &str) -> Option<String> {
    list.as_array()?.iter().enumerate().find_map(|(index, inner)| find(inner, &format!("{place}/{index}")))
}

fn is_type(value: &Value) -> bool {
    let known = |value: &Value| {
        matches!(value.as_str(), Some("array" | "boolean" | "integer" | "null" | "number" | "object" | "string"))
    };
    known(value)
        || are_distinct_texts(value)
            && value.as_array().is_some_and(|types| !types.is_empty() && types.iter().all(known))
}

fn are_distinct_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|names| {
        let distinct = |(index, name): (usize, &Value)| {
            name.is_string() && !names.iter().take(index).any(|earlier| earlier == name)
        };
        names.iter().enumerate().all(distinct)
    })
}
