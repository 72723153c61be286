//! A file as memory, read by the system when it is touched; and files that appear whole or not at all.
//!
//! Does NOT know formats.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::fault::{Groth16Error, Result, fault};

/// A mapped file, read only.
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that has at least one byte.
    pub fn open(path: &Path) -> Result<Self> {
        let refused = |error| unreadable(path, "a readable file", error);
        let file = File::open(path).map_err(refused)?;
        let length = file.metadata().map_err(refused)?.len();
        if length == 0 {
            return Err(fault(path.display(), "a file with content", "none"));
        }
        // SAFETY: the map is only ever read. Nobody may shorten or change the file while it is mapped: keys lie in a
        // folder of this node's own user, this crate replaces a key only by renaming another file over it (the map
        // keeps the old one), and whoever else can write there can as well replace the program. A changed byte cannot
        // make wrong results pass: a proof is verified before it is returned.
        let map = unsafe { Mmap::map(&file) }.map_err(refused)?;
        Ok(Self(map))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn unreadable(path: &Path, expected: &str, error: std::io::Error) -> Groth16Error {
    fault(path.display(), expected, error)
}

/// Writes a file: beside it first, then synced, then renamed over it, and the folder synced. Two writers of one path:
/// the second is refused. What a crash leaves is `NAME.part`, which the next writer takes over.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    let refused = |error| unreadable(path, "a file that can be written", error);
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false) // only once the lock is ours
        .open(&part)
        .map_err(refused)?;
    file.try_lock().map_err(|error| {
        fault(
            part.display(),
            "one writer at a time",
            format_args!("another one: {error}"),
        )
    })?;
    // Between opening and locking, another writer may have finished and renamed the file that we hold: never write into it.
    let ours = (file.metadata().map_err(refused)?, std::fs::metadata(&part));
    if !matches!(&ours, (held, Ok(named)) if held.ino() == named.ino()) {
        return Err(fault(part.display(), "one writer at a time", "another one"));
    }
    let written = (|| {
        file.set_len(0).map_err(refused)?;
        let mut out = BufWriter::with_capacity(1 << 20, &file);
        write(&mut out)?;
        out.flush().map_err(refused)?;
        drop(out);
        file.sync_all().map_err(refused)?;
        std::fs::rename(&part, path).map_err(refused)?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = File::open(folder.unwrap_or(Path::new("."))).map_err(refused)?;
        folder.sync_all().map_err(refused)
    })();
    if written.is_err() {
        // Best effort: the first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// A write that failed, on its way to a caller.
pub fn unwritten(error: std::io::Error) -> Groth16Error {
    fault("file", "room to write", error)
}
