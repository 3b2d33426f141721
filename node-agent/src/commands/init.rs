//! `init`: writes a configuration file.

use std::{
    fs::{OpenOptions, create_dir_all},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::config::Overrides;

/// Settings of the new file beside those that every command takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Class of work.
    #[arg(long, default_value_t = 0)]
    class: u16,
    /// Seconds of wall time per lot.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    time_limit_s: u32,
    /// Program that does the work, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Writes the file; an existing one stays.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn init(path: &Path, args: &Args, overrides: &Overrides) -> Result<()> {
    let text = render(args, overrides);
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        create_dir_all(dir).with_context(|| format!("directory {} cannot be made", dir.display()))?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).with_context(|| {
        format!("{} cannot be made: name a file that is not there yet with --config", path.display())
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("wrote {}; next: piecework-agent --config {} check", path.display(), path.display());
    Ok(())
}

fn render(args: &Args, overrides: &Overrides) -> String {
    let text = |value: &Option<String>, default: &str| quote(value.as_deref().unwrap_or(default));
    // Paths of the command line are relative to here, those of the file to the file.
    let path = |value: &Option<PathBuf>, default: &str| match value {
        Some(path) => quote(&std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy()),
        None => quote(default),
    };
    let urls =
        if overrides.rpc_url.is_empty() { vec!["http://127.0.0.1:3030".to_owned()] } else { overrides.rpc_url.clone() };
    format!(
        "# Configuration of piecework-agent. Relative paths are relative to this file.\n\n\
         [node]\naccount_id = {}\nkey_file = {}\n\n\
         [chain]\nrpc_urls = {}\ncontract = {}\n\n\
         [gateway]\nurl = {}\n\n\
         [work]\nmax_reservations = 8\nkeeper = true\n\n\
         [work.classes.{}]\ncommand = {}\ntime_limit_s = {}\nmemory_mib = 1024\n\n\
         [state]\ndir = {}\n\n\
         # [metrics]\n# listen = \"127.0.0.1:9464\"\n",
        text(&overrides.account_id, "node.example.near"),
        path(&overrides.key_file, "node-key.json"),
        list(&urls),
        text(&overrides.contract, "piecework.example.near"),
        text(&overrides.gateway_url, "http://127.0.0.1:8080"),
        args.class,
        list(&args.command),
        args.time_limit_s,
        path(&overrides.state_dir, "state"),
    )
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(texts: &[String]) -> String {
    toml::Value::Array(texts.iter().cloned().map(toml::Value::String).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn init__should_write_a_file_that_run_accepts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("op/agent.toml");
        let args = Args { class: 7, time_limit_s: 9, command: vec!["/bin/worker".to_owned(), "a \"b\"\n".to_owned()] };
        let overrides = Overrides { account_id: Some("n.near".to_owned()), ..Overrides::default() };
        init(&path, &args, &overrides).unwrap();
        let config = Config::load(&path, &Overrides::default()).unwrap();
        let class = &config.classes[&piecework_interface::ids::ClassId(7)];
        assert_eq!(class.command.command, args.command);
        assert_eq!(class.limits.time_limit_s, 9);
        assert!(init(&path, &args, &overrides).unwrap_err().to_string().contains("not there yet"));
    }
}
