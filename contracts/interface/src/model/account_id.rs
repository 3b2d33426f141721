//! Which texts are NEAR account ids.

/// Length of the longest account id.
pub const ACCOUNT_ID_MAX: usize = 64;

/// NEAR's rule for account ids: 2..=64 bytes of lower-case letters and digits, parted by single `.`, `-` or `_`.
#[must_use]
pub fn is_account_id(id: &str) -> bool {
    let mut parted = true;
    for byte in id.bytes() {
        let separator = matches!(byte, b'.' | b'-' | b'_');
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || separator) || (separator && parted) {
            return false;
        }
        parted = separator;
    }
    !parted && (2..=ACCOUNT_ID_MAX).contains(&id.len())
}
