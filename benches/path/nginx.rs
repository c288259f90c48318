//! nginx as Debian packages it: a plain TLS proxy, and the same with a redacting Lua script.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::running::{Running, free_address};
use crate::world::{GATEWAY, PARTNER, World};

/// What nginx does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Task {
    /// Passes it on.
    Forward,
    /// Parses it, keeps the mapped members, writes it and passes it on.
    Redact,
}

/// Starts nginx as one process of one worker.
pub(crate) fn start(world: &World, task: Task) -> Result<Running, String> {
    install()?;
    let address = free_address();
    let (name, modules, access) = match task {
        Task::Forward => ("nginx", "", ""),
        Task::Redact => ("nginx-lua", MODULES, "access_by_lua_file redact.lua;"),
    };
    let folder = world.folder.join(name);
    let file = |path: std::path::PathBuf| path.display().to_string();
    let config = include_str!("nginx.conf")
        .replace("@MODULES@", modules)
        .replace("@ACCESS@", access)
        .replace("@ADDRESS@", &address.to_string())
        .replace("@GATEWAY@", GATEWAY)
        .replace("@PARTNER@", PARTNER)
        .replace("@PARTNER_ADDRESS@", &world.partner.address().to_string())
        .replace("@CA@", &file(world.ca()))
        .replace("@CERTIFICATE@", &file(world.certificate(GATEWAY)))
        .replace("@KEY@", &file(world.key(GATEWAY)));
    let write = |name: &str, text: &str| fs::write(folder.join(name), text);
    fs::create_dir_all(&folder)
        .and_then(|()| write("nginx.conf", &config))
        .and_then(|()| write("redact.lua", include_str!("redact.lua")))
        .map_err(|error| error.to_string())?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    Running::start(command, address, &folder.join("log"))
}

const MODULES: &str = "load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;";

/// Installs the Debian packages where something of them is missing, and says so.
fn install() -> Result<(), String> {
    let has_nginx = Command::new("nginx").arg("-v").output().is_ok();
    let has_lua = Path::new("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists()
        && Path::new("/usr/share/doc/lua-cjson").exists();
    if has_nginx && has_lua {
        return Ok(());
    }
    eprintln!("installing with apt-get: {}", PACKAGES.join(" "));
    let apt = |arguments: &[&str]| {
        let output = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    let install = [&["install", "-y", "-q", "--no-install-recommends"], &PACKAGES[..]].concat();
    let installed = apt(&install) || apt(&["update", "-q"]) && apt(&install);
    installed.then_some(()).ok_or_else(|| format!("apt-get cannot install {}", PACKAGES.join(" ")))
}

const PACKAGES: [&str; 3] = ["nginx-light", "libnginx-mod-http-lua", "lua-cjson"];
