//! Writing a file in full or not at all.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Names of half-written files begin so.
const PREFIX: &str = ".new-";

/// Whether the write must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    Yes,
    No,
}

/// Writes `dir/name`, readable by the owner only. When this fails the old file, if any, is untouched.
pub(super) fn write(dir: &Path, name: &str, bytes: &[u8], sync: Sync) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(dir)?;
    file.write_all(bytes)?;
    if sync == Sync::Yes {
        file.as_file().sync_all()?;
    }
    file.persist(dir.join(name)).map_err(|error| error.error)?;
    // The rename itself is an entry of the directory.
    if sync == Sync::Yes { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Whether a crash left a file unfinished.
pub(super) fn is_half_written(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}
