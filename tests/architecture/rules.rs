//! The rules of the architecture as functions: one file in, violations out.
//!
//! Each takes its table as an argument and knows no module by name, so that the probes can try it on small tables. None
//! reads the disk.

use std::fmt;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::source::Source;

/// A broken rule: where, which, and why the rule is there.
#[derive(Debug)]
pub(crate) struct Violation {
    file: String,
    line: usize,
    rule: String,
    why: &'static str,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {} - {}", self.file, self.line, self.rule, self.why)
    }
}

fn violation(file: &Source, line: usize, rule: String, why: &'static str) -> Violation {
    Violation {
        file: file.path.clone(),
        line,
        rule,
        why,
    }
}

/// What files under `within` must not name, and why.
pub(crate) struct Ban {
    pub(crate) within: &'static [&'static str],
    pub(crate) except: &'static [&'static str],
    pub(crate) names: &'static [&'static str],
    pub(crate) why: &'static str,
}

/// A module names only modules of the rows below its own.
pub(crate) fn layers(file: &Source, layers: &[&[&str]]) -> Vec<Violation> {
    const WHY: &str = "imports point down and never to a sibling, so that a part can be read and replaced alone";
    if !file.path.starts_with("src/") || file.path == "src/lib.rs" {
        return Vec::new();
    }
    let layer_of = |module: &str| layers.iter().position(|row| row.contains(&module));
    let own = file.module.first().map_or("", String::as_str);
    let Some(own_layer) = layer_of(own) else {
        let rule = format!("module `{own}` has no layer in tests/architecture.rs");
        return vec![violation(file, 1, rule, WHY)];
    };
    let mut found = Vec::new();
    for name in &file.names {
        let Some(other) = name.path.get(1).filter(|_| name.path[0] == "crate").map(String::as_str) else {
            continue;
        };
        if other == "*" || other != own && layer_of(other).is_some_and(|layer| layer <= own_layer) {
            found.push(violation(
                file,
                name.line,
                format!("`{own}` names `{}`", name.path.join("::")),
                WHY,
            ));
        }
    }
    found
}

/// `receivers/x` does not name `receivers/y`; the table file names them all.
pub(crate) fn components(file: &Source, folders: &[&str], all: &[Source]) -> Vec<Violation> {
    const WHY: &str = "deleting a component is deleting its file and its line (invariant 2)";
    let [folder, own, ..] = file.module.as_slice() else {
        return Vec::new();
    };
    if !folders.contains(&folder.as_str()) || !file.path.starts_with("src/") {
        return Vec::new();
    }
    let is_component = |name: &str| {
        all.iter()
            .any(|other| other.module.first() == Some(folder) && other.module.get(1).is_some_and(|m| m == name))
    };
    let mut found = Vec::new();
    for name in &file.names {
        let [root, first, second, ..] = name.path.as_slice() else {
            continue;
        };
        if root == "crate" && first == folder && second != own && is_component(second) {
            let rule = format!("component `{folder}::{own}` names component `{folder}::{second}`");
            found.push(violation(file, name.line, rule, WHY));
        }
    }
    found
}

/// Only `sees_all` names more than one of the tables.
pub(crate) fn tables(file: &Source, tables: &[&str], sees_all: &str) -> Vec<Violation> {
    const WHY: &str = "one composition root, so that no other code depends on which components exist (invariant 4)";
    if file.path == sees_all {
        return Vec::new();
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for name in &file.names {
        for table in tables
            .iter()
            .filter(|table| name.path.iter().any(|segment| segment == *table))
        {
            if !seen.contains(table) {
                seen.push(table);
                if seen.len() > 1 {
                    found.push(violation(file, name.line, format!("names {}", seen.join(" and ")), WHY));
                }
            }
        }
    }
    found
}

/// Nothing that a [`Ban`] forbids is named.
pub(crate) fn bans(file: &Source, bans: &[Ban]) -> Vec<Violation> {
    let within = |folder: &&str| {
        file.path
            .strip_prefix(*folder)
            .is_some_and(|rest| rest.starts_with('/') || rest.starts_with('.'))
    };
    let mut found = Vec::new();
    for ban in bans {
        let excepted = ban.except.iter().any(|path| file.path.starts_with(path));
        if excepted || !ban.within.iter().any(within) {
            continue;
        }
        for name in &file.names {
            if ban.names.iter().any(|banned| name.is_in(banned)) {
                found.push(violation(
                    file,
                    name.line,
                    format!("names `{}`", name.path.join("::")),
                    ban.why,
                ));
            }
        }
    }
    found
}

/// Files stay below `max_file` code lines, functions at or below `max_function`.
pub(crate) fn sizes(file: &Source, max_file: usize, max_function: usize) -> Vec<Violation> {
    const WHY: &str = "a file is one thing, a function one step; an exception is an #[expect(.., reason)]";
    let mut found = Vec::new();
    let lines = file.code_lines(1..=usize::MAX);
    if lines > max_file && !(file.is_test() && file.path.starts_with("src/")) {
        found.push(violation(
            file,
            1,
            format!("{lines} code lines, of {max_file} allowed"),
            WHY,
        ));
    }
    let mut functions = Functions {
        file,
        max: max_function,
        found: Vec::new(),
    };
    functions.visit_file(&file.syntax);
    for (line, name, lines) in functions.found {
        found.push(violation(
            file,
            line,
            format!("function `{name}` has {lines} code lines, of {max_function} allowed"),
            WHY,
        ));
    }
    found
}

struct Functions<'a> {
    file: &'a Source,
    max: usize,
    found: Vec<(usize, String, usize)>,
}

impl Functions<'_> {
    fn look(&mut self, attributes: &[syn::Attribute], name: &syn::Ident, body: &syn::Block) {
        let excepted = attributes.iter().any(|attribute| {
            attribute.path().is_ident("expect") && text_of(&attribute.meta).contains("too_many_lines")
        });
        let span = body.span();
        let (start, end) = (span.start().line + 1, span.end().line);
        let lines = if start < end {
            self.file.code_lines(start..=end - 1)
        } else {
            0
        };
        if lines > self.max && !excepted {
            self.found.push((span.start().line, name.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.look(&item.attrs, &item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// The first line is a `//!` that says something.
pub(crate) fn first_line(file: &Source) -> Vec<Violation> {
    let first = file.text.lines().next().unwrap_or_default();
    match first.strip_prefix("//! ") {
        Some(text) if text.split_whitespace().count() > 1 => Vec::new(),
        _ => {
            vec![violation(
                file,
                1,
                "begins without a `//!` sentence".to_owned(),
                "the first line of a file says why it exists",
            )]
        }
    }
}

/// No file is named for being nothing in particular.
pub(crate) fn file_name(file: &Source) -> Vec<Violation> {
    const VAGUE: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];
    let last = file.module.last().map_or("", String::as_str);
    if VAGUE.contains(&last) {
        return vec![violation(
            file,
            1,
            format!("is named `{last}`"),
            "a file is named for the one thing it does",
        )];
    }
    Vec::new()
}

/// `#[allow]` and `#[expect]` say why.
pub(crate) fn reasons(file: &Source) -> Vec<Violation> {
    struct Attributes(Vec<(usize, String)>);
    impl<'ast> Visit<'ast> for Attributes {
        fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
            let text = text_of(&attribute.meta);
            let exempts = attribute.path().is_ident("allow")
                || attribute.path().is_ident("expect")
                || attribute.path().is_ident("cfg_attr") && (text.contains("allow(") || text.contains("expect("));
            if exempts && !text.contains("reason=") {
                self.0.push((attribute.span().start().line, text));
            }
        }
    }
    let mut attributes = Attributes(Vec::new());
    attributes.visit_file(&file.syntax);
    attributes
        .0
        .into_iter()
        .map(|(line, text)| {
            violation(
                file,
                line,
                format!("`{text}` gives no reason"),
                "an exception is argued where it stands",
            )
        })
        .collect()
}

/// Structs that a user's YAML fills refuse unknown keys, and use nothing that would swallow them.
pub(crate) fn config_structs(file: &Source, folders: &[&str], wire: &[&str]) -> Vec<Violation> {
    const WHY: &str = "every field that a user may write is refused when misspelt (invariant 10)";
    let covered = |table: &[&str]| table.iter().any(|folder| file.path.starts_with(folder));
    if !covered(folders) || covered(wire) || file.is_test() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for item in &file.syntax.items {
        let syn::Item::Struct(item) = item else { continue };
        let line = item.span().start().line;
        let text: String = item.attrs.iter().map(|attribute| text_of(&attribute.meta)).collect();
        if !text.contains("Deserialize") || file.test_lines.iter().any(|range| range.contains(&line)) {
            continue;
        }
        let syn::Fields::Named(fields) = &item.fields else {
            continue;
        };
        if !text.contains("deny_unknown_fields") {
            found.push(violation(
                file,
                line,
                format!("`{}` lacks serde's deny_unknown_fields", item.ident),
                WHY,
            ));
        }
        for field in &fields.named {
            let text: String = field
                .attrs
                .iter()
                .filter(|a| a.path().is_ident("serde"))
                .map(|a| text_of(&a.meta))
                .collect();
            if text.contains("flatten") {
                let line = field.span().start().line;
                found.push(violation(
                    file,
                    line,
                    format!("`{}` has a flattened field", item.ident),
                    WHY,
                ));
            }
        }
    }
    found
}

/// An attribute's text without blanks: `expect(clippy::x,reason="y")`.
fn text_of(meta: &syn::Meta) -> String {
    let path = meta
        .path()
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect::<Vec<_>>()
        .join("::");
    match meta {
        syn::Meta::List(list) => format!("{path}({})", list.tokens).replace(' ', ""),
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => path,
    }
}
