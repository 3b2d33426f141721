//! Frames: length, checksum, bytes.

/// Length and checksum.
pub const HEADER: usize = 8;

/// Appends a frame around what `write` appends.
pub fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    write(out)?;
    let body = start + HEADER;
    let length = u32::try_from(out.len() - body).map_err(std::io::Error::other)?;
    let checksum = crc32fast::hash(&out[body..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..body].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// The body of the frame at the start of `bytes`; `None` if it is torn or damaged.
pub fn read(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (length, checksum) = header.split_at(4);
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let body = rest.get(..length)?;
    (crc32fast::hash(body) == u32::from_le_bytes(checksum.try_into().ok()?)).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame__should_be_read_whole_or_not_at_all() {
        // Given a frame with another after it
        let mut bytes = Vec::new();
        append(&mut bytes, |out| {
            out.extend_from_slice(b"block");
            Ok(())
        })
        .unwrap();
        let length = bytes.len();
        append(&mut bytes, |out| {
            out.extend_from_slice(b"next");
            Ok(())
        })
        .unwrap();

        // Then it reads back, but not cut at any place and not with any bit changed
        assert_eq!(read(&bytes), Some(b"block".as_slice()));
        assert!((0..length).all(|cut| read(&bytes[..cut]).is_none()));
        for position in 4..length {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1;
            assert_eq!(read(&damaged), None, "byte {position}");
        }
    }
}
