//! What the rules ask of a file's syntax, as plain data: its functions, its exemptions from lints, its config structs.
//!
//! Plain, so that the tree is parsed once and shared by all tests (syntax trees do not cross threads).

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// What one file holds.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) functions: Vec<Function>,
    pub(crate) exemptions: Vec<Exemption>,
    pub(crate) structs: Vec<Struct>,
    /// `mod x;` without a body: line and name.
    pub(crate) modules: Vec<(usize, String)>,
}

/// One function with a body.
pub(crate) struct Function {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// The lines between its braces.
    pub(crate) body: RangeInclusive<usize>,
    /// Whether it expects the lint on its length.
    pub(crate) may_be_long: bool,
}

/// An `allow` or `expect`.
pub(crate) struct Exemption {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) has_reason: bool,
}

/// A struct with named fields that serde reads.
pub(crate) struct Struct {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) denies_unknown_fields: bool,
    /// Lines of fields that serde flattens.
    pub(crate) flattened: Vec<usize>,
}

impl Facts {
    pub(crate) fn of(file: &syn::File) -> Self {
        let mut facts = Self::default();
        facts.visit_file(file);
        facts
    }

    fn function(&mut self, attributes: &[syn::Attribute], name: &syn::Ident, body: &syn::Block) {
        let may_be_long = attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("expect") && text_of(attribute).contains("too_many_lines"));
        let span = body.span();
        self.functions.push(Function {
            line: span.start().line,
            name: name.to_string(),
            body: span.start().line + 1..=span.end().line.saturating_sub(1),
            may_be_long,
        });
    }
}

impl<'ast> Visit<'ast> for Facts {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.attrs, &item.sig.ident, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_none() {
            self.modules
                .push((item.ident.span().start().line, item.ident.to_string()));
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        let text: String = item.attrs.iter().map(text_of).collect();
        if let (true, syn::Fields::Named(fields)) = (text.contains("Deserialize"), &item.fields) {
            let flattens = |field: &&syn::Field| {
                field
                    .attrs
                    .iter()
                    .any(|a| a.path().is_ident("serde") && text_of(a).contains("flatten"))
            };
            self.structs.push(Struct {
                line: item.span().start().line,
                name: item.ident.to_string(),
                denies_unknown_fields: text.contains("deny_unknown_fields"),
                flattened: fields
                    .named
                    .iter()
                    .filter(flattens)
                    .map(|field| field.span().start().line)
                    .collect(),
            });
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let text = text_of(attribute);
        let exempts = attribute.path().is_ident("allow")
            || attribute.path().is_ident("expect")
            || attribute.path().is_ident("cfg_attr") && (text.contains("allow(") || text.contains("expect("));
        if exempts {
            let has_reason = text.contains("reason=");
            self.exemptions.push(Exemption {
                line: attribute.span().start().line,
                text,
                has_reason,
            });
        }
    }
}

/// An attribute's text without blanks: `expect(clippy::x,reason="y")`.
fn text_of(attribute: &syn::Attribute) -> String {
    let segments = attribute
        .path()
        .segments
        .iter()
        .map(|segment| segment.ident.to_string());
    let path = segments.collect::<Vec<_>>().join("::");
    match &attribute.meta {
        syn::Meta::List(list) => format!("{path}({})", list.tokens).replace(' ', ""),
        syn::Meta::Path(_) | syn::Meta::NameValue(_) => path,
    }
}
