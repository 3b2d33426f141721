//! Writing: appending to a text never fails.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// JSON in the making: strings, and single bytes of ASCII, which are much cheaper than characters.
#[derive(Clone, Debug, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// An empty one with room.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Appends a byte of ASCII.
    pub fn push(&mut self, ascii: u8) {
        debug_assert!(ascii.is_ascii());
        self.0.push(ascii);
    }

    /// Appends a string.
    pub fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Appends an array.
    pub fn list<T>(&mut self, values: &[T], write: impl Fn(&T, &mut Self)) {
        self.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.push(b',');
            }
            write(value, self);
        }
        self.push(b']');
    }

    /// Appends bytes of ASCII.
    fn push_ascii(&mut self, ascii: &[u8]) {
        debug_assert!(ascii.is_ascii());
        self.0.extend_from_slice(ascii);
    }

    /// Appends what another one has.
    pub fn push_text(&mut self, text: &Self) {
        self.0.extend_from_slice(&text.0);
    }

    /// Bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a string.
    #[must_use]
    pub fn into_string(self) -> String {
        String::from_utf8(self.0).unwrap_or_default()
    }
}

/// A type that can be written.
pub trait Write {
    /// Appends the value.
    fn write(&self, out: &mut Text);
}

/// The JSON of a value.
pub fn to_string(value: &(impl Write + ?Sized)) -> String {
    let mut out = Text::new();
    value.write(&mut out);
    out.into_string()
}

/// A value behind the name that its object has for it. A function for each type, because every field calls it.
#[inline(never)]
pub fn push_named<T: Write>(name: &str, value: &T, out: &mut Text) {
    out.push_str(name);
    value.write(out);
}

/// Appends bytes as a hexadecimal string.
pub fn push_hex(bytes: &[u8], out: &mut Text) {
    out.push(b'"');
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Appends a number in hexadecimal; nothing for zero.
pub fn push_nibbles(value: u64, out: &mut Text) {
    let mut left = u64::BITS.saturating_sub(value.leading_zeros()).next_multiple_of(4);
    while left > 0 {
        left -= 4;
        out.push(HEX[(value >> left & 15) as usize]);
    }
}

/// Appends a number.
pub fn push_decimal(value: u128, out: &mut Text) {
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
fn push_digits(mut value: u64, least: usize, out: &mut Text) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 || digits.len() - start < least {
        start -= 1;
        digits[start] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
    out.push_ascii(&digits[start..]);
}

macro_rules! write_number {
    ($($type:ty),*) => {$(
        impl Write for $type {
            fn write(&self, out: &mut Text) {
                push_decimal(u128::from(*self), out);
            }
        }
    )*};
}
write_number!(u8, u16, u32, u64);

impl Write for bool {
    fn write(&self, out: &mut Text) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Write for str {
    fn write(&self, out: &mut Text) {
        out.push(b'"');
        let mut from = 0;
        for (at, byte) in self.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.push_str(self.get(from..at).unwrap_or_default());
            from = at + 1;
            if byte < b' ' {
                out.push_str("\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            } else {
                out.push(b'\\');
                out.push(byte);
            }
        }
        out.push_str(self.get(from..).unwrap_or_default());
        out.push(b'"');
    }
}

impl Write for String {
    fn write(&self, out: &mut Text) {
        self.as_str().write(out);
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, out: &mut Text) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Write> Write for Box<T> {
    fn write(&self, out: &mut Text) {
        self.as_ref().write(out);
    }
}

impl<T: Write> Write for [T] {
    fn write(&self, out: &mut Text) {
        out.list(self, T::write);
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, out: &mut Text) {
        self.as_slice().write(out);
    }
}

impl<T: Write, const N: usize> Write for [T; N] {
    fn write(&self, out: &mut Text) {
        self.as_slice().write(out);
    }
}

/// A pair is an array of two.
impl<A: Write, B: Write> Write for (A, B) {
    fn write(&self, out: &mut Text) {
        out.push(b'[');
        self.0.write(out);
        out.push(b',');
        self.1.write(out);
        out.push(b']');
    }
}

/// Appends the fields of an object after their names, the first of which opens it.
pub fn write_all(fields: &[(&str, &dyn Write)], out: &mut Text) {
    for (name, value) in fields {
        out.push_str(name);
        value.write(out);
    }
    out.push(b'}');
}
