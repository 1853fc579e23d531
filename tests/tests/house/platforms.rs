//! What only Unix has is named behind `cfg(unix)` alone: the libraries are meant to compile for Windows and macOS too.

use std::path::Path;

use syn::visit::{self, Visit};

use crate::{CRATES, root};

/// Paths that begin so exist on Unix only; `Unix…` of tokio and std stands for their sockets.
const UNIX: [&[&str]; 5] = [
    &["std", "os", "unix"],
    &["std", "os", "fd"],
    &["tokio", "signal", "unix"],
    &["tokio", "net", "unix"],
    &["rustix"],
];

fn is_unix(path: &[String]) -> bool {
    let begins = UNIX.iter().any(|known| path.len() >= known.len() && path.iter().zip(*known).all(|(a, b)| a == b));
    let socket = path.len() > 2
        && ["tokio", "std"].contains(&path[0].as_str())
        && path.iter().any(|part| part == "net")
        && path.iter().any(|part| part.starts_with("Unix"));
    begins || socket
}

/// Is this there on Unix only, or in tests?
fn is_gated(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let words = list.tokens.to_string();
        list.path.is_ident("cfg")
            && !words.starts_with("not")
            && words
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| ["unix", "test", "linux", "macos", "android"].contains(&word))
    })
}

#[derive(Default)]
struct Ungated(Vec<String>);

impl Ungated {
    fn path(&mut self, path: &[String]) {
        if is_unix(path) {
            self.0.push(path.join("::"));
        }
    }

    fn used(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.used(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.path(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.path(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.path(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.used(tree, before)),
        }
    }
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'a> Visit<'a> for Ungated {
    fn visit_item(&mut self, item: &'a syn::Item) {
        if is_gated(attributes_of(item)) {
            return;
        }
        if let syn::Item::Use(used) = item {
            self.used(&used.tree, &[]);
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_gated(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if !is_gated(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        if !is_gated(&call.attrs) {
            visit::visit_expr_call(self, call);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if !is_gated(&call.attrs) {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_expr_if(&mut self, branch: &'a syn::ExprIf) {
        if !is_gated(&branch.attrs) {
            visit::visit_expr_if(self, branch);
        }
    }

    fn visit_expr_try(&mut self, tried: &'a syn::ExprTry) {
        if !is_gated(&tried.attrs) {
            visit::visit_expr_try(self, tried);
        }
    }

    fn visit_expr_block(&mut self, block: &'a syn::ExprBlock) {
        if !is_gated(&block.attrs) {
            visit::visit_expr_block(self, block);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.path(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
}

fn ungated(text: &str) -> Vec<String> {
    let mut found = Ungated::default();
    found.visit_file(&syn::parse_file(text).unwrap());
    found.0
}

/// Files of a room; a module that is gated where it is declared is left out by its name.
fn look(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(ungated(&text).into_iter().map(|name| format!("{}: {name}", path.display())));
        }
    }
}

#[test]
fn what_only_unix_has_is_gated() {
    let mut found = Vec::new();
    for name in CRATES {
        look(&root().join(name).join("src"), &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn an_ungated_name_is_seen_and_a_gated_one_is_not() {
    let seen = |text: &str| ungated(text).len();
    assert_eq!(seen("use std::{io, os::unix::fs::MetadataExt};"), 1);
    assert_eq!(seen("#[cfg(unix)] use std::os::unix::fs::MetadataExt;"), 0);
    assert_eq!(seen("#[cfg(not(unix))] use std::os::unix::fs::MetadataExt;"), 1);
    assert_eq!(seen("fn f() { std::os::unix::fs::symlink(a, b); }"), 1);
    assert_eq!(seen("fn f() { #[cfg(unix)] std::os::unix::fs::symlink(a, b); }"), 0);
    assert_eq!(seen("fn f() { let a = tokio::net::UnixStream::connect(b); }"), 1);
    assert_eq!(seen("impl S { #[cfg(unix)] fn f() { std::os::fd::g() } fn h() { std::os::fd::g() } }"), 1);
    assert_eq!(seen("fn f() { use tokio::signal::unix::signal; }"), 1);
}
