//! Manifests made by chance from the field list of the language, in every layout that KDL allows.

use windlass_core::node::shape::{FieldShape, Kind, Shape, ValueShape};

use crate::chance::Chance;

/// Writes a manifest: well-formed, of known names, with values of the right kind. References may lead nowhere.
pub fn manifest(chance: &mut Chance, shape: &Shape) -> String {
    let mut writer = Writer {
        chance,
        text: String::new(),
        is_dropped: false,
    };
    writer.between(false);
    for _ in 0..=writer.chance.below(8) {
        let fields: Vec<&FieldShape> = shape.children.iter().collect();
        let field = *writer.chance.pick(&fields);
        writer.node(field, 0);
        writer.end(false);
    }
    writer.text
}

struct Writer<'a> {
    chance: &'a mut Chance,
    text: String,
    /// Whether the node written last is dropped by `/-`.
    is_dropped: bool,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn node(&mut self, field: &FieldShape, depth: usize) {
        let is_dropped = self.chance.one_in(30);
        if is_dropped {
            let form = *self.chance.pick(&["/-", "/- ", "/-\n", "/- // out\n"]);
            self.push(form);
        }
        let name = field.name.clone();
        if self.chance.one_in(15) {
            self.push(&format!("\"{name}\""));
        } else {
            self.push(&name);
        }
        let shape = &field.shape;
        for value in &shape.values {
            if value.required || self.chance.one_in(2) {
                self.entry(value);
            }
        }
        for property in &shape.properties {
            if let Some(value) = property.value().filter(|_| self.chance.one_in(2)) {
                self.space();
                let equals = *self
                    .chance
                    .pick(&["=", "=", "=", " = ", "= ", " /* k */ ="]);
                self.push(&format!("{}{equals}", property.name));
                self.value(value);
            }
        }
        if let Some(any) = &shape.any_property {
            self.space();
            let key = *self.chance.pick(&["A", "b.c", "\"d e\"", "\"f\"", "x-y"]);
            self.push(&format!("{key}="));
            self.value(any);
        }
        let takes_block = !shape.children.is_empty() || shape.any_child.is_some();
        if takes_block && depth < 5 && self.chance.below(4) > 0 {
            self.block(shape, depth);
        }
        self.is_dropped = is_dropped;
    }

    fn block(&mut self, shape: &Shape, depth: usize) {
        let one_line = self.chance.one_in(3);
        if self.chance.below(9) > 0 {
            self.space();
        }
        self.push("{");
        self.between(one_line);
        for _ in 0..self.chance.below(4) {
            if shape.children.is_empty() || (shape.any_child.is_some() && self.chance.one_in(2)) {
                let parameter = FieldShape {
                    name: (*self.chance.pick(&["app", "port", "env"])).to_owned(),
                    doc: String::new(),
                    required: false,
                    repeats: true,
                    supported: true,
                    shape: shape.any_child.as_deref().cloned().unwrap_or_default(),
                };
                self.node(&parameter, depth + 1);
            } else {
                let field = self.chance.pick(&shape.children);
                self.node(field, depth + 1);
            }
            self.end(one_line);
        }
        self.push("}");
    }

    fn entry(&mut self, value: &ValueShape) {
        self.space();
        if self.chance.one_in(40) {
            self.push("/-");
        }
        self.value(value);
        while value.many && self.chance.one_in(3) {
            self.space();
            self.value(value);
        }
    }

    fn value(&mut self, value: &ValueShape) {
        if let Some(word) = value.words.first() {
            let word = if self.chance.one_in(2) {
                word.clone()
            } else {
                self.chance.pick(&value.words).clone()
            };
            return self.text_value(&word);
        }
        match value.kind {
            Some(Kind::Integer(low, high)) => {
                let number = low.clamp(-9, 9).max(1).min(high);
                let form = *self.chance.pick(&["{}", "+{}", "0x{}", "{}"]);
                self.push(&form.replace("{}", &number.abs().to_string()));
            }
            Some(Kind::Flag) => {
                let flag = *self.chance.pick(&["#true", "#false"]);
                self.push(flag);
            }
            Some(Kind::Duration) => self.text_value("30m"),
            Some(Kind::Size) => self.text_value("2GiB"),
            Some(Kind::Date) => self.text_value("2999-01-01"),
            _ => {
                let words = [
                    "dev",
                    "a-b",
                    "111122223333",
                    "eu-west-1",
                    "{{ git.sha }}",
                    "x y",
                    "\u{1f980}",
                ];
                let word = *self.chance.pick(&words);
                self.text_value(word);
            }
        }
    }

    /// Writes a text in one of its forms.
    fn text_value(&mut self, text: &str) {
        let bare = text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let form = match self.chance.below(12) {
            0 if bare => text.to_owned(),
            1 => format!("#\"{text}\"#"),
            2 => format!("\"\"\"\n\t{text}\n\n\t  more\n\t\"\"\""),
            3 => format!("#\"\"\"\n{text} \\\n\"\"\"#"),
            4 => format!("\"{text} \\\n     on\""),
            5 => format!("\"\\u{{41}}\\t{text}\""),
            _ => format!("\"{text}\""),
        };
        self.push(&form);
    }

    fn space(&mut self) {
        let form = *self.chance.pick(&[
            " ",
            " ",
            " ",
            " ",
            "  ",
            "\t",
            " /* c */ ",
            " \\\n  ",
            " \\ // why\n",
            "\u{a0}",
        ]);
        self.push(form);
    }

    /// Ends a node.
    fn end(&mut self, one_line: bool) {
        // The parser takes no `;` behind a node that `/-` drops.
        if std::mem::take(&mut self.is_dropped) {
            return self.push("\n");
        }
        if one_line {
            let form = *self.chance.pick(&[";", "; ", " ; "]);
            return self.push(form);
        }
        let form = *self.chance.pick(&[
            "\n",
            "\n",
            "\r\n",
            " // end\n",
            "   \n",
            ";\n",
            "; // end\n",
            " /* e */\n",
        ]);
        self.push(form);
        self.between(false);
    }

    /// Writes what may stand between nodes.
    fn between(&mut self, one_line: bool) {
        let forms = if one_line {
            &["", " ", "  "][..]
        } else {
            &[
                "",
                "",
                "    ",
                "\n\n",
                "\n\n\n\n",
                "// own line\n",
                "\t/* a\n   b */\n",
                "\r\n",
                "/* in front */ ",
                "// one\n// two\n\n",
            ]
        };
        let form = *self.chance.pick(forms);
        self.push(form);
    }
}
