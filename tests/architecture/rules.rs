//! The rules of the architecture as functions: one file in, violations out.
//!
//! Each takes its table as an argument and knows no module by name, so that the probes can try it on small tables. None
//! reads the disk.

use std::fmt;

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

/// `receivers/x` does not name `receivers/y`; the table file names them all. Modules that are `shared` are no components.
pub(crate) fn components(file: &Source, folders: &[&str], shared: &[(&str, &str)], all: &[Source]) -> Vec<Violation> {
    const WHY: &str = "deleting a component is deleting its file and its line (invariant 2)";
    let [folder, own, ..] = file.module.as_slice() else {
        return Vec::new();
    };
    if !folders.contains(&folder.as_str()) || !file.path.starts_with("src/") {
        return Vec::new();
    }
    let is_component = |name: &str| {
        !shared.contains(&(folder.as_str(), name))
            && all
                .iter()
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
    // Tables of cases may be long; what clippy counts of tests is clippy's.
    for function in file
        .facts
        .functions
        .iter()
        .filter(|it| !file.is_test() && !file.is_test_line(it.line))
    {
        let lines = file.code_lines(function.body.clone());
        if lines > max_function && !function.may_be_long {
            let rule = format!(
                "function `{}` has {lines} code lines, of {max_function} allowed",
                function.name
            );
            found.push(violation(file, function.line, rule, WHY));
        }
    }
    found
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
    const WHY: &str = "an exception is argued where it stands";
    let silent = file.facts.exemptions.iter().filter(|exemption| !exemption.has_reason);
    silent
        .map(|it| violation(file, it.line, format!("`{}` gives no reason", it.text), WHY))
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
    for item in file.facts.structs.iter().filter(|item| !file.is_test_line(item.line)) {
        if !item.denies_unknown_fields {
            found.push(violation(
                file,
                item.line,
                format!("`{}` lacks serde's deny_unknown_fields", item.name),
                WHY,
            ));
        }
        for line in &item.flattened {
            found.push(violation(
                file,
                *line,
                format!("`{}` has a flattened field", item.name),
                WHY,
            ));
        }
    }
    found
}
