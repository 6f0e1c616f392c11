//! JSON Schema of a tool's arguments, as Mistral takes it.
//!
//! Draft 7 without `$schema`, `$ref`, titles, formats and null unions: an
//! optional argument is one that `required` does not name (MISTRAL.md 1.5:
//! parameters are checked as Draft 7; CRATES.md 2: what schemars emits).

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The description (the doc comment of `Args`) and the parameters.
pub(crate) fn of<Args: JsonSchema>() -> (String, Value) {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Args>().to_value();
    flatten(&mut schema);
    let description = schema
        .as_object_mut()
        .and_then(|object| object.shift_remove("description"))
        .and_then(|text| text.as_str().map(one_line))
        .unwrap_or_default();
    (description, schema)
}

/// Removes what the model need not read and strict servers refuse, at every depth.
fn flatten(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    for unwanted in ["title", "format", "default", "minimum", "$schema"] {
        object.shift_remove(unwanted);
    }
    if let Some(Value::Array(types)) = object.get("type") {
        let only = types.iter().find(|name| *name != "null").cloned();
        if let Some(only) = only {
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = one_line(text);
    }
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for (key, inner) in object.iter_mut() {
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(flatten),
            ("items", items) => flatten(items),
            (_, _) => (),
        }
    }
}

/// Doc comments are wrapped for us; the model pays for each line break.
fn one_line(text: &str) -> String {
    text.split("\n\n")
        // An example keeps its lines; the name of its language is for rustdoc.
        .map(
            |paragraph| {
                if paragraph.contains("```") {
                    paragraph.replace("```text", "```")
                } else {
                    paragraph.replace('\n', " ")
                }
            },
        )
        .collect::<Vec<String>>()
        .join("\n\n")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    /// Reads a thing.
    ///
    /// Slowly.
    #[derive(schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Args {
        /// Where it
        /// lies.
        path: String,
        /// From 1.
        first_line: Option<u32>,
    }

    #[test]
    fn a_schema_is_flat_and_optional_arguments_are_not_required() {
        let (description, parameters) = super::of::<Args>();
        expect![[r#"
            Reads a thing.

            Slowly.
            {
              "type": "object",
              "properties": {
                "path": {
                  "type": "string",
                  "description": "Where it lies."
                },
                "first_line": {
                  "type": "integer",
                  "description": "From 1."
                }
              },
              "required": [
                "path"
              ],
              "additionalProperties": false
            }"#]]
        .assert_eq(&format!("{description}\n{parameters:#}"));
    }
}
