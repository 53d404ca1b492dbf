//! Reads one Rust file as the architecture rules see it: which paths its product code names, and where.
//!
//! Works on tokens, so that paths inside macros count like any other. Resolves `crate::`, `self::`, `super::`, nested use
//! trees, renames, and modules brought in by `use` and named later by their last segment. Refuses (by a panic that names
//! the file) what does not parse.

use std::collections::HashMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::facts::Facts;

/// One path that the code names, resolved: own modules begin with `crate`.
#[derive(Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Name {
    /// Whether this is `prefix` (written `a::b`), something inside it, or a glob that brings it in.
    pub(crate) fn is_in(&self, prefix: &str) -> bool {
        let prefix: Vec<&str> = prefix.split("::").collect();
        let (ours, glob) = match self.path.split_last() {
            Some((last, rest)) if last == "*" => (rest, true),
            _ => (&self.path[..], false),
        };
        (glob || ours.len() >= prefix.len()) && ours.iter().zip(prefix).all(|(ours, theirs)| ours == theirs)
    }
}

/// One file, parsed.
pub(crate) struct Source {
    /// Relative to the package, with forward slashes: `src/otlp/view.rs`.
    pub(crate) path: String,
    /// Where it stands in the crate: `["otlp", "view"]`; empty for `lib.rs`, `["main"]` for `main.rs`.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
    pub(crate) facts: Facts,
    /// What product code names; empty for files that are tests as a whole.
    pub(crate) names: Vec<Name>,
    /// Lines of items behind `#[cfg(test)]`.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Which lines hold code, from the first.
    code: Vec<bool>,
    test: bool,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let module = module_of(path);
        let mut walker = Walker {
            module: module.clone(),
            ..Walker::default()
        };
        walker.walk(tokens);
        let names = if is_test_file(path) {
            Vec::new()
        } else {
            walker.resolved()
        };
        Self {
            path: path.to_owned(),
            module,
            text: text.to_owned(),
            facts: Facts::of(&syntax),
            names,
            code: code_of(text, &walker.tests),
            test_lines: walker.tests,
            test: is_test_file(path),
        }
    }

    /// Code lines among `lines` (from 1): neither blank, nor comment, nor part of a test item.
    pub(crate) fn code_lines(&self, lines: RangeInclusive<usize>) -> usize {
        let inside = |line: usize| lines.contains(&line);
        (1..)
            .zip(&self.code)
            .filter(|(line, code)| **code && inside(*line))
            .count()
    }

    /// Whether the whole file is a test, a bench or a unit-test file beside its subject.
    pub(crate) fn is_test(&self) -> bool {
        self.test
    }

    /// Whether that line is part of an item behind `#[cfg(test)]`.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// Modules with a file of their own that this file declares behind `#[cfg(test)]`.
    fn test_modules(&self) -> impl Iterator<Item = Vec<String>> {
        let declared = self.facts.modules.iter().filter(|(line, _)| self.is_test_line(*line));
        declared.map(|(_, name)| [self.module.clone(), vec![name.clone()]].concat())
    }
}

/// Turns the files of modules that are declared behind `#[cfg(test)]` into test files.
pub(crate) fn mark_tests(files: &mut [Source]) {
    let modules: Vec<Vec<String>> = files.iter().flat_map(Source::test_modules).collect();
    for file in files.iter_mut().filter(|file| file.path.starts_with("src/")) {
        if modules.iter().any(|module| file.module.starts_with(module)) {
            file.test = true;
            file.names.clear();
        }
    }
}

/// Parses every `.rs` file below `folder`, in order of path. A folder that is not there holds nothing.
pub(crate) fn collect(root: &Path, folder: &Path, into: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a readable source file");
            let relative = path
                .strip_prefix(root)
                .expect("a path below the package")
                .to_string_lossy()
                .replace('\\', "/");
            into.push(Source::parse(&relative, &text));
        }
    }
}

fn code_of(text: &str, test_lines: &[RangeInclusive<usize>]) -> Vec<bool> {
    let mut in_comment = false;
    let line = |(number, text): (usize, &str)| {
        let text = text.trim();
        let comment = in_comment || text.starts_with("//") || text.starts_with("/*");
        in_comment = (in_comment || text.starts_with("/*")) && !text.contains("*/");
        !comment && !text.is_empty() && !test_lines.iter().any(|range| range.contains(&number))
    };
    (1..).zip(text.lines()).map(line).collect()
}

fn is_test_file(path: &str) -> bool {
    !path.starts_with("src/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || inner == "lib" && last == "lib")
    {
        module.pop();
    }
    module
}

/// Walks tokens and gathers paths; `use` renames are resolved at the end, since they may stand below their use.
#[derive(Default)]
struct Walker {
    module: Vec<String>,
    names: Vec<Name>,
    aliases: HashMap<String, Vec<String>>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Walker {
    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if let Some(end) = test_item(&tokens, at) {
                self.tests.push(line_of(&tokens[at])..=end_line_of(&tokens[end - 1]));
                at = end;
                continue;
            }
            at = match &tokens[at] {
                TokenTree::Group(group) => {
                    self.walk(group.stream());
                    at + 1
                }
                TokenTree::Ident(word) if word == "mod" => self.inline_module(&tokens, at),
                TokenTree::Ident(word) if word == "use" => self.import(&tokens, at + 1, &[]),
                TokenTree::Ident(_) => self.inline_path(&tokens, at),
                _ => at + 1,
            };
        }
    }

    fn inline_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) = (tokens.get(at + 1), tokens.get(at + 2)) {
            self.module.push(name.to_string());
            self.walk(body.stream());
            self.module.pop();
            return at + 3;
        }
        at + 1
    }

    /// One use tree; returns where it ends.
    fn import(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String]) -> usize {
        let mut path = prefix.to_vec();
        let mut renamed = None;
        let line = tokens.get(at).map_or(0, line_of);
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    renamed = tokens.get(at + 1).map(ToString::to_string);
                    at += 1;
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let mut next = 0;
                    while next < inner.len() {
                        next = self.import(&inner, next, &path) + 1;
                    }
                    return at + 1;
                }
                TokenTree::Punct(mark) if mark.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                _ => break,
            }
            at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path.last().cloned() {
            let path = self.absolute(path);
            self.aliases.insert(renamed.unwrap_or(last), path.clone());
            self.names.push(Name { path, line });
        }
        at
    }

    fn inline_path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let mut path = vec![tokens[at].to_string()];
        let mut next = at + 1;
        while let (Some(TokenTree::Punct(one)), Some(TokenTree::Punct(two)), Some(TokenTree::Ident(word))) =
            (tokens.get(next), tokens.get(next + 1), tokens.get(next + 2))
        {
            if one.as_char() != ':' || two.as_char() != ':' {
                break;
            }
            path.push(word.to_string());
            next += 3;
        }
        // A lone lower-case word is a variable or a method, unless it is the keyword.
        if path.len() > 1 || path[0] == "await" || path[0].starts_with(|first: char| first.is_uppercase()) {
            let path = self.absolute(path);
            self.names.push(Name {
                path,
                line: line_of(&tokens[at]),
            });
        }
        next
    }

    /// `crate`, `self`, `super` and, in the binary, `plano` become a path from the crate's root.
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        let (base, skip) = match path[0].as_str() {
            "plano" if path.len() > 1 => (&[][..], 1),
            "self" if path.len() > 1 => (&self.module[..], 1),
            "super" => (&self.module[..self.module.len().saturating_sub(supers)], supers),
            _ => return path,
        };
        [&["crate".to_owned()], base, &path[skip..]].concat()
    }

    /// The names, with first segments that a `use` brought in replaced by what they stand for.
    fn resolved(&mut self) -> Vec<Name> {
        let mut names = std::mem::take(&mut self.names);
        for name in &mut names {
            if name.path.len() < 2 {
                continue;
            }
            if let Some(full) = self.aliases.get(&name.path[0]).filter(|full| full.len() > 1) {
                name.path = [full, &name.path[1..]].concat();
            }
        }
        names
    }
}

/// If an item behind `#[cfg(test)]` begins at `at`: where it ends.
fn test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    if !is_attribute(tokens, at, |text| {
        text.starts_with("cfg") && has_word(text, "test") && !has_word(text, "not")
    }) {
        return None;
    }
    let mut next = at;
    while is_attribute(tokens, next, |_| true) {
        next += 2;
    }
    let mut to_semicolon = false;
    while let Some(token) = tokens.get(next) {
        next += 1;
        match token {
            TokenTree::Ident(word) => to_semicolon |= ["use", "static", "type", "let"].iter().any(|item| word == item),
            TokenTree::Punct(mark) if mark.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => break,
            _ => {}
        }
    }
    Some(next)
}

fn is_attribute(tokens: &[TokenTree], at: usize, wanted: impl Fn(&str) -> bool) -> bool {
    match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(group))) => {
            mark.as_char() == '#' && group.delimiter() == Delimiter::Bracket && wanted(&group.stream().to_string())
        }
        _ => false,
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|part| part == word)
}

fn line_of(token: &TokenTree) -> usize {
    token.span().start().line
}

fn end_line_of(token: &TokenTree) -> usize {
    token.span().end().line
}
