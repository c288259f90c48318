//! What an OpenAPI document says: its title, its servers, and its operations with a document.

use super::BadDocument;
use super::node::{Node, Table};

/// A document that says it is OpenAPI.
#[derive(Debug)]
pub(super) struct Document {
    root: Node,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// Swagger 2.0.
    Two,
    /// OpenAPI 3.0 and 3.1.
    Three,
}

/// Where the API is.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// The host name in lower case, or nothing where none is told.
    pub(super) host: String,
    /// The port, where it is not 443.
    pub(super) port: Option<u16>,
    /// The path before that of each operation, without a slash at its end.
    pub(super) base: String,
    /// Whether it is spoken to in the clear.
    pub(super) in_the_clear: bool,
}

/// An operation that may carry a document.
#[derive(Debug)]
pub(super) struct Operation<'n> {
    /// `POST`, `PUT` or `PATCH`.
    pub(super) method: String,
    /// The path below the server's.
    pub(super) path: &'n str,
    /// Its id.
    pub(super) id: Option<&'n str>,
    /// What it does, in the document's words.
    pub(super) summary: Option<&'n str>,
    /// Parameters that a request must have and that no route carries.
    pub(super) parameters: Vec<&'n str>,
    /// Whether it has a server of its own.
    pub(super) elsewhere: bool,
    /// The schema of its document, or why there is no route.
    pub(super) schema: Result<&'n Node, &'static str>,
}

impl Document {
    /// Reads a document.
    pub(super) fn read(document: &[u8]) -> Result<Self, BadDocument> {
        let root = Node::read(document)?;
        let version = match (root.text("openapi"), root.text("swagger")) {
            (Some(version), None) if version.starts_with("3.") => Version::Three,
            (None, Some("2" | "2.0")) => Version::Two,
            _ => return Err(BadDocument::NotOpenApi),
        };
        Ok(Self { root, version })
    }

    /// The title and the version of the API.
    pub(super) fn title(&self) -> (&str, &str) {
        let info = self.root.get("info");
        let text = |name| info.and_then(|info| info.text(name)).unwrap_or_default();
        (text("title"), text("version"))
    }

    /// The first server, and the URLs of the others.
    pub(super) fn servers(&self) -> (Server, Vec<String>) {
        let urls = match self.version {
            Version::Two => self.swagger_urls(),
            Version::Three => self.root.list("servers").iter().filter_map(filled_url).collect(),
        };
        let mut urls = urls.into_iter();
        let first = urls.next().map(|url| Server::read(&url)).unwrap_or_default();
        (first, urls.collect())
    }

    /// The operations that change something, in the document's order; and how many others it has.
    pub(super) fn operations(&self) -> (Vec<Operation<'_>>, usize) {
        let mut operations = Vec::new();
        let mut others = 0;
        for (path, item) in self.root.members("paths") {
            let item = self.resolve(item).unwrap_or(item);
            for (method, operation) in item.as_table().into_iter().flat_map(Table::iter) {
                match method {
                    "post" | "put" | "patch" => {
                        operations.push(self.operation(path, item, method, operation));
                    }
                    "get" | "delete" | "head" | "options" | "trace" => others += 1,
                    _ => {}
                }
            }
        }
        (operations, others)
    }

    /// The value that a `$ref` leads to, or the value itself where it is none.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub(super) fn resolve<'n>(&'n self, mut node: &'n Node) -> Result<&'n Node, &'static str> {
        for _ in 0..HOPS_MAX {
            match node.text("$ref") {
                None => return Ok(node),
                Some(reference) => node = self.target(reference)?,
            }
        }
        Err("a `$ref` that leads to itself")
    }

    /// The value that a reference names.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn target(&self, reference: &str) -> Result<&Node, &'static str> {
        match reference.strip_prefix('#') {
            None => Err("a `$ref` to another document, which is not read"),
            Some(pointer) => self.root.at(pointer).ok_or("a `$ref` that leads nowhere"),
        }
    }

    fn operation<'n>(
        &'n self,
        path: &'n str,
        item: &'n Node,
        method: &str,
        operation: &'n Node,
    ) -> Operation<'n> {
        let parameters = || item.list("parameters").iter().chain(operation.list("parameters"));
        let parameters = || parameters().filter_map(|node| self.resolve(node).ok());
        let needed = parameters().filter(|parameter| {
            parameter.flag("required")
                && matches!(parameter.text("in"), Some("query" | "header" | "cookie"))
        });
        let schema = match self.version {
            Version::Three => self.content(operation),
            Version::Two => {
                let body = parameters().find(|parameter| parameter.text("in") == Some("body"));
                let schema = body.and_then(|body| body.get("schema"));
                let kinds = [operation, &self.root].map(|node| node.list("consumes"));
                let kinds = kinds.into_iter().find(|kinds| !kinds.is_empty()).unwrap_or_default();
                if kinds.is_empty() || kinds.iter().any(|kind| kind.as_text().is_some_and(is_json))
                {
                    schema.ok_or("it has no document")
                } else {
                    Err(NOT_JSON)
                }
            }
        };
        let schema = if path.contains(['{', '}']) {
            Err("path parameters are not supported yet")
        } else {
            schema
        };
        Operation {
            method: method.to_ascii_uppercase(),
            path,
            id: operation.text("operationId"),
            summary: operation.text("summary"),
            parameters: needed.filter_map(|parameter| parameter.text("name")).collect(),
            elsewhere: [item, operation].iter().any(|node| !node.list("servers").is_empty()),
            schema,
        }
    }

    fn content<'n>(&'n self, operation: &'n Node) -> Result<&'n Node, &'static str> {
        let body = operation.get("requestBody").ok_or("it has no document")?;
        let body = self.resolve(body)?;
        let mut kinds = body.members("content");
        let (_, content) = kinds.find(|(kind, _)| is_json(kind)).ok_or(NOT_JSON)?;
        content.get("schema").ok_or("its document has no schema")
    }

    fn swagger_urls(&self) -> Vec<String> {
        let host = self.root.text("host").unwrap_or_default();
        let base = self.root.text("basePath").unwrap_or_default();
        let schemes = self.root.list("schemes");
        let tls = schemes.is_empty() || schemes.iter().any(|s| s.as_text() == Some("https"));
        let scheme = if tls { "https" } else { "http" };
        vec![if host.is_empty() { base.to_owned() } else { format!("{scheme}://{host}{base}") }]
    }
}

impl Server {
    fn read(url: &str) -> Self {
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, base) = match rest.find('/') {
            _ if scheme.is_empty() => ("", rest),
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(']') || port.parse::<u16>().is_ok() => {
                (host, port.parse().ok())
            }
            _ => (authority, None),
        };
        Self {
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| *port != 443 && scheme != "http"),
            base: base.trim_end_matches('/').to_owned(),
            in_the_clear: scheme == "http",
        }
    }
}

// A server's URL with the defaults of its variables, which are not looked into again.
fn filled_url(server: &Node) -> Option<String> {
    let mut rest = server.text("url")?;
    let mut url = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        let variable = server.get("variables").and_then(|variables| variables.get(name));
        url.push_str(before);
        url.push_str(variable.and_then(|variable| variable.text("default")).unwrap_or_default());
        rest = behind;
    }
    url.push_str(rest);
    Some(url)
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

const NOT_JSON: &str = "its document is not `application/json`";

// References from one to the next; more than that is a circle.
const HOPS_MAX: usize = 32;
