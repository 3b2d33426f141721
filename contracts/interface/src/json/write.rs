//! Writing: appending to a string never fails.

use crate::{
    amount::Amount,
    ids::{AccountNo, BatchId, ClassId, LotId, TokenId},
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A type that can be written.
pub trait Write {
    /// Appends the value.
    fn write(&self, out: &mut String);
}

/// The JSON of a value.
pub fn to_string(value: &(impl Write + ?Sized)) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

/// Appends bytes as a hexadecimal string.
pub fn push_hex(bytes: &[u8], out: &mut String) {
    out.push('"');
    out.reserve(2 * bytes.len() + 1);
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out.push('"');
}

/// Appends a number.
pub(crate) fn push_decimal(value: u128, out: &mut String) {
    // Division of 128 bits is slow, so it is done once for nineteen digits.
    const PART: u128 = 10_u128.pow(19);
    match u64::try_from(value) {
        Ok(value) => push_digits(value, 1, out),
        Err(_) => {
            push_decimal(value / PART, out);
            push_digits(u64::try_from(value % PART).unwrap_or_default(), 19, out);
        }
    }
}

/// Appends a number with so many digits at least.
fn push_digits(mut value: u64, least: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 || digits.len() - start < least {
        start -= 1;
        digits[start] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
    out.push_str(core::str::from_utf8(&digits[start..]).unwrap_or_default());
}

macro_rules! write_number {
    ($($type:ty),*) => {$(
        impl Write for $type {
            fn write(&self, out: &mut String) {
                push_decimal(u128::from(*self), out);
            }
        }
    )*};
}
write_number!(u8, u16, u32, u64);

macro_rules! write_id {
    ($($type:ty),*) => {$(
        impl Write for $type {
            fn write(&self, out: &mut String) {
                self.0.write(out);
            }
        }
    )*};
}
write_id!(AccountNo, BatchId, ClassId, LotId, TokenId);

impl Write for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Write for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        let mut from = 0;
        for (at, byte) in self.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.push_str(self.get(from..at).unwrap_or_default());
            from = at + 1;
            if byte < b' ' {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            } else {
                out.push('\\');
                out.push(char::from(byte));
            }
        }
        out.push_str(self.get(from..).unwrap_or_default());
        out.push('"');
    }
}

impl Write for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl Write for Amount {
    fn write(&self, out: &mut String) {
        out.push('"');
        push_decimal(self.0, out);
        out.push('"');
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Write> Write for Box<T> {
    fn write(&self, out: &mut String) {
        self.as_ref().write(out);
    }
}

impl<T: Write> Write for [T] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

impl<T: Write, const N: usize> Write for [T; N] {
    fn write(&self, out: &mut String) {
        self.as_slice().write(out);
    }
}

/// A pair is an array of two.
impl<A: Write, B: Write> Write for (A, B) {
    fn write(&self, out: &mut String) {
        out.push('[');
        self.0.write(out);
        out.push(',');
        self.1.write(out);
        out.push(']');
    }
}
