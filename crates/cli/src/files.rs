//! Files that a command is told of.

use std::{fs, path::Path};

use anyhow::Context as _;
use piecework_console::Problem;
use piecework_interface::config::Config;
use piecework_stack::launch::{CONFIG_FIELDS, config_with};
use serde_json::Value;

/// The bytes of a file.
///
/// # Errors
/// It cannot be read; `fix` says what it should be.
pub fn read(path: &Path, fix: &str) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| Problem::new(format!("{} cannot be read", path.display()), fix))
}

/// Its text.
///
/// # Errors
/// As [`read`].
pub fn read_text(path: &Path, fix: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| Problem::new(format!("{} cannot be read", path.display()), fix))
}

/// A contract's code.
///
/// # Errors
/// As [`read`].
pub fn read_wasm(path: &Path) -> anyhow::Result<Vec<u8>> {
    read(path, "run ./scripts/build-contracts, or pass the file's path")
}

/// A configuration with the fields that a JSON file has, the others as they are.
///
/// # Errors
/// The file is no JSON object, or has a field that no configuration has.
pub fn read_config(path: &Path, current: &Config) -> anyhow::Result<Value> {
    let text = read_text(path, "pass a JSON file with the fields that change, such as {\"fee_bps\": 300}")?;
    let of = |why: &str| Problem::new(format!("{} is no configuration: {why}", path.display()), CONFIG_FIELDS);
    let fields: Value = serde_json::from_str(&text).map_err(|error| of(&error.to_string()))?;
    if !fields.is_object() {
        return Err(of("it is not a JSON object").into());
    }
    Ok(config_with(current, fields).map_err(|name| of(&format!("there is no field {name}")))?)
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;
    fn config(text: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        fs::write(&path, text).unwrap();
        Ok(serde_json::from_value(read_config(&path, &Config::default())?)?)
    }

    #[test]
    fn read_config__should_leave_the_other_fields_as_they_are() {
        let mut expected = Config { grace_s: 1, ..Config::default() };
        expected.bounds.slice_s = (1, 9);
        assert_eq!(config("{\"grace_s\": 1, \"bounds\": {\"slice_s\": [1, 9]}}").unwrap(), expected);
    }

    #[test]
    fn read_config__should_name_what_is_no_field_and_no_object() {
        for (text, part) in [
            ("{\"grace\": 1}", "no field grace"),
            ("{\"bounds\": {\"slice\": 1}}", "no field bounds.slice"),
            ("{", "EOF"),
            ("[1]", "not a JSON object"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(fix_of(&error).is_some());
        }
    }
}
