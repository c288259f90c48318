//! Things by the templates of paths, found in as many steps as a path has segments.

use std::collections::BTreeMap;

use super::template::{Part, Template, segments};

/// A tree of segments; every template ends at one of its nodes.
#[derive(Clone, Debug)]
pub(super) struct Paths<T> {
    nodes: Vec<Node<T>>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    literal: BTreeMap<String, usize>,
    value: Option<usize>,
    ends: Vec<T>,
}

impl<T> Node<T> {
    fn new() -> Self {
        Self { literal: BTreeMap::new(), value: None, ends: Vec::new() }
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { nodes: vec![Node::new()] }
    }
}

impl<T> Paths<T> {
    /// Adds something at a template; what is there already stays.
    pub(super) fn insert(&mut self, template: &Template, thing: T) {
        let mut at = 0;
        for part in template.parts() {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = match part {
                Part::Literal(text) => *node.literal.entry(text.clone()).or_insert(next),
                Part::Value(_) => *node.value.get_or_insert(next),
            };
            if at == next {
                self.nodes.push(Node::new());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends.push(thing);
        }
    }

    /// What the templates that a path fits lead to, whatever its values are.
    pub(super) fn at(&self, path: &str) -> impl Iterator<Item = &T> {
        let mut at = vec![0];
        for segment in segments(path) {
            let nodes = at.iter().filter_map(|at| self.nodes.get(*at));
            at = nodes
                .flat_map(|node| node.literal.get(segment).copied().into_iter().chain(node.value))
                .collect();
        }
        self.ends(at)
    }

    /// What the templates lead to that some path fits which fits this one too.
    pub(super) fn overlapping(&self, template: &Template) -> impl Iterator<Item = &T> {
        let mut at = vec![0];
        for part in template.parts() {
            let nodes = at.iter().filter_map(|at| self.nodes.get(*at));
            at = match part {
                Part::Literal(text) => nodes
                    .flat_map(|node| node.literal.get(text).copied().into_iter().chain(node.value))
                    .collect(),
                Part::Value(_) => nodes
                    .flat_map(|node| node.literal.values().copied().chain(node.value))
                    .collect(),
            };
        }
        self.ends(at)
    }

    fn ends(&self, at: Vec<usize>) -> impl Iterator<Item = &T> {
        at.into_iter().filter_map(|at| self.nodes.get(at)).flat_map(|node| &node.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(templates: &[&'static str]) -> Paths<&'static str> {
        let mut paths = Paths::default();
        for text in templates {
            paths.insert(&Template::parse(text).unwrap(), *text);
        }
        paths
    }

    fn sorted<'a>(found: impl Iterator<Item = &'a &'static str>) -> Vec<&'static str> {
        let mut found: Vec<_> = found.copied().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_path_leads_to_all_templates_that_it_fits() {
        let paths = paths(&["/", "/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}/c", "/a"]);
        for (path, found) in [
            ("/", vec!["/"]),
            ("/a", vec!["/a"]),
            ("/b", vec![]),
            ("/a/b", vec!["/a/b", "/a/{x}", "/{x}/b"]),
            ("/a/c", vec!["/a/{x}"]),
            ("/c/b", vec!["/{x}/b"]),
            ("/a/b/c", vec!["/{x}/{y}/c"]),
            ("/a/b/d", vec![]),
            ("/a/b/c/d", vec![]),
        ] {
            assert_eq!(sorted(paths.at(path)), found, "{path}");
        }
    }

    #[test]
    fn templates_overlap_where_one_path_fits_both() {
        let paths = paths(&["/a/b", "/a/{x}/c", "/{x}/d/{y}"]);
        for (text, found) in [
            ("/a/b", vec!["/a/b"]),
            ("/{q}/b", vec!["/a/b"]),
            ("/a/{q}", vec!["/a/b"]),
            ("/b/{q}", vec![]),
            ("/{q}", vec![]),
            ("/a/d/c", vec!["/a/{x}/c", "/{x}/d/{y}"]),
            ("/b/{q}/c", vec!["/{x}/d/{y}"]),
            ("/b/e/{q}", vec![]),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(sorted(paths.overlapping(&template)), found, "{text}");
        }
    }
}
