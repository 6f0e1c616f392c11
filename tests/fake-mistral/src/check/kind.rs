//! A small language for what a JSON value may be, and the walk that finds each place where it is not.
//! Findings have the words and the form of pydantic, which the real API answers with.

use serde_json::{Value, json};

/// What a value may be.
pub(super) enum Kind {
    Text,
    Flag,
    Integer {
        least: i64,
    },
    Number {
        above: Bound,
        most: f64,
    },
    OneOf(&'static [&'static str]),
    /// Any object.
    Free,
    List(&'static Kind),
    Object(&'static [Field]),
    /// An object whose fields depend on the text in one of them.
    Tagged {
        tag: &'static str,
        otherwise: Option<&'static str>,
        variants: &'static [(&'static str, &'static [Field])],
    },
    Nullable(&'static Kind),
    /// A string of the first kind, or else the second kind.
    Either(&'static Kind, &'static Kind),
}

pub(super) enum Bound {
    AtLeast(f64),
    MoreThan(f64),
}

/// A field of an object. Fields that are not listed are forbidden.
pub(super) struct Field {
    name: &'static str,
    need: Need,
    kind: Kind,
}

enum Need {
    Required,
    Optional,
}

pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Required, kind }
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Optional, kind }
}

/// All that is wrong with `value`, each as a detail with `type`, `loc`, `msg` and `input`.
pub(super) fn findings(value: &Value, kind: &Kind) -> Vec<Value> {
    let mut walk = Walk { loc: vec![json!("body")], found: vec![] };
    walk.value(value, kind);
    walk.found
}

struct Walk {
    loc: Vec<Value>,
    found: Vec<Value>,
}

impl Walk {
    fn wrong(&mut self, input: &Value, problem: &str, message: impl Into<String>) {
        self.found.push(json!({"type": problem, "loc": self.loc, "msg": message.into(), "input": input}));
    }

    fn at(&mut self, place: Value, visit: impl FnOnce(&mut Walk)) {
        self.loc.push(place);
        visit(self);
        self.loc.pop();
    }

    fn value(&mut self, value: &Value, kind: &Kind) {
        match kind {
            Kind::Text if value.is_string() => {}
            Kind::Text => self.wrong(value, "string_type", "Input should be a valid string"),
            Kind::Flag if value.is_boolean() => {}
            Kind::Flag => self.wrong(value, "bool_type", "Input should be a valid boolean"),
            Kind::Free if value.is_object() => {}
            Kind::Free => self.wrong(value, "dict_type", "Input should be a valid dictionary"),
            Kind::Integer { least } => self.integer(value, *least),
            Kind::Number { above, most } => self.number(value, above, *most),
            Kind::OneOf(words) => self.one_of(value, words),
            Kind::List(each) => match value.as_array() {
                None => self.wrong(value, "list_type", "Input should be a valid list"),
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.at(json!(index), |walk| walk.value(item, each));
                    }
                }
            },
            Kind::Object(fields) => self.object(value, fields, None),
            Kind::Tagged { tag, otherwise, variants } => self.tagged(value, tag, *otherwise, variants),
            Kind::Nullable(_) if value.is_null() => {}
            Kind::Nullable(kind) => self.value(value, kind),
            Kind::Either(text, _) if value.is_string() => self.value(value, text),
            Kind::Either(_, other) => self.value(value, other),
        }
    }

    fn integer(&mut self, value: &Value, least: i64) {
        // A number without a fraction is an integer, as JSON Schema says.
        match value.as_f64().filter(|number| number.fract() == 0.0) {
            None => self.wrong(value, "int_type", "Input should be a valid integer"),
            Some(number) if number < least as f64 => {
                self.wrong(value, "greater_than_equal", format!("Input should be greater than or equal to {least}"));
            }
            Some(_) => {}
        }
    }

    fn number(&mut self, value: &Value, above: &Bound, most: f64) {
        let Some(number) = value.as_f64() else {
            return self.wrong(value, "float_type", "Input should be a valid number");
        };
        match above {
            Bound::AtLeast(least) if number < *least => {
                self.wrong(value, "greater_than_equal", format!("Input should be greater than or equal to {least}"));
            }
            Bound::MoreThan(limit) if number <= *limit => {
                self.wrong(value, "greater_than", format!("Input should be greater than {limit}"));
            }
            Bound::AtLeast(_) | Bound::MoreThan(_) if number > most => {
                self.wrong(value, "less_than_equal", format!("Input should be less than or equal to {most}"));
            }
            Bound::AtLeast(_) | Bound::MoreThan(_) => {}
        }
    }

    fn one_of(&mut self, value: &Value, words: &[&str]) {
        if !value.as_str().is_some_and(|text| words.contains(&text)) {
            self.wrong(value, "enum", format!("Input should be {}", listed(words, " or ")));
        }
    }

    fn tagged(&mut self, value: &Value, tag: &str, otherwise: Option<&str>, variants: &[(&str, &'static [Field])]) {
        if !value.is_object() {
            return self.wrong(value, "model_attributes_type", "Input should be a valid dictionary or object");
        }
        let given = value.get(tag);
        let Some(name) = given.map_or(otherwise, Value::as_str) else {
            let message = format!("Unable to extract tag using discriminator '{tag}'");
            return self.wrong(value, "union_tag_not_found", message);
        };
        let Some((_, fields)) = variants.iter().find(|(variant, _)| *variant == name) else {
            let names: Vec<&str> = variants.iter().map(|(variant, _)| *variant).collect();
            let names = listed(&names, ", ");
            let message =
                format!("Input tag '{name}' found using '{tag}' does not match any of the expected tags: {names}");
            return self.wrong(value, "union_tag_invalid", message);
        };
        self.at(json!(name), |walk| walk.object(value, fields, Some(tag)));
    }

    fn object(&mut self, value: &Value, fields: &[Field], tag: Option<&str>) {
        let Some(object) = value.as_object() else {
            return self.wrong(value, "model_attributes_type", "Input should be a valid dictionary or object");
        };
        for field in fields {
            match (object.get(field.name), &field.need) {
                (Some(inner), _) => self.at(json!(field.name), |walk| walk.value(inner, &field.kind)),
                (None, Need::Required) => {
                    self.at(json!(field.name), |walk| walk.wrong(value, "missing", "Field required"));
                }
                (None, Need::Optional) => {}
            }
        }
        for (name, inner) in object {
            if tag != Some(name) && !fields.iter().any(|field| field.name == name) {
                self.at(json!(name), |walk| {
                    walk.wrong(inner, "extra_forbidden", "Extra inputs are not permitted");
                });
            }
        }
    }
}

/// `'a', 'b' or 'c'` with ` or ` as the last comma.
fn listed(words: &[&str], last_comma: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{}{last_comma}{last}", rest.join(", ")),
        None => String::new(),
    }
}
