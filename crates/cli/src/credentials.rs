//! Finding the key that signs: a file given, or the files near-cli keeps.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use piecework_chain::{AccountId, KeyFile};
use piecework_console::Problem;

/// The signing key: of `key_file` if given, else near-cli's for the account.
///
/// # Errors
/// If there is no such key, or it belongs to another account.
pub fn find(key_file: Option<&Path>, account_id: Option<&AccountId>, network: &str) -> anyhow::Result<KeyFile> {
    if let Some(path) = key_file {
        let key = KeyFile::read(path).with_context(|| format!("no key from --key-file {}", path.display()))?;
        if let Some(account_id) = account_id
            && *account_id != key.account_id
        {
            bail!(Problem::new(
                format!("{} is a key of {}, not of {account_id}", path.display(), key.account_id),
                "leave --account out, or pass that account's key file",
            ));
        }
        return Ok(key);
    }
    let Some(account_id) = account_id else {
        bail!(Problem::new(
            "this command signs, and no account is given",
            "pass --key-file FILE, or --account ID with a key of near-cli in ~/.near-credentials",
        ));
    };
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    find_near_cli(&home.join(".near-credentials").join(network), account_id)
}

/// A new key of the account, written to a file that must not exist yet.
///
/// # Errors
/// If the file exists or cannot be written.
pub fn create(account_id: &AccountId, path: &Path) -> anyhow::Result<KeyFile> {
    if path.exists() {
        let what = format!("{} exists already, and a key file is never overwritten", path.display());
        bail!(Problem::new(what, "choose another file: --out FILE"));
    }
    let key = KeyFile::generate(account_id.clone());
    key.write(path)?;
    Ok(key)
}

/// near-cli writes `<account>.json`, and `<account>/<public key>.json` for further keys.
fn find_near_cli(dir: &Path, account_id: &AccountId) -> anyhow::Result<KeyFile> {
    let file = dir.join(format!("{account_id}.json"));
    if file.exists() {
        return Ok(KeyFile::read(&file)?);
    }
    let entries = std::fs::read_dir(dir.join(account_id.as_str())).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    files.sort();
    match files.first() {
        Some(file) => Ok(KeyFile::read(file)?),
        None => bail!(Problem::new(
            format!("no key of {account_id} in {}", dir.display()),
            "pass --key-file FILE, or log in with near-cli on this network",
        )),
    }
}

#[cfg(test)]
mod tests {
    use piecework_console::fix_of;

    use super::*;
    #[test]
    fn credentials__should_be_found_where_near_cli_keeps_them() {
        let dir = tempfile::tempdir().unwrap();
        for (account_id, file) in [("a.test", "a.test.json"), ("b.test", "b.test/ed25519_x.json")] {
            let account_id: AccountId = account_id.parse().unwrap();
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            KeyFile::generate(account_id.clone()).write(&path).unwrap();
            assert_eq!(find_near_cli(dir.path(), &account_id).unwrap().account_id, account_id);
        }
    }

    #[test]
    fn credentials__should_name_the_place_and_the_fix_when_there_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let error = find_near_cli(dir.path(), &"c.test".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("no key of c.test in"), "{error}");
        assert!(fix_of(&error).unwrap().contains("--key-file"));
    }

    #[test]
    fn credentials__should_never_overwrite_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let account_id: AccountId = "a.test".parse().unwrap();
        let first = create(&account_id, &path).unwrap();
        let error = create(&account_id, &path).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        assert!(fix_of(&error).unwrap().contains("--out"));
        assert_eq!(KeyFile::read(&path).unwrap().public_key, first.public_key);
    }

    #[test]
    fn credentials__should_refuse_a_key_of_another_account() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        KeyFile::generate("a.test".parse().unwrap()).write(&path).unwrap();
        let error = find(Some(&path), Some(&"b.test".parse().unwrap()), "localnet").unwrap_err();
        assert!(error.to_string().contains("is a key of a.test, not of b.test"), "{error}");
    }
}
