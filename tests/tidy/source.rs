//! The tracked files as text, and the little that the checks need to know of Rust.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// What a check reads: text files by path, and the sources that cargo builds targets from.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    pub(crate) targets: Vec<String>,
}

/// A text file.
pub(crate) struct File {
    /// Below the package's folder.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// One breach of a rule.
pub(crate) struct Finding {
    path: String,
    pub(crate) line: usize,
    pub(crate) word: String,
    rule: &'static str,
}

impl Tree {
    /// The files that git tracks or would track, where they are text.
    pub(crate) fn tracked() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let listing = run(root, "git", &["ls-files", "-co", "--exclude-standard"]);
        let read = |path: &str| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            Some(File { path: path.to_owned(), text })
        };
        let files = listing.lines().filter_map(read).collect();
        let metadata =
            run(root, env!("CARGO"), &["metadata", "--no-deps", "--offline", "--format-version=1"]);
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        let targets = metadata.pointer("/packages/0/targets").and_then(|t| t.as_array()).unwrap();
        let source = |target: &serde_json::Value| {
            let path = target.pointer("/src_path")?.as_str()?;
            Some(Path::new(path).strip_prefix(root).ok()?.to_str()?.to_owned())
        };
        Self { files, targets: targets.iter().filter_map(source).collect() }
    }
}

impl File {
    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, word: &str, rule: &'static str) -> Finding {
        Finding { path: self.path.clone(), line, word: word.to_owned(), rule }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}`: {}", self.path, self.line, self.word, self.rule)
    }
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the crate has a module of this name at its root.
pub(crate) fn is_module(tree: &Tree, name: &str) -> bool {
    let paths = [format!("src/{name}.rs"), format!("src/{name}/mod.rs")];
    tree.files.iter().any(|file| paths.contains(&file.path))
}

/// The text before a trailing module of tests; all of it where anything else follows that module.
pub(crate) fn production(text: &str) -> &str {
    let Some((before, tests)) = text.rsplit_once("\n#[cfg(test)]\n") else { return text };
    let module = tests.lines().skip_while(|line| line.starts_with("#["));
    let mut lines = module.skip_while(|line| line.starts_with("mod ") && line.ends_with('{'));
    let is_declared =
        lines.clone().next().is_some_and(|l| l.starts_with("mod ") && l.ends_with(';'));
    let last = if is_declared { lines.next() } else { lines.find(|line| *line == "}") };
    if last.is_some() && lines.all(str::is_empty) { before } else { text }
}

/// The lines of a text with their numbers, from 1.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The lines of production code, without those that are comments.
pub(crate) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(production(text)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// A finding for each of the words that stands in a line as a word of its own.
pub(crate) fn words_in<'a>(
    file: &File,
    lines: impl Iterator<Item = (usize, &'a str)>,
    words: &[&str],
    rule: &'static str,
) -> Vec<Finding> {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let (before, rest) = line.split_at(at);
            let after = rest.strip_prefix(word).and_then(|rest| rest.chars().next());
            !before.ends_with(inside) && !after.is_some_and(inside)
        })
    };
    let hits = lines.flat_map(|(n, line)| words.iter().map(move |word| (n, line, *word)));
    let hits = hits.filter(|(_, line, word)| whole(line, word));
    hits.map(|(number, _, word)| file.finding(number, word, rule)).collect()
}

/// The modules at the crate's root that the production code names, with the line of each.
pub(crate) fn crate_modules(text: &str) -> Vec<(usize, String)> {
    let code: String = numbered(production(text))
        .map(|(_, line)| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let mut modules = Vec::new();
    for (at, marker) in code.match_indices("crate::") {
        let (before, rest) = code.split_at(at + marker.len());
        let line = before.lines().count();
        for name in first_names(rest) {
            modules.push((line, name));
        }
    }
    modules
}

/// The first name of a path, or of each path in a group: `{a::b, c}` gives `a` and `c`.
pub(crate) fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut depth = 0_i32;
    let outer: String = group
        .chars()
        .map_while(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth >= 0).then_some(if depth > 0 { ' ' } else { c })
        })
        .collect();
    outer.split(',').map(name).collect()
}

/// The name of each function that has a body, with its line and how many lines it takes.
pub(crate) fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let mut words = line.trim_start().split(' ').skip_while(|word| {
            word.starts_with("pub") || ["const", "async", "unsafe", "extern"].contains(word)
        });
        let (Some("fn"), Some(name)) = (words.next(), words.next()) else { continue };
        let rest = lines.iter().skip(index);
        let closes = |line: &&str| {
            let body = line.trim_start();
            line.len() - body.len() == indent
                && (body.starts_with('}') || line.ends_with([';', '}']))
        };
        let length = rest.clone().position(closes).map_or(rest.count(), |last| last + 1);
        let name = name.split(['(', '<']).next().unwrap_or(name);
        found.push((index + 1, name.to_owned(), length));
    }
    found
}

/// The folder whose `mod` line names a source file, and the name it uses.
pub(crate) fn module_of(path: &str) -> (String, String) {
    let path = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (folder.to_owned(), name.to_owned())
}
