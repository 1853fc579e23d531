//! Rooms beside each other do not stand on each other in a circle.
//!
//! Within each room its parts (files and rooms) form a graph: an arrow from one to another where any file in the first
//! names something in the second, a name that the room's `mod.rs` re-exports counting as the part that it comes from.
//! A `mod.rs` and its own parts may name each other. Unit tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::{Item, UseTree};

use crate::{CRATES, root};

type Name = Vec<String>;

#[derive(Default)]
struct Module {
    /// Paths that its code names, from the crate's root.
    names: BTreeSet<Name>,
    /// What `use` brings into it: local name to path from the crate's root.
    brings: BTreeMap<String, Name>,
    /// Modules whose names it all takes.
    globs: BTreeSet<Name>,
}

#[derive(Default)]
struct Tree(BTreeMap<Name, Module>);

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

impl Tree {
    fn read(source: &Path) -> Self {
        let mut tree = Self::default();
        let file = ["lib.rs", "main.rs"].iter().map(|name| source.join(name)).find(|path| path.exists()).unwrap();
        tree.file(&file, source, &Vec::new());
        tree.settle();
        tree
    }

    /// Reads a module's file; `folder` is where its parts stand.
    fn file(&mut self, file: &Path, folder: &Path, module: &Name) {
        let text = std::fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.items(parsed.items, folder, module);
    }

    fn items(&mut self, items: Vec<Item>, folder: &Path, module: &Name) {
        self.0.entry(module.clone()).or_default();
        for item in items {
            match item {
                Item::Mod(part) if is_test(&part.attrs) => {}
                Item::Mod(part) => {
                    let name = part.ident.to_string();
                    let inner: Name = module.iter().cloned().chain([name.clone()]).collect();
                    match part.content {
                        Some((_, items)) => self.items(items, &folder.join(&name), &inner),
                        None => {
                            let flat = folder.join(format!("{name}.rs"));
                            let file = if flat.exists() { flat } else { folder.join(&name).join("mod.rs") };
                            self.file(&file, &folder.join(&name), &inner);
                        }
                    }
                }
                Item::Use(used) => self.used(&used.tree, Vec::new(), module),
                other => {
                    let tokens = quote::ToTokens::into_token_stream(other);
                    self.tokens(tokens, module);
                }
            }
        }
    }

    /// The path from the crate's root that a written path means inside a module; none for other crates' names.
    fn absolute(written: &[String], module: &Name) -> Option<Name> {
        match written.first()?.as_str() {
            "crate" | "$crate" => Some(written[1..].to_vec()),
            "self" => Some(module.iter().chain(&written[1..]).cloned().collect()),
            "super" => {
                let up = written.iter().take_while(|part| *part == "super").count();
                let base = &module[..module.len().checked_sub(up)?];
                Some(base.iter().chain(&written[up..]).cloned().collect())
            }
            _ => None,
        }
    }

    fn used(&mut self, tree: &UseTree, mut before: Name, module: &Name) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.used(&path.tree, before, module);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.used(tree, before.clone(), module)),
            UseTree::Name(name) => {
                let word = name.ident.to_string();
                let local = if word == "self" { before.last().cloned().unwrap_or_default() } else { word.clone() };
                if word != "self" {
                    before.push(word);
                }
                self.brought(local, before, module);
            }
            UseTree::Rename(rename) => {
                before.push(rename.ident.to_string());
                self.brought(rename.rename.to_string(), before, module);
            }
            UseTree::Glob(_) => {
                let path =
                    Self::absolute(&before, module).unwrap_or_else(|| module.iter().chain(&before).cloned().collect());
                let here = self.0.entry(module.clone()).or_default();
                here.globs.insert(path.clone());
                here.names.insert(path);
            }
        }
    }

    fn brought(&mut self, local: String, written: Name, module: &Name) {
        // A path that begins with a part of this module, or with another crate: settled when all modules are known.
        let path = Self::absolute(&written, module).unwrap_or_else(|| module.iter().chain(&written).cloned().collect());
        let here = self.0.entry(module.clone()).or_default();
        here.names.insert(path.clone());
        here.brings.insert(local, path);
    }

    /// Paths in code: `crate::a::b`, `super::c`.
    fn tokens(&mut self, tokens: TokenStream, module: &Name) {
        let mut path: Name = Vec::new();
        let mut colons = 0;
        let end = |path: &mut Name, tree: &mut Self| {
            if let Some(path) = Self::absolute(path, module) {
                tree.0.entry(module.clone()).or_default().names.insert(path);
            }
            path.clear();
        };
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        end(&mut path, self);
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    end(&mut path, self);
                    colons = 0;
                    self.tokens(group.stream(), module);
                }
                _ => {
                    end(&mut path, self);
                    colons = 0;
                }
            }
        }
        end(&mut path, self);
    }

    /// The module that a path leads into, re-exports followed; none when it names no module of this crate.
    fn home(&self, path: &Name, depth: usize) -> Option<Name> {
        let longest =
            (0..=path.len()).rev().map(|length| path[..length].to_vec()).find(|part| self.0.contains_key(part))?;
        let Some(next) = path.get(longest.len()) else { return Some(longest) };
        if depth == 0 {
            return Some(longest);
        }
        let module = &self.0[&longest];
        if let Some(to) = module.brings.get(next).filter(|to| **to != path[..=longest.len()]) {
            let further: Name = to.iter().chain(&path[longest.len() + 1..]).cloned().collect();
            return self.home(&further, depth - 1).or(Some(longest));
        }
        Some(longest)
    }

    /// Names that are of other crates leave.
    fn settle(&mut self) {
        let names: BTreeSet<Name> = self.0.keys().cloned().collect();
        for (at, module) in &mut self.0 {
            let foreign =
                |path: &Name| path.starts_with(at) && path.len() > at.len() + 1 && !names.contains(&path[..=at.len()]);
            module.brings.retain(|_, path| !foreign(path));
            module.globs.retain(|path| !foreign(path));
        }
    }

    /// Arrows between the parts of each room: (room, from, to) with a file that draws it.
    fn arrows(&self) -> BTreeMap<(Name, String, String), Name> {
        let mut arrows = BTreeMap::new();
        for (from, module) in &self.0 {
            for name in &module.names {
                let Some(to) = self.home(name, 16) else { continue };
                let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
                    arrows.entry((from[..shared].to_vec(), a.clone(), b.clone())).or_insert_with(|| from.clone());
                }
            }
        }
        arrows
    }

    /// Groups of parts of one room that reach each other.
    fn circles(&self) -> Vec<String> {
        let mut rooms: BTreeMap<Name, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (room, from, to) in self.arrows().into_keys() {
            rooms.entry(room).or_default().entry(from).or_default().insert(to);
        }
        let mut found = Vec::new();
        for (room, graph) in rooms {
            let reach = |start: &String| {
                let mut seen = BTreeSet::new();
                let mut open = vec![start];
                while let Some(at) = open.pop() {
                    for to in graph.get(at).into_iter().flatten() {
                        if seen.insert(to) {
                            open.push(to);
                        }
                    }
                }
                seen
            };
            let reached: BTreeMap<_, _> = graph.keys().map(|part| (part, reach(part))).collect();
            let mut groups = BTreeSet::new();
            for (part, seen) in &reached {
                if seen.contains(part) {
                    let group: BTreeSet<_> = seen
                        .iter()
                        .filter(|other| reached.get(*other).is_some_and(|back| back.contains(part)))
                        .collect();
                    groups.insert(group.into_iter().map(|part| part.to_string()).collect::<Vec<_>>().join(", "));
                }
            }
            found.extend(groups.into_iter().map(|group| {
                format!("{}: {group}", if room.is_empty() { "crate".to_owned() } else { room.join("::") })
            }));
        }
        found
    }
}

fn source_of(name: &str) -> PathBuf {
    root().join(name).join("src")
}

#[test]
fn no_room_stands_in_a_circle() {
    let mut found = Vec::new();
    for name in CRATES {
        let tree = Tree::read(&source_of(name));
        assert!(tree.0.len() > 2, "{name} has hardly a module");
        found.extend(tree.circles().into_iter().map(|circle| format!("{name}: {circle}")));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_circle_is_found_through_re_exports_and_in_code() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod c; pub use b::inner::B;");
    write("a.rs", "use std::fmt; use crate::B; pub struct A(B);");
    write("b/mod.rs", "pub mod inner; mod side;");
    write("b/inner.rs", "pub struct B; fn f() { let _ = super::side::S; }");
    write("b/side.rs", "pub struct S; fn f() -> u8 { crate::c::g() }");
    write("c.rs", "pub fn g() -> u8 { 7 }");
    assert_eq!(Tree::read(dir.path()).circles(), Vec::<String>::new());
    write("c.rs", "pub fn g() -> crate::a::A { todo!() }");
    assert_eq!(Tree::read(dir.path()).circles(), ["crate: a, b, c"]);
    write("c.rs", "#[cfg(test)] mod tests { use crate::a::A; }");
    write("b/side.rs", "use super::inner::B;");
    assert_eq!(Tree::read(dir.path()).circles(), ["b: inner, side"]);
}
